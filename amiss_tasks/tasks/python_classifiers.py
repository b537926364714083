"""Trains classifiers in Python on R's tables, with R's random numbers.

Tables are imputed and scaled in R, and all draws are R's; the algorithms are in
:mod:`amiss_tasks.classifiers`. The counterpart of ``train.R``.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss_tasks.classifiers import load
from amiss_tasks.classifiers.contract import UPSTREAM_CHOICES, Choices, Fit, Resamples
from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray
from amiss_tasks.r.session import RObject
from amiss_tasks.stages.evaluate import Prediction
from amiss_tasks.stages.metrics import matthews
from amiss_tasks.tasks.r_calls import RCalls
from amiss_tasks.tasks.stage_results import PythonModel, PythonModels, Trained
from gridrun.pipeline import TaskFailure


@dataclass(frozen=True)
class _One:
    model: PythonModel
    facts: Mapping[str, Any]
    notes: Sequence[str]


_Found = _One | TaskFailure


def train(
    call: RCalls,
    classifier: str,
    tables: RObject,
    outcome: RObject,
    seed: int,
    *,
    choices: Choices = UPSTREAM_CHOICES,
    groups: IntArray | None = None,
) -> Trained:
    """Train on every imputed table of every row of hyperparameters; keep the best row.

    Tables are trained one after another in the classifiers' stream. The row with
    the largest mean MCC is chosen, of equal ones the first; a model that fails is
    the worst of its row.

    Args:
        call: Calls R.
        classifier: Name of a classifier in Python.
        tables: R list, for each row a list of imputed training tables, or NULL.
        outcome: R factor, positive first.
        seed: Seed of the fold.
        choices: Where training differs from upstream.
        groups: Variant of each row, where inner folds keep variants together (D9).

    Raises:
        TaskFailure: A model fails, and is the only one or of the chosen row.
    """
    chain = _Chain(call, classifier, outcome, seed, choices, groups=groups)
    only = sum(len(tables.at(row)) for row in range(len(tables))) == 1
    rows: list[list[_Found]] = []
    for row in range(len(tables)):
        of_row = tables.at(row)
        rows.append([chain.train(of_row.at(index)) for index in range(len(of_row))])
        if only and rows[-1] and isinstance(rows[-1][0], TaskFailure):
            raise rows[-1][0]
    mcc = tuple(_mean([_worth(found) for found in row]) for row in rows)
    best = max(range(len(rows)), key=lambda row: mcc[row])
    models, facts = PythonModels(), []
    for found in rows[best]:
        if isinstance(found, TaskFailure):
            raise found
        models.append(found.model)
        facts.append(found.facts)
    if not models:
        raise TaskFailure(
            "all models failed, and the first imputation, which is then chosen, has no imputed "
            "table"
        )
    fitted = [found for row in rows for found in row if isinstance(found, _One)]
    fits: Counter[str] = Counter()
    for one in fitted:
        fits.update(one.facts["fits"])
    notes = tuple(note for one in fitted for note in one.notes)
    return Trained(models, facts, best, mcc, dict(fits), notes)


def predict(
    call: RCalls,
    model: PythonModel,
    data: RObject,
    rows: IntArray | None,
    *,
    accepts_missing: bool = False,
) -> tuple[Prediction, tuple[str, ...]]:
    """P(positive) of an imputed test table, or of some rows (from 0) as a table.

    Where ``accepts_missing`` is False, a missing value fails the task.
    """
    wanted = None if rows is None else rows + 1
    cut = call("rows_for", model.recipe, data, wanted, accepts_missing).value
    started = time.perf_counter()
    values = call("prepared_matrix", cut, model.recipe)
    probability = load(model.classifier).predict_positive(model.model, values.value.python())
    return Prediction(probability, time.perf_counter() - started), values.warnings


class _Chain:
    """Imputed tables one after another, each from where the one before left R's generator."""

    def __init__(
        self,
        call: RCalls,
        classifier: str,
        outcome: RObject,
        seed: int,
        choices: Choices,
        *,
        groups: IntArray | None,
    ) -> None:
        self._groups = groups
        self._call = call
        self._classifier = classifier
        self._choices = choices
        self._outcome = outcome
        self._seed = seed
        self._positive = np.array(
            call("outcome_is_positive", outcome).value.python(), dtype=np.bool_
        )
        self._state: RObject | None = None

    def train(self, data: RObject) -> _Found:
        """Train on one table."""
        table = _Table(self._call, data, self._positive)
        draws = RDraws(self._call, self._outcome, self._seed, self._state, self._groups)
        try:
            self._call("check_training", data, self._outcome)
            fit = load(self._classifier).fit(table, draws, self._choices)
        except TaskFailure as failure:
            if draws.last_seed is not None:
                # upstream's last fit was seeded before it failed
                self._state = self._call("state_after", draws.last_seed, 0).value
            return failure
        self._state = self._call("state_after", fit.final_seed, fit.final_draws).value
        model = PythonModel(self._classifier, fit.model, table.recipe())
        return _One(model, _facts(fit, self._positive, self._choices.one_sided_mcc), fit.notes)


class _Table:
    """An imputed training table in R; see ``contract.TrainingTable``."""

    def __init__(self, call: RCalls, data: RObject, positive: BoolArray) -> None:
        self._call = call
        self._data = data
        self.positive = positive

    def scaled(self, learnt_on: IntArray | None = None) -> FloatArray:
        """All rows, scaled as learnt on some."""
        values: FloatArray = self._call(
            "prepared_matrix", self._data, self.recipe(learnt_on)
        ).value.python()
        return values

    def recipe(self, learnt_on: IntArray | None = None) -> RObject:
        """Columns, and means and deviations of these rows, in R."""
        rows = np.arange(len(self.positive)) if learnt_on is None else learnt_on
        return self._call("recipe_of", self._data, rows + 1).value


class RDraws:
    """R's random numbers for one table; see ``contract.Draws``.

    Args:
        call: Calls R.
        outcome: R factor, positive first.
        seed: Seed of the fold.
        state: Where the table before left the generator; None for the first.
        groups: Variant of each row, where folds keep variants together.
    """

    def __init__(
        self,
        call: RCalls,
        outcome: RObject,
        seed: int,
        state: RObject | None,
        groups: IntArray | None = None,
    ) -> None:
        self._groups = groups
        self._call = call
        self._outcome = outcome
        self._seed = seed
        self._state = state
        self.last_seed: int | None = None
        """Seed of the last fit of the inner cross-validation, once it is drawn."""

    def resamples(self, folds: int, settings: int) -> Resamples:
        """Caret's folds and seeds."""
        drawn = self._call(
            "draw_resamples",
            self._outcome,
            self._seed,
            self._state,
            folds,
            settings,
            self._groups,
        ).value.python()
        held_out: Sequence[IntArray] = [rows.astype(np.int64) - 1 for rows in drawn["held_out"]]
        seeds = drawn["seeds"].astype(np.int64)
        self.last_seed = int(seeds[-2])
        return Resamples(held_out, seeds[:-1].reshape(len(held_out), settings), int(seeds[-1]))

    def uniforms(self, seed: int, size: int) -> FloatArray:
        """The first uniform numbers of a seed."""
        numbers: FloatArray = self._call("uniform_draws", seed, size).value.python()
        return numbers


def _facts(fit: Fit, positive: BoolArray, one_sided_mcc: float) -> Mapping[str, Any]:
    fitted, truth = fit.fitted_positive, positive
    if fit.held_out is not None:
        fitted, truth = fit.held_out.positive, positive[fit.held_out.rows]
    counts = (truth & fitted, ~truth & fitted, truth & ~fitted, ~truth & ~fitted)
    tp, fp, fn, tn = (int(np.count_nonzero(flags)) for flags in counts)
    return {
        "selection_mcc": matthews(tp, fp, fn, tn, one_sided_mcc),
        "seconds": fit.seconds,
        "rows": len(positive),
        "settings": dict(fit.settings),
        "fits": dict(fit.fits),
    }


def _worth(found: _Found) -> float:
    """MCC by which rows of hyperparameters are compared; the worst for a model that failed."""
    mcc = math.nan if isinstance(found, TaskFailure) else float(found.facts["selection_mcc"])
    return -math.inf if math.isnan(mcc) else mcc


def _mean(values: Sequence[float]) -> float:
    """Mean as R rounds it; the worst for a row without a table."""
    return float(np.mean(np.array(values, dtype=np.longdouble))) if values else -math.inf
