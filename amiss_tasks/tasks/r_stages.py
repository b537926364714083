"""The worker's stages as calls into R: what goes in, what comes back, what failed.

One method for each R function that a stage calls; nothing here is remembered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from amiss_tasks.classifiers import ACCEPTING_MISSING, IN_PYTHON
from amiss_tasks.classifiers.contract import Choices
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.methods import MOST_ROWS, Hyperparameters, Method
from amiss_tasks.protocols import UPSTREAM_PROTOCOL, Protocol, derived_seed
from amiss_tasks.r.arrays import IntArray
from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.r.session import RObject
from amiss_tasks.stages.added_missingness import MAR, MCAR
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.stages.evaluate import Prediction
from amiss_tasks.study.python_source import distributions
from amiss_tasks.tasks import python_classifiers
from amiss_tasks.tasks.r_calls import RCalls, number_of, plain, scalar
from amiss_tasks.tasks.stage_results import (
    Amputed,
    ImputationError,
    Imputed,
    ImputedRows,
    ImputedTest,
    Prepared,
    PythonModel,
    Sampled,
    Trained,
)
from gridrun.plan.fingerprint import digest_of


class RStages:
    """The stages of a worker, in R.

    Args:
        features: The study's features.
        protocol: What is done as upstream does it, and what is corrected.
        own_classifiers: The study's own classifiers.
    """

    def __init__(
        self,
        features: FeatureSet = AMISS,
        protocol: Protocol = UPSTREAM_PROTOCOL,
        own_classifiers: Mapping[str, OwnFile] = MappingProxyType({}),
    ) -> None:
        self._own_classifiers = own_classifiers
        self._features = features
        self._protocol = protocol
        self._call = RCalls()
        self._corrected = sorted(protocol.corrected)

    @property
    def calls(self) -> RCalls:
        """Calls of other R functions than a fold's stages."""
        return self._call

    def own_packages(self, files: Iterable[OwnFile]) -> dict[str, str]:
        """Versions of the packages that files of the user's own name, as far as installed."""
        found: dict[str, str] = {}
        for file in files:
            if file.is_python:
                beside = dict(file.modules)
                found |= distributions([file.text, *beside.values()], beside)
                continue
            versions = self._call("own_packages", file.text, file.file).value.python()
            found |= {name: str(scalar(version)) for name, version in dict(versions).items()}
        return found

    def table(self, table: BlockTable) -> RObject:
        """A fold's table as R would have read it from upstream's file."""
        return self._call(
            "fold_table", table.numeric, list(table.numeric_names), dict(table.text) or None
        ).value

    def outcome(self, table: BlockTable) -> RObject:
        """Outcome of a training table as a factor."""
        return self._call("outcome_factor", table.positive).value

    def ampute(self, train: RObject, share: float, seed: int, mechanism: str = MCAR) -> Amputed:
        """Remove a share of a training table's known values.

        Raises:
            TaskFailure: No feature can drive MAR.
        """
        numeric = self._features.numeric
        value = self._call("ampute_table", train, share, numeric, seed, mechanism).value
        known, removed, at_random = (
            int(scalar(value[name].python())) for name in ("known", "removed", "at_random")
        )
        driver = scalar(value["driver"].python()) if mechanism == MAR else None
        return Amputed(value["table"], known, removed, driver and str(driver), at_random)

    def imputation_error(
        self, truth: RObject, given: RObject, rows: IntArray, completed: RObject
    ) -> ImputationError:
        """How far an imputed training table is from what was removed from it.

        Args:
            truth: The fold's training table before values were removed.
            given: The same table after that.
            rows: Rows of it (from 0) that were imputed.
            completed: The imputed table of these rows.
        """
        result = self._call("imputation_error", truth, given, rows + 1, completed)
        found = result.value.python()
        by_feature = found["by_feature"] or {}
        return ImputationError(
            rmse=number_of(found["rmse"]),
            cells=int(scalar(found["cells"])),
            unfilled=int(scalar(found["unfilled"])),
            by_feature={name: number_of(value) for name, value in dict(by_feature).items()},
        )

    def draw_sample(
        self,
        train: RObject,
        outcome: RObject,
        *,
        predraw: Mapping[str, int],
        downsampling: bool,
        feature_share: float,
        row_share: float,
        fold: int = 1,
        features: FeatureSet | None = None,
    ) -> Sampled:
        """Draw hyperparameter rows of some methods, then rows and features of a training table.

        Args:
            train: A fold's training table.
            outcome: Outcome of its rows, an R factor.
            predraw: Method to the number of rows that ``MOST_ROWS`` are drawn of first,
                in the order of the draws.
            downsampling: Whether the larger class is cut to the size of the smaller one.
            feature_share: Share of the features that is drawn.
            row_share: Share of the rows that is drawn.
            fold: Fold, counted from 1.
            features: Those of the study that are drawn from, or None for all.
        """
        drawn_from = features or self._features
        result = self._call(
            "draw_sample",
            train,
            outcome,
            predraw=dict(predraw),
            drawn_rows=MOST_ROWS,
            downsampling=downsampling,
            feature_share=feature_share,
            row_share=row_share,
            numeric=drawn_from.numeric,
            categorical=drawn_from.categorical,
            all_columns=features is None,
            seeds={
                step: self._seed(step, fold)
                for step in ("hyperparameters", "downsampling", "features", "rows")
            },
            corrected=self._corrected,
        )
        drawn = result.value["hyperparameter_rows"].python()
        generator = result.value["generator"]
        return Sampled(
            handle=result.value,
            hyperparameter_rows={name: tuple(int(row) for row in drawn[name]) for name in predraw},
            generator=generator,
            generator_digest=digest_of(generator.python().tolist()),
            notes=result.warnings,
        )

    def prepare(
        self, train: RObject, sampled: Sampled, *, variance: bool, correlation: bool
    ) -> Prepared:
        """Run the feature checks."""
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
        """Impute a training table for classifiers that accept no missing values.

        The arguments are those of :meth:`impute_rows`.
        """
        return self.usable(method, self.impute_rows(method, data, rows, generator, fold))

    def impute_rows(
        self,
        method: Method,
        data: RObject,
        rows: Sequence[Hyperparameters],
        generator: RObject | None = None,
        fold: int = 1,
        *,
        test: RObject | None = None,
    ) -> ImputedRows:
        """Impute a training table once for each row of hyperparameters.

        Args:
            method: Imputation method.
            data: The table.
            rows: Rows of hyperparameters; one empty row for a method without.
            generator: Where the generator stands, for a method that goes on there.
            fold: Fold, counted from 1.
            test: The test table, where it is imputed from what training learns: a method
                that cannot keep that imputes it along with the training table.
        """
        result = self._call(
            "impute_rows",
            self.method_file(method),
            data,
            {
                str(n): {**row, **self._protocol.corrections_for(method.name)}
                for n, row in enumerate(rows, 1)
            },
            generator if self.reads_generator(method) else None,
            self._seed("impute", fold),
            fails_fold=method.fails_fold,
            test=test,
        )
        return ImputedRows(result.value, result.warnings)

    def usable(
        self, method: Method, imputed: ImputedRows, *, accepts_missing: bool = False
    ) -> Imputed:
        """Imputed training tables that a classifier can be given.

        Args:
            method: The method that imputed them.
            imputed: All of them.
            accepts_missing: Whether the classifier accepts missing values that are left.
        """
        result = self._call(
            "usable_rows",
            imputed.handle,
            fails_fold=method.fails_fold,
            accepts_missing=accepts_missing,
        )
        tables = result.value["tables"]
        count = sum(len(tables.at(row)) for row in range(len(tables)))
        none: list[tuple[str, ...]] = [()] * len(tables)
        notes = (*imputed.notes, *result.warnings)
        tested = result.value["tested"]
        return Imputed(tables, result.value["states"], count, notes, none, tested)

    def check_again(
        self, imputed: Imputed, *, variance: bool, correlation: bool, indicators: bool = False
    ) -> Imputed:
        """Run the feature checks on imputed training tables (D15).

        Args:
            imputed: The tables.
            variance: Whether columns with near-zero variance are dropped.
            correlation: Whether one of two correlated ones is.
            indicators: Whether the tables have indicators, which are checked as well.
        """
        result = self._call(
            "check_again",
            imputed.tables,
            variance=variance,
            correlation=correlation,
            numeric=self._features.numeric,
            indicators=indicators,
        )
        return replace(
            imputed,
            tables=result.value["tables"],
            notes=(*imputed.notes, *result.warnings),
            dropped=[tuple(names) for names in result.value["dropped"].python()],
        )

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
    ) -> ImputedTest:
        """Impute a test table with one row of hyperparameters.

        Args:
            method: Imputation method.
            data: The table.
            state: What :meth:`impute_train` kept for that row.
            learnt: Whether each row is imputed from what training learnt, whatever the other
                test rows are, rather than in upstream's way (D7); None for the protocol's.
            fold: Fold, counted from 1.
        """
        if learnt is None:
            learnt = self._protocol.completes_by_training(method.name)
        seed = self._seed("test imputation", fold)
        result = self._call(
            "complete_test", self.method_file(method), data, state, seed, learnt=learnt
        )
        return ImputedTest(result.value, len(result.value), result.warnings)

    def train(
        self,
        classifier: str,
        imputed: Imputed,
        outcome: RObject,
        search: str = "grid",
        fold: int = 1,
        *,
        groups: IntArray | None = None,
    ) -> Trained:
        """Train a classifier on each imputed table; keep the best row's models.

        Args:
            classifier: Its name.
            imputed: Imputed training tables.
            outcome: Outcome of their rows, an R factor.
            search: ``grid`` or ``random``: how hyperparameters are searched.
            fold: Fold, counted from 1.
            groups: Variant of each row, where inner folds keep variants together (D9).
        """
        seed, own = self._seed(f"train {classifier}", fold), self.own_seeds(classifier, fold)
        if classifier in IN_PYTHON:
            choices = self._choices(search, own["search"])
            return python_classifiers.train(
                self._call,
                classifier,
                imputed.tables,
                outcome,
                seed,
                choices=choices,
                groups=groups,
            )
        result = self._call(
            "train",
            self.classifier_file(classifier),
            imputed.tables,
            outcome,
            seed,
            search,
            own,
            self._corrected,
            groups,
        )
        value = result.value
        return Trained(
            models=value["models"],
            facts=[plain(fact) for fact in value["facts"].python()],
            row=int(scalar(value["row"].python())) - 1,
            mcc=tuple(value["mcc"].python().tolist()),
            fits={name: int(scalar(n)) for name, n in value["fits"].python().items()},
            notes=result.warnings,
        )

    def predict(
        self,
        classifier: str,
        model: RObject | PythonModel,
        data: RObject,
        rows: IntArray | None = None,
        method: Method | None = None,
    ) -> tuple[Prediction, tuple[str, ...]]:
        """P(positive) of an imputed test table, or of some rows (from 0) as a table.

        ``method`` is the one that imputed it, None if any did.
        """
        accepts_missing = self.accepts_missing(classifier, method)
        if isinstance(model, PythonModel):
            return python_classifiers.predict(
                self._call, model, data, rows, accepts_missing=accepts_missing
            )
        wanted = None if rows is None else rows + 1
        file = self.classifier_file(classifier)
        result = self._call("predict_rows", file, model, data, wanted, accepts_missing)
        value = result.value.python()
        return Prediction(value["positive"], float(value["seconds"][0])), result.warnings

    def method_file(self, method: Method) -> RObject:
        """Environment of a method's file, with indicators where the method has them."""
        if method.own is not None:
            found = self._call.own(method.own, "method")
        else:
            found = self._call.file(method.name, "imputation", method.helpers)
        return self._call("with_indicators", found).value if method.indicators else found

    def accepts_missing(self, classifier: str, method: Method | None = None) -> bool:
        """Whether a classifier is given tables with missing values.

        One of the user's own that declares it is, whatever left them. One of amiss's is where
        the method keeps them: gaps that a method was to fill are that method's failure.

        Args:
            classifier: Its name.
            method: The method that imputed the tables; None for any that fills them.
        """
        own = self._own_classifiers.get(classifier)
        if own is not None:
            return own.accepts_missing
        return method is not None and method.keeps_missing and classifier in ACCEPTING_MISSING

    def classifier_file(self, classifier: str) -> RObject:
        """Environment of a classifier's file."""
        if classifier in self._own_classifiers:
            return self._call.own(self._own_classifiers[classifier], "classifier")
        return self._call.file(classifier, "classifiers")

    def _seed(self, step: str, fold: int) -> int:
        return self._protocol.seed_of(step, fold, self._protocol.model_seed)

    def _choices(self, search: str, search_seed: int) -> Choices:
        """Where a classifier in Python differs from upstream."""
        corrected = self._protocol.corrected
        return Choices(
            search=search,
            search_seed=search_seed,
            learning_only="eta_zero" in corrected,
            held_out="imputation_choice" in corrected,
            one_sided_mcc=0.0 if "one_sided_mcc" in corrected else math.nan,
        )

    def own_seeds(self, classifier: str, fold: int) -> dict[str, int]:
        """Seeds of steps that upstream does not have."""
        protocol = self._protocol
        return {
            name: protocol.seed_of(step, fold, derived_seed(protocol.model_seed, step, fold))
            for name, step in (("search", f"search {classifier}"), ("selection", "selection"))
        }
