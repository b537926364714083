"""Boosted trees as caret's method "xgbTree" with 10-fold cross-validation, without caret.

The 96 settings of upstream's grid are compared by their mean accuracy over the
folds; the best is fitted to all rows. Source: upstream's ``impute_and_train``;
``upstream-behaviour`` section 5, "Training".
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from amiss_tasks.classifiers._boosting import (
    POSITIVE_FROM,
    Boosting,
    Setting,
    XGBoostError,
    draws_of,
    from_json,
    matrix,
    probabilities,
    to_json,
)
from amiss_tasks.classifiers._tuning import (
    FOLDS,
    ROUNDS,
    SETTINGS,
    InnerFold,
    best,
    drawn_settings,
    mean_over_folds,
)
from amiss_tasks.classifiers.contract import (
    UPSTREAM_CHOICES,
    Choices,
    Classifier,
    Draws,
    Fit,
    HeldOut,
    Resamples,
    TrainingTable,
)
from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray
from gridrun.pipeline import TaskFailure


class XGBoost:
    """See :class:`amiss_tasks.classifiers.contract.Classifier`.

    Args:
        shortcuts: Leave out work whose outcome is known beforehand; False does
            all that upstream does, to the same end.
    """

    def __init__(self, *, shortcuts: bool = True) -> None:
        self._shortcuts = shortcuts

    def fit(self, table: TrainingTable, draws: Draws, choices: Choices = UPSTREAM_CHOICES) -> Fit:
        """Choose among the settings and fit the chosen one to all rows.

        Raises:
            TaskFailure: xgboost refuses the table.
        """
        settings = _settings(draws, choices)
        resamples = draws.resamples(FOLDS, len(settings))
        folds, fitted, refusals = self._cross_validate(table, resamples, draws, settings)
        if not folds:
            raise TaskFailure(f"every fold of the inner cross-validation failed: {refusals[0]}")
        accuracies = np.array([fold.accuracies for fold in folds])
        setting, rounds = best(mean_over_folds(accuracies), settings)
        uniforms = partial(draws.uniforms, resamples.final_seed)
        started = time.perf_counter()
        try:
            rows = matrix(table.scaled(), table.positive)
        except XGBoostError as error:
            raise TaskFailure(_message(error)) from None
        growing = Boosting(rows, setting, uniforms)
        # trees that do not learn are all alike, and add nothing
        growing.grow(rounds if setting.learns or not self._shortcuts else 1)
        seconds = time.perf_counter() - started
        return Fit(
            model=growing.model,
            fitted_positive=probabilities(growing.model, rows) >= POSITIVE_FROM,
            seconds=seconds,
            settings=_named(setting, rounds),
            fits={"boosted models": fitted + 1},
            final_seed=resamples.final_seed,
            final_draws=draws_of(rows, setting, rounds, uniforms),
            notes=[f"a fold of the inner cross-validation failed: {text}" for text in refusals],
            held_out=_held_out(folds, setting, rounds) if choices.held_out else None,
        )

    def predict_positive(self, model: Any, values: FloatArray) -> FloatArray:
        """P(positive) of each row, shape (rows,).

        Raises:
            TaskFailure: xgboost refuses a value.
        """
        try:
            return probabilities(model, matrix(values))
        except XGBoostError as error:
            raise TaskFailure(_message(error)) from None

    def dump(self, model: Any) -> bytes:
        """Xgboost's own JSON."""
        return to_json(model)

    def load(self, content: bytes) -> Any:
        """The model of that JSON.

        Raises:
            ValueError: The bytes are no model.
        """
        try:
            return from_json(content)
        except XGBoostError as error:
            raise ValueError(_message(error)) from None

    def _cross_validate(
        self,
        table: TrainingTable,
        resamples: Resamples,
        draws: Draws,
        settings: Sequence[Setting],
    ) -> tuple[list[_Compared], int, list[str]]:
        """Each fold that could be run, models fitted, messages of the others."""
        folds, fitted, refusals = [], 0, []
        for held_out, seeds in zip(resamples.held_out, resamples.seeds, strict=True):
            try:
                fold = InnerFold(table, held_out, draws, settings, shortcuts=self._shortcuts)
            except XGBoostError as error:
                # caret leaves such a fold out of the means, too
                refusals.append(_message(error))
                continue
            folds.append(_Compared(fold.accuracies(seeds), held_out, fold.classes))
            fitted += fold.fitted
        return folds, fitted, refusals


@dataclass(frozen=True)
class _Compared:
    """What is kept of a fold of the inner cross-validation.

    Args:
        accuracies: Shape (settings, rounds).
        held_out: Positions of the rows that it leaves out.
        classes: Setting to the classes of these rows, for each number of rounds.
    """

    accuracies: FloatArray
    held_out: IntArray
    classes: Mapping[Setting, Sequence[BoolArray]]


def _settings(draws: Draws, choices: Choices) -> Sequence[Setting]:
    """The grid's settings, or as many drawn at random."""
    if choices.search == "random":
        numbers = draws.uniforms(choices.search_seed, 4 * len(SETTINGS))
        return drawn_settings(numbers.reshape(len(SETTINGS), 4))
    return [setting for setting in SETTINGS if setting.learns or not choices.learning_only]


def _held_out(folds: Sequence[_Compared], setting: Setting, rounds: int) -> HeldOut:
    """Classes that the chosen setting gave to the rows of each fold."""
    at = ROUNDS.index(rounds)
    return HeldOut(
        rows=np.concatenate([fold.held_out for fold in folds]),
        positive=np.concatenate([fold.classes[setting][at] for fold in folds]),
    )


def _named(setting: Setting, rounds: int) -> dict[str, int | float | bool | str]:
    """The hyperparameters as caret's table has them."""
    return {
        "nrounds": rounds,
        "max_depth": setting.max_depth,
        "eta": setting.eta,
        "gamma": setting.gamma,
        "colsample_bytree": setting.colsample_bytree,
        "min_child_weight": 1,
        "subsample": 1,
    }


def _message(error: Exception) -> str:
    """The message of xgboost, without the time and place in its source that precede it."""
    lines = [line.strip() for line in str(error).splitlines()]
    first = next((line for line in lines if line), type(error).__name__)
    return re.sub(r"^\[[\d:]+\] \S+: (Check failed: [^:]*: )?", "", first)


CLASSIFIER: Classifier = XGBoost()
