"""What the worker's stages hand on to each other; tables and models stay in R."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amiss_tasks.r.arrays import IntArray
from amiss_tasks.r.session import RObject


@dataclass(frozen=True)
class Amputed:
    """A training table from which values were removed.

    Args:
        table: The table, an R data frame.
        known: Values of numeric features that could be removed.
        removed: How many of them were.
        driver: Feature whose values decided (MAR), else None.
        at_random: Values that could be removed and about which nothing could decide.
    """

    table: RObject
    known: int
    removed: int
    driver: str | None = None
    at_random: int = 0


@dataclass(frozen=True)
class Removed:
    """What was removed from a fold's training table.

    Args:
        share: Probability with which a known value was to be removed.
        mechanism: What it depended on whether a value was removed.
        truth: The training table as it was before, an R data frame.
        amputed: The table after that, and counts of values.
        test_digest: Digest of the fold before; its test table stays as it is.
    """

    share: float
    mechanism: str
    truth: RObject
    amputed: Amputed
    test_digest: str


@dataclass(frozen=True)
class Sampled:
    """Rows and columns drawn from a fold's training table.

    Args:
        handle: What ``prepare.R`` takes, in R.
        hyperparameter_rows: Method to the rows of its hyperparameters that were drawn
            before, counted from 1.
        generator: State of R's random generator afterwards, in R.
        generator_digest: Digest of that state.
        notes: Warnings.
    """

    handle: RObject
    hyperparameter_rows: Mapping[str, tuple[int, ...]]
    generator: RObject
    generator_digest: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """Rows and final features of a fold's training table.

    Args:
        rows: Positions in the fold's training table, counted from 0.
        features: Final features, in order.
        low_variance: Features that the variance check dropped.
        correlated: Features that the correlation check dropped.
        sampled: What was drawn before the checks.
        notes: Warnings.
    """

    rows: IntArray
    features: tuple[str, ...]
    low_variance: tuple[str, ...]
    correlated: tuple[str, ...]
    sampled: Sampled
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ImputedRows:
    """A training table, imputed once for each row of hyperparameters, whatever is left missing.

    Args:
        handle: What ``usable_rows`` of ``impute.R`` takes, in R.
        notes: Warnings.
    """

    handle: RObject
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of imputed tables in all."""
        tables = self.handle["tables"]
        return sum(len(tables.at(row)) for row in range(len(tables)))

    @property
    def tested(self) -> int:
        """Number of test tables that were imputed along with them."""
        tables = self.handle["tested"]
        return sum(len(tables.at(row)) for row in range(len(tables)))


@dataclass(frozen=True)
class Imputed:
    """A training table, imputed once for each row of hyperparameters.

    Args:
        tables: R list, for each row a list of data frames, or NULL where it failed.
        states: R list, for each row what imputing the test table needs to know of training, or
            NULL.
        count: Number of imputed tables in all.
        notes: Warnings.
        dropped: For each row of hyperparameters the features that the feature checks on
            imputed tables dropped from its first one.
        tested: R list, for each row the imputed test tables where they were made along with
            the training tables, or NULL; None for a table without a test table.
    """

    tables: RObject
    states: RObject
    count: int
    notes: tuple[str, ...]
    dropped: Sequence[tuple[str, ...]]
    tested: RObject | None = None

    def tested_by(self, row: int) -> ImputedTest | None:
        """Imputed test tables that were made along with the training tables of a row, if any.

        Args:
            row: Row of hyperparameters, counted from 0.
        """
        tables = None if self.tested is None else self.tested.at(row)
        # what training warned of is among the notes already
        return ImputedTest(tables, len(tables), ()) if tables else None


@dataclass(frozen=True)
class ImputedTest:
    """Imputed test tables of a fold.

    Args:
        tables: R list of data frames.
        count: Number of them.
        notes: Warnings.
    """

    tables: RObject
    count: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ImputationError:
    """How far an imputed training table is from the values that were removed from it.

    Args:
        rmse: Root of the mean squared error over the removed values, in standard
            deviations of their feature; None where there is nothing to compare, or
            not every removed value was imputed.
        cells: Removed values that are compared.
        unfilled: How many of them were not imputed.
        by_feature: The same as ``rmse`` for each feature.
    """

    rmse: float | None
    cells: int
    unfilled: int
    by_feature: Mapping[str, float | None]


@dataclass(frozen=True)
class PythonModel:
    """A model of a classifier in Python and what its rows have to go through first.

    Args:
        classifier: Its name.
        model: Of its :class:`~amiss_tasks.classifiers.contract.Fit`.
        recipe: Columns and scaling of the training table, in R.
    """

    classifier: str
    model: Any
    recipe: RObject


class PythonModels(list[PythonModel]):
    """Models of the imputed tables, indexed as those in R are."""

    def at(self, index: int) -> PythonModel:
        """Model of an imputed table, counted from 0."""
        return self[index]


@dataclass(frozen=True)
class Trained:
    """Models of a classifier on the tables of the chosen row of hyperparameters.

    Args:
        models: One model for each imputed table of that row: an R list, or those of a
            classifier in Python.
        facts: For each model: selection_mcc, seconds, rows, settings, fits.
        row: Position of the chosen row, counted from 0.
        mcc: For each row the mean MCC it was compared by; ``-inf`` where there is none.
        fits: How many models of which name were fitted for all rows.
        notes: Warnings.
    """

    models: RObject | PythonModels
    facts: Sequence[Mapping[str, Any]]
    row: int
    mcc: tuple[float, ...]
    fits: Mapping[str, int]
    notes: tuple[str, ...]
