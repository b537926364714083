"""The worker's side of amiss: runs leaf tasks, one after another, in one process with R."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from amiss_tasks.stages.predictions import ROW_GROUPS
from amiss_tasks.tasks._process_watch import ProcessWatch
from amiss_tasks.tasks.code import code_in_use, refuse_changed_python, refuse_other_code
from amiss_tasks.tasks.results import LeafTask, outcome_of
from amiss_tasks.tasks.stage_runner import MEMO_BYTES, SMALL_BYTES, StageRunner
from gridrun.pipeline import (
    BLOCK_TABLE,
    NULL_MODELS,
    Settings,
    StageHook,
    TaskFailure,
    TaskResult,
    TaskSpec,
)


class AmissRunner:
    """Runs tasks of the amiss pipeline; see ``gridrun.pipeline.Runner``.

    Args:
        settings: The study's settings.
        stage_hook: Called with (stage, key) before a stage is computed.
        memo_bytes: Most bytes of shared results kept.

    Raises:
        EnvironmentFault: This process runs other code than the tasks were planned for.
    """

    def __init__(
        self, settings: Settings, stage_hook: StageHook, memo_bytes: int = MEMO_BYTES
    ) -> None:
        self.chain = StageRunner(settings, stage_hook, memo_bytes)
        self._needs = settings.needs
        own = (method.own for method in self.chain.methods.values())
        self._own = [file for file in (*own, *self.chain.own_classifiers.values()) if file]
        self._is_spent = False
        self._watch: ProcessWatch | None = None
        refuse_other_code(settings.code, code_in_use(self.chain.r.calls.code()))
        refuse_changed_python()  # where the run was planned by this process, it loads stages now

    @property
    def is_spent(self) -> bool:
        """Whether code of the user's own has changed R or the process for whatever runs next."""
        return self._is_spent

    def company(self, task: TaskSpec) -> str:
        """The files of the user's own that a task runs: theirs share no process with others."""
        method = self.chain.methods[str(task.values["imputation"])]
        files = (method.own, self.chain.own_classifiers.get(task.classifier))
        return " ".join(file.text_digest for file in files if file is not None)

    def environment(self) -> Mapping[str, str]:
        """Versions that may change numbers.

        Raises:
            EnvironmentFault: A package is not installed, or not whole.
        """
        return {
            **self.chain.r.calls.versions(self._needs, self._own),
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
        if not self.company(task):
            return self._result(task, artifact)
        watch = self._watch = self._watch or ProcessWatch(self.chain.r.calls)
        try:
            return self._result(task, artifact)
        finally:
            self._is_spent = watch.has_changed()

    def _result(self, task: TaskSpec, artifact: Path | None) -> TaskResult:
        leaf = LeafTask(self.chain, task, artifact)
        imputed = leaf.cell.key
        try:
            result, shared = self.chain.memo.get(
                f"result:{leaf.content_key}", lambda: _sized(outcome_of(leaf))
            )
        except TaskFailure as failure:
            failure.shares = imputed
            raise
        # of the block and fold, which tasks of equal content need not share
        fold = leaf.cell.fold
        payloads = {**result.payloads, NULL_MODELS: fold.null_models}
        if fold.missingness:
            payloads[BLOCK_TABLE] = fold.missingness
        if fold.row_groups:
            payloads[ROW_GROUPS] = fold.row_groups
        return replace(
            result,
            content_key=leaf.content_key,
            shared=shared,
            payloads=payloads,
            shares=imputed,
        )


def _sized(result: TaskResult) -> tuple[TaskResult, int]:
    """A result with what it counts as among those that are remembered."""
    return result, SMALL_BYTES + sum(map(len, result.payloads.values()))
