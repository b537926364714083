"""Classifiers in Python between R's tables and R's random numbers.

Tables are completed and scaled in R, draws are R's; what a classifier makes of
them is :mod:`amiss_tasks.classifiers`' business.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from amiss_tasks.blocktables import BoolArray, IntArray
from amiss_tasks.classifiers import load
from amiss_tasks.classifiers.contract import Fit, Resamples
from amiss_tasks.evaluate import Prediction
from amiss_tasks.metrics import matthews
from amiss_tasks.rsession import RObject, RResult
from amiss_tasks.table import FloatArray


class RCall(Protocol):
    """Calls an R function of the stages; its error is a ``TaskFailure``."""

    def __call__(self, function: str, *args: Any) -> RResult:
        """Value and warnings."""
        ...


@dataclass(frozen=True)
class PythonModel:
    """A trained model and what its rows have to go through first.

    Args:
        classifier: Its name.
        model: Of its :class:`~amiss_tasks.classifiers.contract.Fit`.
        scaling: Learnt on the training table, in R.
    """

    classifier: str
    model: Any
    scaling: RObject


class PythonModels(list[PythonModel]):
    """Models of the completed tables, indexed as those in R are."""

    def at(self, index: int) -> PythonModel:
        """Model of a completed table, counted from 0."""
        return self[index]


def train(
    call: RCall, classifier: str, tables: RObject, outcome: RObject, seed: int
) -> tuple[PythonModels, list[Mapping[str, Any]], tuple[str, ...]]:
    """Train on each completed table, one after another in the classifiers' stream.

    Args:
        call: Calls R.
        classifier: Name of a classifier in Python.
        tables: R list of completed training tables.
        outcome: R factor, positive first.
        seed: Seed of the fold.

    Returns:
        The models; for each selection_mcc, seconds, rows, settings, fits; warnings.
    """
    positive = np.array(call("outcome_is_positive", outcome).value.python(), dtype=np.bool_)
    models = PythonModels()
    facts: list[Mapping[str, Any]] = []
    notes: list[str] = []
    state: RObject | None = None
    for index in range(len(tables.sexp)):
        data = tables.at(index)
        call("check_training", data, outcome)
        table = _Table(call, data, positive)
        draws = _Draws(call, outcome, seed, state)
        fit = load(classifier).fit(table, draws)
        models.append(PythonModel(classifier, fit.model, table.scaling()))
        facts.append(_facts(fit, positive))
        notes.extend(fit.notes)
        if index + 1 < len(tables.sexp):
            state = call("state_after", fit.final_seed, fit.final_draws).value
    return models, facts, tuple(notes)


def predict(
    call: RCall, model: PythonModel, data: RObject, rows: IntArray | None
) -> tuple[Prediction, tuple[str, ...]]:
    """P(positive) of a completed test table, or of some rows (from 0) as a table."""
    if rows is not None:
        data = call("cut_table", data, rows + 1, call("names_of", data).value).value
    started = time.perf_counter()
    values = call("scaled_matrix", data, model.scaling)
    probability = load(model.classifier).predict_positive(model.model, values.value.python())
    return Prediction(probability, time.perf_counter() - started), values.warnings


class _Table:
    """A completed training table in R; see ``contract.TrainingTable``."""

    def __init__(self, call: RCall, data: RObject, positive: BoolArray) -> None:
        self._call = call
        self._data = data
        self.positive = positive

    def scaled(self, learnt_on: IntArray | None = None) -> FloatArray:
        """All rows, scaled as learnt on some."""
        scaling = self.scaling(learnt_on)
        values: FloatArray = self._call("scaled_matrix", self._data, scaling).value.python()
        return values

    def scaling(self, learnt_on: IntArray | None = None) -> RObject:
        """Means and deviations of these rows, in R."""
        rows = np.arange(len(self.positive)) if learnt_on is None else learnt_on
        return self._call("scaling_of_rows", self._data, rows + 1).value


class _Draws:
    """R's random numbers for one table; see ``contract.Draws``."""

    def __init__(self, call: RCall, outcome: RObject, seed: int, state: RObject | None) -> None:
        self._call = call
        self._outcome = outcome
        self._seed = seed
        self._state = state

    def resamples(self, folds: int, settings: int) -> Resamples:
        """Caret's folds and seeds."""
        drawn = self._call(
            "draw_resamples", self._outcome, self._seed, self._state, folds, settings
        ).value.python()
        held_out: Sequence[IntArray] = [rows.astype(np.int64) - 1 for rows in drawn["held_out"]]
        seeds = drawn["seeds"].astype(np.int64)
        return Resamples(held_out, seeds[:-1].reshape(len(held_out), settings), int(seeds[-1]))

    def uniforms(self, seed: int, size: int) -> FloatArray:
        """The first uniform numbers of a seed."""
        numbers: FloatArray = self._call("uniform_draws", seed, size).value.python()
        return numbers


def _facts(fit: Fit, positive: BoolArray) -> Mapping[str, Any]:
    fitted = fit.fitted_positive
    counts = (positive & fitted, ~positive & fitted, positive & ~fitted, ~positive & ~fitted)
    return {
        "selection_mcc": matthews(*(int(np.count_nonzero(flags)) for flags in counts)),
        "seconds": fit.seconds,
        "rows": len(positive),
        "settings": dict(fit.settings),
        "fits": dict(fit.fits),
    }
