"""The worker's stages as calls into R: what goes in, what comes back, what failed.

One method for each R function that a stage calls; nothing here is remembered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from amiss_tasks import _pyclassifiers, rsession
from amiss_tasks._pyclassifiers import PythonModel, PythonTrained
from amiss_tasks.blocktables import BlockTable, IntArray
from amiss_tasks.classifiers import IN_PYTHON
from amiss_tasks.classifiers.contract import Choices
from amiss_tasks.evaluate import Prediction
from amiss_tasks.features import AMISS
from amiss_tasks.featureset import FeatureSet
from amiss_tasks.methods import MOST_ROWS, Hyperparameters, Method
from amiss_tasks.protocols import MODEL_SEED, UPSTREAM, Protocol, derived_seed
from amiss_tasks.rsession import RError, RObject, RResult
from gridrun.errors import EnvironmentFault
from gridrun.fingerprint import digest_of
from gridrun.pipeline import TaskFailure

_HERE = Path(__file__).parent
_SHARED = (
    "protocol.R",
    "streams.R",
    "tables.R",
    "prepare.R",
    "scaling.R",
    "impute.R",
    "train.R",
    "classifiers/_resamples.R",
)


@dataclass(frozen=True)
class Sampled:
    """Rows and columns drawn from a fold's training table.

    Args:
        handle: What ``prepare.R`` takes, in R.
        hyperparameter_rows: Rows of the method's hyperparameters that were drawn
            before, counted from 1; empty if none were.
        generator: Where the generator stands afterwards, in R.
        generator_digest: The same as a digest.
        notes: Warnings.
    """

    handle: RObject
    hyperparameter_rows: tuple[int, ...]
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
class Imputed:
    """A training table, completed once for each row of hyperparameters.

    Args:
        tables: R list, for each row a list of data frames, or NULL where it failed.
        states: R list, for each row what the test table needs of training, or NULL.
        count: Number of completed tables in all.
        notes: Warnings.
    """

    tables: RObject
    states: RObject
    count: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """Completed training tables after the feature checks on them.

    Args:
        imputed: The tables, without what was dropped.
        dropped: For each row of hyperparameters the features dropped from its first table.
    """

    imputed: Imputed
    dropped: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Completed:
    """Completions of a test table.

    Args:
        tables: R list of data frames.
        count: Number of them.
        notes: Warnings.
    """

    tables: RObject
    count: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Trained:
    """Models of a classifier on the tables of the chosen row of hyperparameters.

    Args:
        models: R list, one model for each completed table of that row.
        facts: For each model: selection_mcc, seconds, rows, settings, fits.
        row: Position of the chosen row, counted from 0.
        mcc: For each row the mean MCC it was compared by; ``-inf`` where there is none.
        fits: How many models of which name were fitted for all rows.
        notes: Warnings.
    """

    models: RObject
    facts: Sequence[Mapping[str, Any]]
    row: int
    mcc: tuple[float, ...]
    fits: Mapping[str, int]
    notes: tuple[str, ...]


class RStages:
    """R with the stages' functions loaded; methods and classifiers are loaded when asked for.

    Args:
        features: The study's features.
        protocol: What is done as upstream does it, and what is corrected.
    """

    _in_force: ClassVar[str] = ""
    """Switches that R, of which a process has one, was last told of."""

    def __init__(self, features: FeatureSet = AMISS, protocol: Protocol = UPSTREAM) -> None:
        self._features = features
        self._protocol = protocol
        self._switches = ",".join(sorted(protocol.corrected))
        self._session = rsession.start()
        RStages._in_force = ""
        for name in _SHARED:
            self._session.source(_HERE / name, self._session.shared)
        self._loaded: dict[str, RObject] = {}

    def versions(self) -> dict[str, str]:
        """Versions of R, its packages and its linear algebra.

        Raises:
            EnvironmentFault: A package is not installed.
        """
        found = self._call("r_versions").value.python()
        versions = {name: str(_scalar(value)) for name, value in found.items()}
        missing = [name for name, text in versions.items() if not text]
        if missing:
            raise EnvironmentFault(
                f"R has no package {', '.join(missing)}",
                todo="install what docker/packages.txt lists, then run: gridrun doctor",
            )
        return versions

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
        predraw: int,
        downsampling: bool,
        feature_share: float,
        row_share: float,
        fold: int = 1,
    ) -> Sampled:
        """Rows of hyperparameters if there are many, downsampling, features and rows."""
        result = self._call(
            "draw_sample",
            train,
            outcome,
            predraw=predraw,
            drawn_rows=MOST_ROWS,
            downsampling=downsampling,
            feature_share=feature_share,
            row_share=row_share,
            numeric=self._features.numeric,
            categorical=self._features.categorical,
            seeds={
                step: self._seed(step, fold)
                for step in ("hyperparameters", "downsampling", "features", "rows")
            },
        )
        drawn = result.value["hyperparameter_rows"].python()
        generator = result.value["generator"]
        return Sampled(
            handle=result.value,
            hyperparameter_rows=tuple(int(row) for row in drawn),
            generator=generator,
            generator_digest=digest_of(generator.python().tolist()),
            notes=result.warnings,
        )

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
            numeric=self._features.numeric,
        )
        value = result.value.python()
        return Prepared(
            rows=value["rows"].astype(np.int64) - 1,
            features=tuple(value["features"]),
            low_variance=tuple(value["low_variance"]),
            correlated=tuple(value["correlated"]),
            sampled=sampled,
            notes=(*sampled.notes, *result.warnings),
        )

    def cut(self, table: RObject, rows: IntArray, columns: Sequence[str]) -> RObject:
        """These rows (from 0) and columns of a table, in this order."""
        return self._call("cut_table", table, rows + 1, list(columns)).value

    def cut_outcome(self, outcome: RObject, rows: IntArray) -> RObject:
        """These rows (from 0) of an outcome factor."""
        return self._call("cut_outcome", outcome, rows + 1).value

    def impute_train(
        self,
        method: Method,
        data: RObject,
        rows: Sequence[Hyperparameters],
        generator: RObject | None = None,
        fold: int = 1,
    ) -> Imputed:
        """Complete a training table once for each row of hyperparameters.

        Args:
            method: How.
            data: The table.
            rows: Rows of hyperparameters; one empty row for a method without.
            generator: Where the generator stands, for a method that goes on there.
            fold: Fold, counted from 1.
        """
        result = self._call(
            "complete_training",
            self._method(method),
            data,
            {str(n): {**row, **self._protocol.told(method.name)} for n, row in enumerate(rows, 1)},
            generator if self.reads_generator(method) else None,
            self._seed("impute", fold),
            stops=method.stops,
        )
        tables = result.value["tables"]
        count = sum(len(tables.at(row)) for row in range(len(tables)))
        return Imputed(tables, result.value["states"], count, result.warnings)

    def check_again(self, imputed: Imputed, *, variance: bool, correlation: bool) -> Checked:
        """The feature checks on completed training tables (D15)."""
        result = self._call(
            "check_again",
            imputed.tables,
            variance=variance,
            correlation=correlation,
            numeric=self._features.numeric,
        )
        dropped = [tuple(names) for names in result.value["dropped"].python()]
        tables = replace(
            imputed, tables=result.value["tables"], notes=(*imputed.notes, *result.warnings)
        )
        return Checked(tables, dropped)

    def reads_generator(self, method: Method) -> bool:
        """Whether a method goes on where preparing the table left the generator."""
        return method.reads_generator and "draw_order" not in self._protocol.corrected

    def impute_test(
        self,
        method: Method,
        data: RObject,
        state: RObject,
        *,
        learnt: bool | None = None,
        fold: int = 1,
    ) -> Completed:
        """Complete a test table by the state of one row of hyperparameters.

        Args:
            method: How.
            data: The table.
            state: Of that row, from :meth:`impute_train`.
            learnt: Each row from what training learnt, whatever the other test rows
                are, rather than upstream's way (D7); None for the protocol's.
            fold: Fold, counted from 1.
        """
        if learnt is None:
            learnt = "test_imputation" in self._protocol.corrected
        seed = self._seed("test imputation", fold)
        result = self._call("complete_test", self._method(method), data, state, seed, learnt=learnt)
        return Completed(result.value, len(result.value), result.warnings)

    def train(
        self,
        classifier: str,
        imputed: Imputed,
        outcome: RObject,
        search: str = "grid",
        fold: int = 1,
    ) -> Trained | PythonTrained:
        """Train a classifier on each completed table; keep the best row's models.

        Args:
            classifier: Its name.
            imputed: Completed training tables.
            outcome: Of their rows.
            search: ``grid`` or ``random``: how hyperparameters are searched.
            fold: Fold, counted from 1.
        """
        seed, own = self._seed(f"train {classifier}", fold), self._own_seeds(classifier, fold)
        if classifier in IN_PYTHON:
            choices = self._choices(search, own["search"])
            return _pyclassifiers.train(
                self._call, classifier, imputed.tables, outcome, seed, choices=choices
            )
        model_file = self._file(classifier, "classifiers")
        result = self._call(
            "train",
            model_file,
            imputed.tables,
            outcome,
            seed,
            search,
            own,
        )
        value = result.value
        return Trained(
            models=value["models"],
            facts=[_plain(fact) for fact in value["facts"].python()],
            row=int(_scalar(value["row"].python())) - 1,
            mcc=tuple(value["mcc"].python().tolist()),
            fits={name: int(_scalar(n)) for name, n in value["fits"].python().items()},
            notes=result.warnings,
        )

    def predict(
        self,
        classifier: str,
        model: RObject | PythonModel,
        data: RObject,
        rows: IntArray | None = None,
    ) -> tuple[Prediction, tuple[str, ...]]:
        """P(positive) of a completed test table, or of some rows (from 0) as a table."""
        if isinstance(model, PythonModel):
            return _pyclassifiers.predict(self._call, model, data, rows)
        wanted = None if rows is None else rows + 1
        model_file = self._file(classifier, "classifiers")
        result = self._call("predict_rows", model_file, model, data, wanted)
        value = result.value.python()
        return Prediction(value["positive"], float(value["seconds"][0])), result.warnings

    def _method(self, method: Method) -> RObject:
        """Environment of a method's file."""
        return self._file(method.name, "imputation", method.helpers)

    def _file(self, name: str, folder: str, helpers: Sequence[str] = ()) -> RObject:
        """Environment of a method's or classifier's file, and of the files it shares."""
        key = f"{folder}/{name}.R"
        if key not in self._loaded:
            environment = self._session.environment(self._session.shared)
            for file in (*helpers, f"{name}.R"):
                self._session.source(_HERE / folder / file, environment)
            self._loaded[key] = environment
        return self._loaded[key]

    def _seed(self, step: str, fold: int) -> int:
        return self._protocol.seed_of(step, fold, MODEL_SEED)

    def _choices(self, search: str, search_seed: int) -> Choices:
        """What a classifier in Python does otherwise than upstream."""
        corrected = self._protocol.corrected
        return Choices(
            search=search,
            search_seed=search_seed,
            learning_only="eta_zero" in corrected,
            held_out="imputation_choice" in corrected,
            one_sided_mcc=0.0 if "one_sided_mcc" in corrected else math.nan,
        )

    def _own_seeds(self, classifier: str, fold: int) -> dict[str, int]:
        """Seeds of steps that upstream does not have."""
        return {
            name: self._protocol.seed_of(step, fold, derived_seed(MODEL_SEED, step, fold))
            for name, step in (("search", f"search {classifier}"), ("selection", "selection"))
        }

    def _call(
        self, function: str, *args: Any, where: RObject | None = None, **named: Any
    ) -> RResult:
        if RStages._in_force != self._switches:
            self._session.call(self._session.shared, "use_switches", self._switches)
            RStages._in_force = self._switches
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
