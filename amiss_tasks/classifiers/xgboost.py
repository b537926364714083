"""Boosted trees as caret's method "xgbTree" with 10-fold cross-validation, without caret.

96 settings are compared by their mean accuracy over the folds. Models with 200
trees are the beginning of those with 400, so 48 fits a fold serve them all.
Source: upstream's ``impute_and_train``; ``upstream-behaviour`` section 5.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from amiss_tasks.blocktables import BoolArray, IntArray
from amiss_tasks.classifiers._boosting import (
    POSITIVE_FROM,
    Setting,
    XGBoostError,
    boost,
    depth,
    matrix,
    probabilities,
)
from amiss_tasks.classifiers._same_fit import Shape, order_of_fits, same_fit
from amiss_tasks.classifiers.contract import Classifier, Draws, Fit, Resamples, TrainingTable
from amiss_tasks.table import FloatArray
from gridrun.pipeline import TaskFailure

FOLDS = 10
ROUNDS = (200, 400)
SETTINGS = [
    Setting(*values)
    for values in product((0.0, 0.5, 1.0), (5, 10), (0.0, 1.0, 10.0, 100.0), (0.5, 1.0))
]
"""In the order of caret's loop, which is that of its seeds."""


@dataclass(frozen=True)
class _Choice:
    setting: Setting
    rounds: int
    fitted: int
    notes: tuple[str, ...]


class XGBoost:
    """See :class:`amiss_tasks.classifiers.contract.Classifier`.

    Args:
        shortcuts: Leave out fits whose result is known beforehand; False makes
            every fit that upstream makes, to the same end.
    """

    def __init__(self, *, shortcuts: bool = True) -> None:
        self._shortcuts = shortcuts

    def fit(self, table: TrainingTable, draws: Draws) -> Fit:
        """Choose among the 96 settings and fit the chosen one to all rows.

        Raises:
            TaskFailure: xgboost refuses the table.
        """
        resamples = draws.resamples(FOLDS, len(SETTINGS))
        choice = self._choose(table, resamples, draws)
        started = time.perf_counter()
        try:
            rows = matrix(table.scaled(), table.positive)
        except XGBoostError as error:
            raise TaskFailure(_first_line(error)) from None
        model, final_draws = boost(
            rows,
            choice.setting,
            choice.rounds,
            lambda size: draws.uniforms(resamples.final_seed, size),
        )
        seconds = time.perf_counter() - started
        return Fit(
            model=model,
            fitted_positive=probabilities(model, rows) >= POSITIVE_FROM,
            seconds=seconds,
            settings={
                "nrounds": choice.rounds,
                "max_depth": choice.setting.max_depth,
                "eta": choice.setting.eta,
                "gamma": choice.setting.gamma,
                "colsample_bytree": choice.setting.colsample_bytree,
                "min_child_weight": 1,
                "subsample": 1,
            },
            fits={"boosted models": choice.fitted + 1},
            final_seed=resamples.final_seed,
            final_draws=final_draws,
            notes=choice.notes,
        )

    def predict_positive(self, model: Any, values: FloatArray) -> FloatArray:
        """P(positive) of each row, shape (rows,)."""
        return probabilities(model, matrix(values))

    def _choose(self, table: TrainingTable, resamples: Resamples, draws: Draws) -> _Choice:
        accuracies, fitted, refusals = [], 0, []
        for held_out, seeds in zip(resamples.held_out, resamples.seeds, strict=True):
            fold = _Fold(table, held_out, seeds, draws)
            try:
                accuracies.append(fold.accuracies(shortcuts=self._shortcuts))
            except XGBoostError as error:
                refusals.append(_first_line(error))
            fitted += fold.fitted
        if not accuracies:
            raise TaskFailure(
                f"all {len(refusals)} folds of the inner cross-validation failed: {refusals[0]}"
            )
        mean = mean_over_folds(np.array(accuracies))
        # caret's order of rows, in which the first of the best wins
        ranked = sorted(
            ((rounds, s.max_depth, s.eta, s.gamma, s.colsample_bytree), i, j)
            for i, s in enumerate(SETTINGS)
            for j, rounds in enumerate(ROUNDS)
        )
        _, i, j = max(ranked, key=lambda row: mean[row[1], row[2]])
        notes = tuple(f"a fold of the inner cross-validation failed: {text}" for text in refusals)
        return _Choice(SETTINGS[i], ROUNDS[j], fitted, notes)


class _Fold:
    """One fold of the inner cross-validation."""

    def __init__(
        self, table: TrainingTable, held_out: IntArray, seeds: IntArray, draws: Draws
    ) -> None:
        self._table = table
        self._held_out = held_out
        self._seeds = dict(zip(SETTINGS, seeds.tolist(), strict=True))
        self._draws = draws
        self.fitted = 0

    def accuracies(self, *, shortcuts: bool) -> FloatArray:
        """Accuracy of each setting and number of rounds, shape (settings, rounds).

        Raises:
            XGBoostError: xgboost refuses the rows.
        """
        positive = self._table.positive
        kept = np.setdiff1d(np.arange(len(positive)), self._held_out)
        values = self._table.scaled(kept)
        rows = matrix(values[kept], positive[kept])
        left_out, truth = matrix(values[self._held_out]), positive[self._held_out]
        found: dict[Setting, list[float]] = {}
        shapes: dict[Setting, Shape] = {}
        for setting in order_of_fits(SETTINGS):
            if shortcuts and not setting.learns:
                # every probability is the base score, which counts as positive
                found[setting] = [_share(truth)] * len(ROUNDS)
                continue
            twin = same_fit(setting, shapes) if shortcuts else None
            if twin is not None:
                found[setting] = found[twin]
                continue
            model, _ = boost(rows, setting, max(ROUNDS), self._uniforms(setting))
            self.fitted += 1
            found[setting] = [
                _share((probabilities(model, left_out, rounds) >= POSITIVE_FROM) == truth)
                for rounds in ROUNDS
            ]
            if shortcuts and setting.colsample_bytree == 1:
                shapes[setting] = Shape(depth(model))
        return np.array([found[setting] for setting in SETTINGS])

    def _uniforms(self, setting: Setting) -> Any:
        seed = self._seeds[setting]
        return lambda size: self._draws.uniforms(seed, size)


def mean_over_folds(accuracies: FloatArray) -> FloatArray:
    """Means as R's ``colMeans`` has them, on whose last bit ties depend.

    Args:
        accuracies: Shape (folds, settings, rounds).

    Returns:
        Shape (settings, rounds).
    """
    total = np.zeros(accuracies.shape[1:], dtype=np.longdouble)
    for fold in accuracies:
        total += fold
    return (total / len(accuracies)).astype(np.float64)


def _share(flags: BoolArray) -> float:
    return int(np.count_nonzero(flags)) / len(flags)


def _first_line(error: Exception) -> str:
    """xgboost's message without the time and place in its source that stand before it."""
    lines = [line.strip() for line in str(error).splitlines()]
    first = next((line for line in lines if line), type(error).__name__)
    return re.sub(r"^\[[\d:]+\] \S+: (Check failed: [^:]*: )?", "", first)


CLASSIFIER: Classifier = XGBoost()
