"""The worker's stages as calls into R: what goes in, what comes back, what failed.

One method for each R function that a stage calls; nothing here is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks import rsession
from amiss_tasks.blocktables import BlockTable, IntArray
from amiss_tasks.evaluate import Prediction
from amiss_tasks.features import CATEGORICAL_FEATURES, NUMERIC_FEATURES
from amiss_tasks.protocols import MODEL_SEED
from amiss_tasks.rsession import RError, RObject, RResult
from gridrun.pipeline import TaskFailure

_HERE = Path(__file__).parent
_SHARED = (
    "streams.R",
    "tables.R",
    "prepare.R",
    "scaling.R",
    "train.R",
    "imputation/_single_value.R",
)


@dataclass(frozen=True)
class Sampled:
    """Rows and columns drawn from a fold's training table.

    Args:
        handle: What ``prepare.R`` takes, in R.
        notes: Warnings.
    """

    handle: RObject
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """Rows and final features of a fold's training table.

    Args:
        rows: Positions in the fold's training table, counted from 0.
        features: Final features, in order.
        low_variance: Features that the variance check dropped.
        correlated: Features that the correlation check dropped.
        notes: Warnings.
    """

    rows: IntArray
    features: tuple[str, ...]
    low_variance: tuple[str, ...]
    correlated: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Completed:
    """Completed tables of an imputation.

    Args:
        tables: R list of data frames.
        state: What the test table needs of training; NULL for a test table.
        notes: Warnings.
    """

    tables: RObject
    state: RObject | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Trained:
    """Models of a classifier, one for each completed table.

    Args:
        models: R list.
        facts: For each model: selection_mcc, seconds, rows, settings, fits.
        notes: Warnings.
    """

    models: RObject
    facts: Sequence[Mapping[str, Any]]
    notes: tuple[str, ...]


class RStages:
    """R with the stages' functions loaded; methods and classifiers are loaded when asked for."""

    def __init__(self) -> None:
        self._session = rsession.start()
        for name in _SHARED:
            self._session.source(_HERE / name, self._session.shared)
        self._loaded: dict[str, RObject] = {}

    def versions(self) -> dict[str, str]:
        """Versions of R, its packages and its linear algebra."""
        found = self._call("r_versions").value.python()
        return {name: str(_scalar(value)) for name, value in found.items()}

    def table(self, table: BlockTable) -> RObject:
        """A fold's table as R would have read it from upstream's file."""
        return self._call(
            "fold_table", table.numeric, list(table.numeric_names), _text(table)
        ).value

    def outcome(self, table: BlockTable) -> RObject:
        """Outcome of a training table as a factor."""
        return self._call("outcome_factor", table.positive).value

    def draw_sample(
        self,
        train: RObject,
        outcome: RObject,
        *,
        downsampling: bool,
        feature_share: float,
        row_share: float,
    ) -> Sampled:
        """Downsampling, then feature and row sampling."""
        result = self._call(
            "draw_sample",
            train,
            outcome,
            downsampling=downsampling,
            feature_share=feature_share,
            row_share=row_share,
            numeric=NUMERIC_FEATURES,
            categorical=CATEGORICAL_FEATURES,
            seed=MODEL_SEED,
        )
        return Sampled(result.value, result.warnings)

    def prepare(
        self, train: RObject, sampled: Sampled, *, variance: bool, correlation: bool
    ) -> Prepared:
        """The feature checks."""
        result = self._call(
            "prepare",
            train,
            sampled.handle,
            variance=variance,
            correlation=correlation,
            numeric=NUMERIC_FEATURES,
        )
        value = result.value.python()
        return Prepared(
            rows=value["rows"].astype(np.int64) - 1,
            features=tuple(value["features"]),
            low_variance=tuple(value["low_variance"]),
            correlated=tuple(value["correlated"]),
            notes=(*sampled.notes, *result.warnings),
        )

    def cut(self, table: RObject, rows: IntArray, columns: Sequence[str]) -> RObject:
        """These rows (from 0) and columns of a table, in this order."""
        return self._call("cut_table", table, rows + 1, list(columns)).value

    def cut_outcome(self, outcome: RObject, rows: IntArray) -> RObject:
        """These rows (from 0) of an outcome factor."""
        return self._call("cut_outcome", outcome, rows + 1).value

    def impute_train(self, method: str, data: RObject) -> Completed:
        """Fill a training table."""
        result = self._call("impute_train", data, {}, MODEL_SEED, where=self._file(method))
        return Completed(result.value["completed"], result.value["state"], result.warnings)

    def impute_test(self, method: str, data: RObject, state: RObject | None) -> Completed:
        """Fill a test table."""
        result = self._call("impute_test", data, state, MODEL_SEED, where=self._file(method))
        return Completed(result.value, None, result.warnings)

    def train(self, classifier: str, completed: Completed, outcome: RObject) -> Trained:
        """Train a classifier on each completed table."""
        model_file = self._file(classifier, "classifiers")
        result = self._call("train", model_file, completed.tables, outcome, MODEL_SEED)
        facts = [_plain(fact) for fact in result.value["facts"].python()]
        return Trained(result.value["models"], facts, result.warnings)

    def predict(
        self, classifier: str, model: RObject, data: RObject, rows: IntArray | None = None
    ) -> tuple[Prediction, tuple[str, ...]]:
        """P(positive) of a completed test table, or of some rows (from 0) as a table."""
        wanted = None if rows is None else rows + 1
        model_file = self._file(classifier, "classifiers")
        result = self._call("predict_rows", model_file, model, data, wanted)
        value = result.value.python()
        return Prediction(value["positive"], float(value["seconds"][0])), result.warnings

    def _file(self, name: str, folder: str = "imputation") -> RObject:
        """Environment of a method's or classifier's file."""
        key = f"{folder}/{name}.R"
        if key not in self._loaded:
            environment = self._session.environment(self._session.shared)
            self._session.source(_HERE / key, environment)
            self._loaded[key] = environment
        return self._loaded[key]

    def _call(
        self, function: str, *args: Any, where: RObject | None = None, **named: Any
    ) -> RResult:
        try:
            return self._session.call(where or self._session.shared, function, *args, **named)
        except RError as error:
            defect = "upstream_defect" in error.classes
            raise TaskFailure(error.message, "upstream-defect" if defect else "error") from None


def _text(table: BlockTable) -> dict[str, Sequence[str]] | None:
    return dict(table.text) or None


def _plain(fact: Mapping[str, Any]) -> dict[str, Any]:
    """A named R list of scalars as Python scalars."""
    return {
        name: _plain(value) if isinstance(value, dict) else _scalar(value)
        for name, value in fact.items()
    }


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) else value[0]
