"""One task through a runner, with what it raised turned into data."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from gridrun.errors import printable
from gridrun.pipeline import Runner, SeparatesTasks, Stage, TaskFailure, TaskResult, TaskSpec
from gridrun.plan.units import Attempt, Kind, TaskDone, TaskFailed
from gridrun.store.faults import disk_fault
from gridrun.store.patience import patiently

_OF_FAILURES = (Kind.UPSTREAM_DEFECT, Kind.MEMORY)
"""Kinds beside ``error`` that a pipeline may give a failure."""


@dataclass(frozen=True)
class Tried:
    """The outcome of one try, in the process that ran it.

    Args:
        started: Seconds since the epoch.
        seconds: Wall seconds.
        result: Result, or None when the task failed.
        kind: Kind of failure when it failed.
        reason: One line.
        more: Text for the log: a traceback, a message of several lines.
        shares: As that of a ``TaskResult``, where the task failed.
        shared_seconds: Of ``seconds``, in stages whose results classifiers share.
    """

    started: float
    seconds: float
    result: TaskResult | None
    kind: Kind = Kind.ERROR
    reason: str = ""
    more: str = ""
    shares: str = ""
    shared_seconds: float = 0.0

    def event(
        self, task: TaskSpec, attempt: Attempt, *, stage: str, log: str
    ) -> TaskDone | TaskFailed:
        """The outcome as the engine hears of it.

        Args:
            task: What was tried.
            attempt: Which try of it.
            stage: Where it failed, if it did.
            log: What is kept of what it said.
        """
        attempt = replace(attempt, shared_seconds=self.shared_seconds)
        if self.result is not None:
            return TaskDone(task, attempt, self.result, log)
        return TaskFailed(
            task, attempt, self.kind, self.reason, stage=stage, log=log, shares=self.shares
        )


class StageClock:
    """Tells how long the stages of a task took whose results classifiers share.

    Args:
        stages: Of the pipeline.
    """

    def __init__(self, stages: Iterable[Stage]) -> None:
        self._own = {stage.name for stage in stages if stage.per_classifier}
        self._marks: list[tuple[str, float]] = []

    def begin(self) -> None:
        """A task starts now."""
        self._marks.clear()

    def at_stage(self, stage: str) -> None:
        """A stage of the task starts now, and the one before has ended."""
        self._marks.append((stage, time.perf_counter()))

    def shared_seconds(self) -> float:
        """Seconds of the shared stages that the task has computed, which ends now."""
        marks = [*self._marks, ("", time.perf_counter())]
        return sum(
            end - began for (stage, began), (_, end) in pairwise(marks) if stage not in self._own
        )


def try_task(
    runner: Runner, task: TaskSpec, artifact: Path | None, clock: StageClock | None = None
) -> Tried:
    """Run a task; a finding and a defect both come back as data.

    Args:
        runner: Of the pipeline.
        task: What to run.
        artifact: The block's artifact.
        clock: Called at each stage; None where nobody asks how long stages take.

    Raises:
        EnvironmentFault: The disk is full, or has not answered for a minute.
    """
    if clock is None:
        return _tried(runner, task, artifact)
    clock.begin()
    tried = _tried(runner, task, artifact)
    return replace(tried, shared_seconds=clock.shared_seconds())


def _tried(runner: Runner, task: TaskSpec, artifact: Path | None) -> Tried:
    started, clock = time.time(), time.perf_counter()
    try:
        result = patiently(lambda: runner.run(task, artifact))
    except TaskFailure as failure:
        seconds = time.perf_counter() - clock
        more = f"{printable(failure.message)}\n" if "\n" in failure.message.strip() else ""
        kind = Kind(failure.kind) if failure.kind in _OF_FAILURES else Kind.ERROR
        reason = one_line(failure.message)
        return Tried(started, seconds, None, kind, reason, more, failure.shares)
    except (Exception, SystemExit) as defect:
        place = artifact.parent if artifact is not None else None
        fault = disk_fault(defect, place) if isinstance(defect, OSError) else None
        if fault is not None:
            raise fault from defect  # no finding about the task
        seconds = time.perf_counter() - clock
        reason = one_line(f"{type(defect).__name__}: {defect}")
        kind = Kind.MEMORY if isinstance(defect, MemoryError) else Kind.ERROR
        return Tried(started, seconds, None, kind, reason, traceback.format_exc())
    return Tried(started, time.perf_counter() - clock, result)


def company_of(runner: Runner, task: TaskSpec) -> str:
    """Which tasks may share a process with this one; see ``gridrun.pipeline.SeparatesTasks``."""
    return runner.company(task) if isinstance(runner, SeparatesTasks) else ""


def is_spent(runner: Runner) -> bool:
    """Whether no other task may run in the runner's process."""
    return isinstance(runner, SeparatesTasks) and runner.is_spent


def one_line(text: str) -> str:
    """A text for a table: breaks of lines and runs of blanks made single blanks."""
    return printable(" ".join(text.split()))
