"""What a classifier in Python is given, and what it gives back.

The counterpart of the functions that a classifier in R has (see ``rf.R``).
Random numbers are always R's, so that they are upstream's: a classifier asks for
them through :class:`Draws` and makes none of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Resamples:
    """Draws of one inner cross-validation.

    Args:
        held_out: Positions (from 0) of the rows that each fold leaves out, rising.
        seeds: Seed of each fit, shape (folds, settings).
        final_seed: Seed of the fit on all rows.
    """

    held_out: Sequence[IntArray]
    seeds: IntArray
    final_seed: int


@dataclass(frozen=True)
class Choices:
    """What of upstream's way a protocol leaves or corrects.

    Args:
        search: ``grid``, or ``random`` for settings drawn at random (D2).
        search_seed: Seed of these.
        learning_only: Leave out settings that do not learn (D14).
        held_out: Give the classes of rows held out by the chosen setting (D4).
        one_sided_mcc: MCC where all classes are alike (D10).
    """

    search: str = "grid"
    search_seed: int = 0
    learning_only: bool = False
    held_out: bool = False
    one_sided_mcc: float = math.nan


UPSTREAM_CHOICES = Choices()


@dataclass(frozen=True)
class HeldOut:
    """Classes of training rows, each by a model that was not fitted to it.

    Args:
        rows: Positions (from 0); those of inner folds that failed are not there.
        positive: Class of each of them.
    """

    rows: IntArray
    positive: BoolArray


class TrainingTable(Protocol):
    """One imputed training table: no value missing, both classes there."""

    @property
    def positive(self) -> BoolArray:
        """Outcome per row, shape (rows,)."""
        ...

    def scaled(self, learnt_on: IntArray | None = None) -> FloatArray:
        """All rows, numeric columns centred and scaled.

        Args:
            learnt_on: Positions of the rows that mean and deviation are taken
                from; None for all.

        Returns:
            float64, shape (rows, features); indicators are 0 and 1.
        """
        ...


class Draws(Protocol):
    """Random numbers for one imputed table, at the classifiers' stream."""

    def resamples(self, folds: int, settings: int) -> Resamples:
        """Caret's folds and seeds; asked for once for each table.

        Args:
            folds: Folds wanted; a table with fewer rows has one for each row.
            settings: Models fitted in each fold.
        """
        ...

    def uniforms(self, seed: int, size: int) -> FloatArray:
        """The first ``size`` uniform numbers that a fit with this seed sees."""
        ...


@dataclass(frozen=True)
class Fit:
    """A trained classifier.

    Args:
        model: What ``predict_positive`` needs.
        fitted_positive: The model's own classes of the training rows.
        seconds: Wall time of the final fit.
        settings: The hyperparameters chosen, by name.
        fits: How many models of which name were really fitted.
        final_seed: Seed of the final fit.
        final_draws: Uniform numbers that upstream's final fit takes: the next
            imputed table goes on behind them.
        notes: Warnings, one line each.
        held_out: Classes of rows held out, where they were asked for.
    """

    model: Any
    fitted_positive: BoolArray
    seconds: float
    settings: Mapping[str, int | float | bool | str]
    fits: Mapping[str, int]
    final_seed: int
    final_draws: int
    notes: Sequence[str] = ()
    held_out: HeldOut | None = None


class Classifier(Protocol):
    """A classifier in Python; its module offers one as ``CLASSIFIER``."""

    def fit(self, table: TrainingTable, draws: Draws, choices: Choices = UPSTREAM_CHOICES) -> Fit:
        """Choose the hyperparameters and train on one imputed table.

        Raises:
            TaskFailure: It cannot be trained on this table; a finding.
        """
        ...

    def predict_positive(self, model: Any, values: FloatArray) -> FloatArray:
        """P(positive) of each row, shape (rows,).

        Args:
            model: Of a :class:`Fit`.
            values: Rows scaled as the training table was, shape (rows, features).
        """
        ...

    def dump(self, model: Any) -> bytes:
        """A model as bytes that :meth:`load` reads back, to the last bit; no training rows."""
        ...

    def load(self, content: bytes) -> Any:
        """The model of :meth:`dump`.

        Raises:
            ValueError: The bytes are no model.
        """
        ...
