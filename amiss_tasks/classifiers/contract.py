"""What a classifier in Python is given, and what it gives back.

The counterpart of the two functions that a classifier in R has (see ``rf.R``).
Random numbers are always R's, so that they are upstream's: a classifier asks for
them through :class:`Draws` and makes none of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from amiss_tasks.blocktables import BoolArray, IntArray
from amiss_tasks.table import FloatArray

Uniforms = Callable[[int, int], FloatArray]
"""(seed, size) to the first ``size`` uniform numbers that a fit with that seed sees."""


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


class TrainingTable(Protocol):
    """One completed training table: no value missing, both classes there."""

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
    """Random numbers for one completed table, at the classifiers' stream."""

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
            completed table goes on behind them.
        notes: Warnings, one line each.
    """

    model: Any
    fitted_positive: BoolArray
    seconds: float
    settings: Mapping[str, int | float | bool | str]
    fits: Mapping[str, int]
    final_seed: int
    final_draws: int
    notes: Sequence[str] = ()


class Classifier(Protocol):
    """A classifier in Python; its module offers one as ``CLASSIFIER``."""

    def fit(self, table: TrainingTable, draws: Draws) -> Fit:
        """Choose the hyperparameters and train on one completed table.

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
