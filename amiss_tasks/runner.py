"""The worker's side of amiss: runs leaf tasks, sharing what equal tasks share.

Early cutoff: a stage's result is remembered under what it was made from *by
content*, so that a check which drops nothing, or two blocks with the same
rows, cost one computation. Source of the order of stages:
``upstream-behaviour`` sections 4 to 7.
"""

from __future__ import annotations

import math
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks._cells import Cell, FoldTables, fold_tables
from amiss_tasks._memo import Memo
from amiss_tasks._pyclassifiers import PythonModel, PythonTrained
from amiss_tasks._rstages import Checked, Completed, Imputed, Prepared, RStages, Sampled, Trained
from amiss_tasks.blocktables import BlockTables, BoolArray, IntArray
from amiss_tasks.evaluate import Prediction, evaluate
from amiss_tasks.methods import METHODS, Method
from amiss_tasks.protocols import protocol_of
from amiss_tasks.rsession import RObject
from amiss_tasks.studyoptions import features_of
from amiss_tasks.table import FloatArray
from gridrun.fingerprint import digest_of
from gridrun.pipeline import Settings, StageHook, TaskFailure, TaskResult, TaskSpec, Value

MEMO_BYTES = 256 * 2**20
_SMALL_BYTES = 4096
_SEARCHED = ("rf", "xgboost")
"""Classifiers that read ``hyperparameter_search_type``."""


@dataclass(frozen=True)
class VariantPredictions:
    """P(positive) of each test row of a fold.

    Args:
        row_ids: As upstream writes them.
        positive: Outcome, shape (rows,).
        probability: P(positive), shape (rows,).
    """

    row_ids: Sequence[str]
    positive: BoolArray
    probability: FloatArray


class AmissRunner:
    """Runs tasks of the amiss pipeline; see ``gridrun.pipeline.Runner``.

    Args:
        settings: The study's settings.
        stage_hook: Told (stage, key) before a stage is computed.
        memo_bytes: Most bytes of shared results kept.
    """

    def __init__(
        self, settings: Settings, stage_hook: StageHook, memo_bytes: int = MEMO_BYTES
    ) -> None:
        self._protocol = protocol_of(settings)
        self._hook = stage_hook
        self._memo = Memo(memo_bytes)
        self._r = RStages(features_of(settings.options), self._protocol)

    def environment(self) -> Mapping[str, str]:
        """Versions that may change numbers."""
        return {
            **self._r.versions(),
            "Python": platform.python_version(),
            "numpy": np.__version__,
            "rpy2": version("rpy2-rinterface"),
            "xgboost": version("xgboost-cpu"),
            # not the kernel's release, which changes no number
            "platform": " ".join((platform.system(), platform.machine(), *platform.libc_ver())),
        }

    def run(self, task: TaskSpec, artifact: Path | None) -> TaskResult:
        """Run one leaf task.

        Raises:
            TaskFailure: R stopped with a message, or upstream has no result here.
        """
        cell = self._cell(task, artifact)
        content_key = self._content_key(task, cell)
        result, shared = self._memo.get(
            f"result:{content_key}",
            lambda: (self._result(cell, task, content_key), _SMALL_BYTES),
        )
        return TaskResult(
            rows=result.rows,
            details=result.details,
            content_key=content_key,
            shared=shared,
            notes=result.notes,
            facts=result.facts,
        )

    def predictions(self, task: TaskSpec, artifact: Path | None) -> VariantPredictions:
        """Predictions per variant of one leaf task, by model_1 on imp_1; trains anew.

        Raises:
            TaskFailure: As :meth:`run`.
        """
        cell = self._cell(task, artifact)
        imputed = self._checked(cell, task.values).imputed
        key = self._content_key(task, cell)
        trained = self._train(cell, task.classifier, imputed, _search(task), key)
        data = self._imputed_test(cell, trained.row).tables.at(0)
        found, _ = self._r.predict(task.classifier, trained.models.at(0), data)
        return VariantPredictions(cell.fold.test_ids, cell.fold.test_positive, found.probability)

    def _cell(self, task: TaskSpec, artifact: Path | None) -> Cell:
        """Everything up to the final features."""
        if artifact is None:
            msg = "a task of amiss needs its block's artifact"
            raise ValueError(msg)
        self._refuse(task)
        fold = self._fold(artifact, task.fold)
        method = METHODS[str(task.values["imputation"])]
        return Cell(fold, self._prepared(fold, method, task.values), method, self._protocol)

    def _refuse(self, task: TaskSpec) -> None:
        """Fail what upstream does not run, though a plan would not ask for it."""
        if task.classifier != "rf" and task.values["categorical"] == "factor":
            raise TaskFailure(
                f'categorical=factor trains random forest only, not "{task.classifier}"',
                "upstream-defect",
            )
        if "random_search" not in self._protocol.corrected and _search(task) == "random":
            raise TaskFailure(
                "hyperparameter_search_type=random: upstream never trains this classifier (D2)",
                "upstream-defect",
            )

    def _content_key(self, task: TaskSpec, cell: Cell) -> str:
        key: dict[str, Any] = {
            "imputed": cell.key,
            "classifier": task.classifier,
            "switches": self._protocol.components(task.classifier, cell.method.name),
        }
        if "feature_checks" in self._protocol.corrected:
            key["checks"] = _checks(task.values)
        if task.classifier in _SEARCHED:
            key["search"] = task.values["hyperparameter_search_type"]
        return digest_of(key)

    def _fold(self, artifact: Path, number: int) -> FoldTables:
        about = artifact.stat()
        name = f"{artifact}:{about.st_mtime_ns}:{about.st_size}"

        def load() -> tuple[BlockTables, int]:
            return BlockTables.load(artifact), 2 * about.st_size

        def cut() -> tuple[FoldTables, int]:
            self._hook("fold", f"{artifact.stem}:{number}")
            block = self._memo.get(f"block:{name}", load)[0]
            fold = fold_tables(self._r, block, number, self._protocol)
            return fold, fold.bytes

        return self._memo.get(f"fold:{name}:{number}", cut)[0]

    def _prepared(self, fold: FoldTables, method: Method, values: Mapping[str, Value]) -> Prepared:
        sampling: dict[str, Any] = {
            "predraw": method.predraw,
            "downsampling": values["downsampling"] == "on",
            "feature_share": float(values["feature_sampling_percentage"]),
            "row_share": float(values["training_data_sampling_percentage"]),
        }
        checks = _checks(values)
        sample_key = digest_of({"fold": fold.digest, **sampling})
        key = digest_of({"sample": sample_key, **checks})

        def draw() -> tuple[Sampled, int]:
            self._hook("prepare", sample_key)
            return self._r.draw_sample(
                fold.train, fold.outcome, **sampling, fold=fold.number
            ), _SMALL_BYTES

        def prepare() -> tuple[Prepared, int]:
            sampled = self._memo.get(f"sample:{sample_key}", draw)[0]
            self._hook("prepare", key)
            return self._r.prepare(fold.train, sampled, **checks), _SMALL_BYTES

        return self._memo.get(f"prepare:{key}", prepare)[0]

    def _imputed(self, cell: Cell) -> Imputed:
        def impute() -> tuple[Imputed, int]:
            self._hook("impute", cell.key)
            data = self._r.cut(cell.fold.train, cell.prepared.rows, cell.prepared.features)
            generator = cell.prepared.sampled.generator
            found = self._r.impute_train(cell.method, data, cell.rows, generator, cell.fold.number)
            # a state may hold the training table as well
            size = cell.bytes_of(len(cell.prepared.rows), found.count + len(cell.rows))
            return found, size

        return self._memo.get(f"impute:{cell.key}", impute)[0]

    def _imputed_test(self, cell: Cell, row: int) -> Completed:
        """Completed test tables by the chosen row of hyperparameters, counted from 0."""
        state = self._imputed(cell).states.at(row)
        rows = np.arange(len(cell.fold.test_positive))
        key = cell.test_key(row)

        def impute() -> tuple[Completed, int]:
            self._hook("impute-test", key)
            data = self._r.cut(cell.fold.test, rows, cell.prepared.features)
            found = self._r.impute_test(cell.method, data, state, fold=cell.fold.number)
            return found, cell.bytes_of(len(rows), found.count)

        return self._memo.get(f"impute-test:{key}", impute)[0]

    def _train(
        self, cell: Cell, classifier: str, imputed: Imputed, search: str, content_key: str
    ) -> Trained | PythonTrained:
        self._hook("train", content_key)
        outcome = self._r.cut_outcome(cell.fold.outcome, cell.prepared.rows)
        return self._r.train(classifier, imputed, outcome, search, cell.fold.number)

    def _checked(self, cell: Cell, values: Mapping[str, Value]) -> Checked:
        """Completed training tables, as they are or after the feature checks on them (D15)."""
        imputed, checks = self._imputed(cell), _checks(values)
        if "feature_checks" not in self._protocol.corrected or not any(checks.values()):
            return Checked(imputed, [()] * len(cell.rows))
        key = digest_of({"imputed": cell.key, **checks})

        def check() -> tuple[Checked, int]:
            self._hook("impute", key)
            size = cell.bytes_of(len(cell.prepared.rows), imputed.count)
            return self._r.check_again(imputed, **checks), size

        return self._memo.get(f"checked:{key}", check)[0]

    def _result(self, cell: Cell, task: TaskSpec, content_key: str) -> TaskResult:
        """Train, impute the test rows, predict and evaluate."""
        fold, prepared, classifier = cell.fold, cell.prepared, task.classifier
        checked = self._checked(cell, task.values)
        imputed = checked.imputed
        trained = self._train(cell, classifier, imputed, _search(task), content_key)
        completed = self._imputed_test(cell, trained.row)
        self._hook("evaluate", content_key)
        notes = [*prepared.notes, *imputed.notes, *trained.notes, *completed.notes]

        def predict(
            model: RObject | PythonModel, data: RObject, rows: IntArray | None = None
        ) -> Prediction:
            found, warned = self._r.predict(classifier, model, data, rows)
            notes.extend(warned)
            return found

        corrected = self._protocol.corrected
        # with D3, text is coded anew in every table that is predicted
        text_is_coded_anew = fold.has_text and "categorical_factor" not in corrected
        one_sided_mcc = 0.0 if "one_sided_mcc" in corrected else math.nan
        rows, details = [], []
        for number, facts in enumerate(trained.facts):
            model = trained.models.at(number)
            for completion in range(completed.count):
                of_table = partial(predict, model, completed.tables.at(completion))
                found = evaluate(
                    fold.test_positive,
                    fold.groups,
                    of_table(),
                    of_table if text_is_coded_anew else None,
                    one_sided_mcc,
                )
                names = _names(number, completion)
                rows.append(_row(found.overall, names, facts))
                details.append([_row(one, names, facts) for one in found.per_consequence])
        return TaskResult(
            rows=rows,
            # consequence after consequence, as upstream's table has them
            details=[one for group in zip(*details, strict=True) for one in group],
            notes=_counted(notes),
            facts={
                "features": list(prepared.features),
                "n_rows": len(prepared.rows),
                "n_variants": len({fold.train_variants[row] for row in prepared.rows}),
                "n_test_rows": len(fold.test_positive),
                "n_test_variants": fold.n_test_variants,
                "low_variance": list(prepared.low_variance),
                "correlated": list(prepared.correlated),
                "dropped_after_imputation": list(checked.dropped[trained.row]),
                **_choice(cell, trained),
                "fits": trained.fits,
                **trained.facts[0]["settings"],
            },
        )


def _checks(values: Mapping[str, Value]) -> dict[str, bool]:
    """Which feature checks are made."""
    return {
        "variance": values["nonzero_variance_check"] == "on",
        "correlation": values["correlation_check"] == "on",
    }


def _search(task: TaskSpec) -> str:
    """How hyperparameters are searched; a classifier without any does not read it."""
    return str(task.values["hyperparameter_search_type"]) if task.classifier in _SEARCHED else ""


def _choice(cell: Cell, trained: Trained | PythonTrained) -> dict[str, Any]:
    """Facts about the rows of hyperparameters that were compared."""
    mccs = [None if mcc == -math.inf else mcc for mcc in trained.mcc]
    own = [facts["selection_mcc"] for facts in trained.facts]
    found: dict[str, Any] = {"selection_mcc": sum(own) / len(own)}
    if cell.method.axes:
        found["imputation_row"] = trained.row + 1
        found["imputation_hp"] = dict(cell.rows[trained.row])
        found["imputation_rows"] = [
            {**row, "selection_mcc": mcc} for row, mcc in zip(cell.rows, mccs, strict=True)
        ]
    return found


def _names(model: int, completion: int) -> dict[str, str]:
    """Upstream's names of a model and of a completed test table, both counted from 0."""
    return {"model_ix": f"model_{model + 1}", "test_completion_ix": f"imp_{completion + 1}"}


def _row(
    found: Mapping[str, Any], names: Mapping[str, str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Upstream's columns of a result row, after its consequence if it has one."""
    row = dict(found)
    head = {"consequence": row.pop("consequence")} if "consequence" in row else {}
    te_time = row.pop("te_time")
    return {**head, **names, **row, "tr_time": facts["seconds"], "te_time": te_time}


def _counted(notes: Iterable[str]) -> list[str]:
    """Each warning once, with how often it came."""
    return [
        f"{note} ({count} times)" if count > 1 else note for note, count in Counter(notes).items()
    ]
