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
from amiss_tasks._rstages import Completed, Imputed, Prepared, RStages, Sampled, Trained
from amiss_tasks.blocktables import BlockTables, BoolArray, IntArray
from amiss_tasks.evaluate import Prediction, evaluate
from amiss_tasks.methods import METHODS, Method
from amiss_tasks.protocols import switches
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
        self._switches = dict(switches(settings.protocol))
        self._hook = stage_hook
        self._memo = Memo(memo_bytes)
        self._r = RStages(features_of(settings.options))

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
            lambda: (self._result(cell, task.classifier, content_key), _SMALL_BYTES),
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
        trained = self._train(cell, task.classifier, self._content_key(task, cell))
        data = self._imputed_test(cell, trained.row).tables.at(0)
        found, _ = self._r.predict(task.classifier, trained.models.at(0), data)
        return VariantPredictions(cell.fold.test_ids, cell.fold.test_positive, found.probability)

    def _cell(self, task: TaskSpec, artifact: Path | None) -> Cell:
        """Everything up to the final features."""
        if artifact is None:
            msg = "a task of amiss needs its block's artifact"
            raise ValueError(msg)
        _refuse(task.classifier, task.values)
        fold = self._fold(artifact, task.fold)
        method = METHODS[str(task.values["imputation"])]
        return Cell(fold, self._prepared(fold, method, task.values), method)

    def _content_key(self, task: TaskSpec, cell: Cell) -> str:
        key: dict[str, Any] = {
            "imputed": cell.key,
            "classifier": task.classifier,
            "switches": self._switches,
        }
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
            fold = fold_tables(self._r, block, number)
            return fold, fold.bytes

        return self._memo.get(f"fold:{name}:{number}", cut)[0]

    def _prepared(self, fold: FoldTables, method: Method, values: Mapping[str, Value]) -> Prepared:
        sampling: dict[str, Any] = {
            "predraw": method.predraw,
            "downsampling": values["downsampling"] == "on",
            "feature_share": float(values["feature_sampling_percentage"]),
            "row_share": float(values["training_data_sampling_percentage"]),
        }
        checks = {
            "variance": values["nonzero_variance_check"] == "on",
            "correlation": values["correlation_check"] == "on",
        }
        sample_key = digest_of({"fold": fold.digest, **sampling})
        key = digest_of({"sample": sample_key, **checks})

        def draw() -> tuple[Sampled, int]:
            self._hook("prepare", sample_key)
            return self._r.draw_sample(fold.train, fold.outcome, **sampling), _SMALL_BYTES

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
            found = self._r.impute_train(cell.method, data, cell.rows, generator)
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
            found = self._r.impute_test(cell.method, data, state)
            return found, cell.bytes_of(len(rows), found.count)

        return self._memo.get(f"impute-test:{key}", impute)[0]

    def _train(self, cell: Cell, classifier: str, content_key: str) -> Trained | PythonTrained:
        imputed = self._imputed(cell)
        self._hook("train", content_key)
        outcome = self._r.cut_outcome(cell.fold.outcome, cell.prepared.rows)
        return self._r.train(classifier, imputed, outcome)

    def _result(self, cell: Cell, classifier: str, content_key: str) -> TaskResult:
        """Train, impute the test rows, predict and evaluate."""
        fold, prepared = cell.fold, cell.prepared
        trained = self._train(cell, classifier, content_key)
        imputed, completed = self._imputed(cell), self._imputed_test(cell, trained.row)
        self._hook("evaluate", content_key)
        notes = [*prepared.notes, *imputed.notes, *trained.notes, *completed.notes]

        def predict(
            model: RObject | PythonModel, data: RObject, rows: IntArray | None = None
        ) -> Prediction:
            found, warned = self._r.predict(classifier, model, data, rows)
            notes.extend(warned)
            return found

        rows, details = [], []
        for number, facts in enumerate(trained.facts):
            model = trained.models.at(number)
            for completion in range(completed.count):
                of_table = partial(predict, model, completed.tables.at(completion))
                # text is coded anew in every table that is predicted (D3)
                again = of_table if fold.has_text else None
                found = evaluate(fold.test_positive, fold.groups, of_table(), again)
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
                "low_variance": list(prepared.low_variance),
                "correlated": list(prepared.correlated),
                **_choice(cell, trained),
                "fits": trained.fits,
                **trained.facts[0]["settings"],
            },
        )


def _refuse(classifier: str, values: Mapping[str, Value]) -> None:
    """Fail what upstream does not run, though a plan would not ask for it."""
    if classifier != "rf" and values["categorical"] == "factor":
        raise TaskFailure(
            f'categorical=factor trains random forest only, not "{classifier}"', "upstream-defect"
        )
    if classifier in _SEARCHED and values["hyperparameter_search_type"] == "random":
        raise TaskFailure(
            "hyperparameter_search_type=random: upstream never trains this classifier (D2)",
            "upstream-defect",
        )


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
