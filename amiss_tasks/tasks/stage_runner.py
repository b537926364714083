"""The stages of a worker one after another, sharing what equal tasks share.

Early cutoff: a stage's result is kept under a digest of what it was made
from, *by content*, so that a check which drops nothing, or two blocks with the same
rows, cost one computation. Source of the order of stages:
``upstream-behaviour`` sections 4 to 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.classifiers import SEARCHED, TAKING_TEXT
from amiss_tasks.evaluation import evaluation_of, keeps_predictions
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.features.groups import in_group
from amiss_tasks.features.indicators import method_with
from amiss_tasks.methods import Method, predraws
from amiss_tasks.protocols import advice_for, protocol_of
from amiss_tasks.r.session import RObject
from amiss_tasks.stages.added_missingness import (
    MCAR,
    STAGE,
    mechanism_of,
    removal_seed,
    share_of,
    shares_of,
)
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.feature_groups import group_of
from amiss_tasks.stages.labelled_rows import Labelled, is_labelled
from amiss_tasks.stages.null_models import KnownLevels, load_levels
from amiss_tasks.stages.predictions import pack_groups
from amiss_tasks.stages.preprocess import fold_parts, split
from amiss_tasks.study.options import features_of, methods_of, own_classifiers_of
from amiss_tasks.tasks._memo import Memo
from amiss_tasks.tasks.fold_tables import Cell, FoldTables, fold_tables, tables_of
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.stage_results import (
    ImputationError,
    Imputed,
    ImputedRows,
    ImputedTest,
    Prepared,
    Removed,
    Sampled,
    Trained,
)
from gridrun.pipeline import Settings, StageHook, TaskFailure, TaskSpec, Value
from gridrun.plan.fingerprint import digest_of

MEMO_BYTES = 256 * 2**20
SMALL_BYTES = 4096
"""What a result without tables counts as."""


class StageRunner:
    """The stages from a block's artifact to trained models and imputed test tables.

    Args:
        settings: The study's settings.
        stage_hook: Called with (stage, key) before a stage is computed.
        memo_bytes: Most bytes of shared results kept.
    """

    def __init__(
        self, settings: Settings, stage_hook: StageHook, memo_bytes: int = MEMO_BYTES
    ) -> None:
        self.protocol = protocol_of(settings)
        self.methods = methods_of(settings.options)
        self.own_classifiers = own_classifiers_of(settings.options)
        self.adds_missingness = bool(shares_of(settings.options))
        self.hook = stage_hook
        self.memo = Memo(memo_bytes)
        self.evaluation = evaluation_of(settings.options)
        self.keeps_predictions = keeps_predictions(settings.options)
        self.features = features_of(settings.options)
        self.r = RStages(self.features, self.protocol, self.own_classifiers)

    def cell(self, task: TaskSpec, artifact: Path | None) -> Cell:
        """Run the stages up to the final features."""
        if artifact is None:
            msg = "a task of amiss got no artifact of its block"
            raise ValueError(msg)
        self._refuse(task)
        fold = self._amputed(self._fold(artifact, task.fold), task.values)
        cell = self.cell_of(fold, task.values)
        absent = [name for name in cell.prepared.features if name not in cell.fold.test_columns]
        if absent:
            raise TaskFailure(
                "undefined columns selected: the test part has no row with this level, so no such "
                f"dummy: {', '.join(absent)} (D21){advice_for('dummy_columns')}",
                "upstream-defect",
            )
        return cell

    def cell_of(self, fold: FoldTables, values: Mapping[str, Value]) -> Cell:
        """Prepare tables of a fold that are there already; their test part is not checked."""
        method = self.method_of(values)
        return Cell(fold, self._prepared(fold, method, values), method, self.protocol)

    def features_in(self, fold: FoldTables, values: Mapping[str, Value]) -> FeatureSet:
        """The features of a combination that a fold's tables have."""
        return in_group(self.features.of_table(fold.test_columns), group_of(values))

    def method_of(self, values: Mapping[str, Value]) -> Method:
        """The imputation method of a combination, with indicators where it has them."""
        return method_with(self.methods[str(values["imputation"])], values)

    def content_key(self, task: TaskSpec, cell: Cell) -> str:
        """Digest of everything that a task's result depends on, by content."""
        key: dict[str, Any] = {
            "imputed": cell.key,
            "classifier": task.classifier,
            "switches": self.protocol.components(task.classifier, cell.method.name),
        }
        if "feature_checks" in self.protocol.corrected:
            key["checks"] = checks_of(task.values)
        if task.classifier in self.own_classifiers:
            key["code"] = self.own_classifiers[task.classifier].code
        if task.classifier in SEARCHED:
            key["search"] = task.values["hyperparameter_search_type"]
        if self.keeps_predictions:
            # else of the ids only the consequence has a part in any result
            key["test rows"] = list(cell.fold.test_ids)
        return digest_of(key)

    def imputed(self, cell: Cell, *, accepts_missing: bool = False) -> Imputed:
        """Impute the training table with every row of hyperparameters.

        Args:
            cell: The cell.
            accepts_missing: Whether what follows accepts missing values that are left.
        """

        def impute() -> tuple[ImputedRows, int]:
            self.hook("impute", cell.key)
            data = self.r.cut(cell.fold.train, cell.prepared.rows, cell.prepared.features)
            generator = cell.prepared.sampled.generator
            found = self.r.impute_rows(
                cell.method,
                data,
                cell.rows,
                generator,
                cell.fold.number,
                test=self._followed(cell),
            )
            # a state may hold the training table as well
            size = cell.bytes_of(len(cell.prepared.rows), found.count + len(cell.rows))
            return found, size + cell.bytes_of(len(cell.fold.test_ids), found.tested)

        def choose() -> tuple[Imputed, int]:
            rows = self.memo.get(f"impute:{cell.key}", impute)[0]
            return self.r.usable(cell.method, rows, accepts_missing=accepts_missing), SMALL_BYTES

        return self.memo.get(f"usable:{cell.key}:{accepts_missing}", choose)[0]

    def imputation_error(self, cell: Cell, row: int, number: int) -> ImputationError | None:
        """How far an imputed training table is from what was removed; None if nothing was.

        Args:
            cell: The cell.
            row: Row of hyperparameters, counted from 0.
            number: Imputed table of that row, counted from 0.
        """
        fold = cell.fold
        if fold.removed is None:
            return None
        completed = self.imputed(cell, accepts_missing=True).tables.at(row).at(number)
        return self.r.imputation_error(
            fold.removed.truth, fold.train, cell.prepared.rows, completed
        )

    def imputed_test(self, cell: Cell, row: int) -> ImputedTest:
        """Impute the test table with the chosen row of hyperparameters, counted from 0."""
        imputed = self.imputed(cell, accepts_missing=True)
        key = cell.test_key(row)

        def impute() -> tuple[ImputedTest, int]:
            self.hook("impute-test", key)
            if found := imputed.tested_by(row):
                return found, SMALL_BYTES
            data = self._test_table(cell)
            found = self.r.impute_test(
                cell.method, data, imputed.states.at(row), fold=cell.fold.number
            )
            return found, cell.bytes_of(len(cell.fold.test_ids), found.count)

        return self.memo.get(f"impute-test:{key}", impute)[0]

    def _test_table(self, cell: Cell) -> RObject:
        rows = np.arange(len(cell.fold.test_ids))
        return self.r.cut(cell.fold.test, rows, cell.prepared.features)

    def _followed(self, cell: Cell) -> RObject | None:
        """The test table, where its rows are imputed from what training learns."""
        learnt = self.protocol.completes_by_training(cell.method.name)
        return self._test_table(cell) if learnt and cell.fold.test_ids else None

    def train(
        self, cell: Cell, classifier: str, imputed: Imputed, search: str, content_key: str
    ) -> Trained:
        """Train a model on each imputed training table, and choose the row of hyperparameters."""
        self.hook("train", content_key)
        outcome = self.r.cut_outcome(cell.fold.outcome, cell.prepared.rows)
        groups = cell.fold.groups_of(cell.prepared.rows)
        return self.r.train(classifier, imputed, outcome, search, cell.fold.number, groups=groups)

    def checked(
        self, cell: Cell, values: Mapping[str, Value], *, accepts_missing: bool = False
    ) -> Imputed:
        """Imputed training tables, as they are or after the feature checks on them (D15)."""
        imputed = self.imputed(cell, accepts_missing=accepts_missing)
        # the checks are in a result's key only where they are made again
        checks = checks_of(values) if "feature_checks" in self.protocol.corrected else {}
        if not any(checks.values()):
            return imputed
        key = digest_of({"imputed": cell.key, **checks})
        if accepts_missing:
            key = f"{key}:missing values accepted"

        def check() -> tuple[Imputed, int]:
            self.hook("impute", key)
            size = cell.bytes_of(len(cell.prepared.rows), imputed.count)
            return self.r.check_again(imputed, **checks, indicators=cell.method.indicators), size

        return self.memo.get(f"checked:{key}", check)[0]

    def _refuse(self, task: TaskSpec) -> None:
        """Fail what upstream does not run, though a plan would not ask for it."""
        if task.classifier not in TAKING_TEXT and task.values["categorical"] == "factor":
            raise TaskFailure(
                f'categorical=factor trains random forest only, not "{task.classifier}"',
                "upstream-defect",
            )
        if search_of(task) == "random" and "random_search" not in self.protocol.corrected:
            raise TaskFailure(
                "hyperparameter_search_type=random: upstream never trains this classifier (D2)"
                + advice_for("random_search"),
                "upstream-defect",
            )

    def _fold(self, artifact: Path, number: int) -> FoldTables:
        about = artifact.stat()
        name = f"{artifact}:{about.st_mtime_ns}:{about.st_size}"

        def load() -> tuple[BlockTables | Labelled, int]:
            kind = Labelled if is_labelled(artifact) else BlockTables
            return kind.load(artifact), 2 * about.st_size

        def load_known() -> tuple[KnownLevels, int]:
            return load_levels(artifact), about.st_size // 2

        def cut() -> tuple[FoldTables, int]:
            self.hook("fold", f"{artifact.stem}:{number}")
            block = self.memo.get(f"block:{name}", load)[0]
            known = self.memo.get(f"levels:{name}", load_known)[0]
            if isinstance(block, Labelled):
                if self.evaluation.holds_out:
                    parts = split(block, self.features, self.protocol, number)
                else:
                    parts = fold_parts(block, number, self.features, self.protocol)
                group_of = block.group_of
                fold = tables_of(self.r, parts, number, self.protocol, known, group_of=group_of)
            else:
                fold = fold_tables(self.r, block, number, self.protocol, known)
            if not fold.test_ids:
                raise TaskFailure("the test part has no row")
            groups = known.groups_of(fold.test_ids) if self.keeps_predictions else None
            if groups is not None:
                fold = replace(fold, row_groups=pack_groups(groups))
            return fold, fold.bytes

        return self.memo.get(f"fold:{name}:{number}", cut)[0]

    def _amputed(self, fold: FoldTables, values: Mapping[str, Value]) -> FoldTables:
        """The fold with a share of the training table's known values removed.

        With share 0 it is the fold itself, so mechanisms share all that follows.
        """
        share, mechanism = share_of(values), mechanism_of(values)
        if share == 0:
            return fold
        seed = removal_seed(self.protocol, share, fold.number, mechanism)
        key = {"fold": fold.digest, "removed": share, "seed": seed}
        if mechanism != MCAR:
            key["mechanism"] = mechanism
        digest = digest_of(key)

        def remove() -> tuple[FoldTables, int]:
            self.hook(STAGE, digest)
            found = self.r.ampute(fold.train, share, seed, mechanism)
            removed = Removed(share, mechanism, fold.train, found, fold.digest)
            return replace(fold, digest=digest, train=found.table, removed=removed), fold.bytes

        return self.memo.get(f"ampute:{digest}", remove)[0]

    def _prepared(self, fold: FoldTables, method: Method, values: Mapping[str, Value]) -> Prepared:
        sampling: dict[str, Any] = {
            "predraw": predraws(method, all_methods=self.evaluation.holds_out),
            "downsampling": values["downsampling"] == "on",
            "feature_share": float(values["feature_sampling_percentage"]),
            "row_share": float(values["training_data_sampling_percentage"]),
        }
        checks = checks_of(values)
        features = self.features_in(fold, values)
        sample_key = digest_of(
            {"fold": fold.digest, **sampling, "features": [f.name for f in features.features]}
        )
        key = digest_of({"sample": sample_key, **checks})

        def draw() -> tuple[Sampled, int]:
            self.hook("prepare", sample_key)
            return self.r.draw_sample(
                fold.train,
                fold.outcome,
                **sampling,
                fold=fold.number,
                features=None if features == self.features else features,
            ), SMALL_BYTES

        def prepare() -> tuple[Prepared, int]:
            sampled = self.memo.get(f"sample:{sample_key}", draw)[0]
            self.hook("prepare", key)
            return self.r.prepare(fold.train, sampled, **checks), SMALL_BYTES

        return self.memo.get(f"prepare:{key}", prepare)[0]


def checks_of(values: Mapping[str, Value]) -> dict[str, bool]:
    """Which feature checks are made."""
    return {
        "variance": values["nonzero_variance_check"] == "on",
        "correlation": values["correlation_check"] == "on",
    }


def search_of(task: TaskSpec) -> str:
    """How hyperparameters are searched; a classifier without any does not read it."""
    return str(task.values["hyperparameter_search_type"]) if task.classifier in SEARCHED else ""
