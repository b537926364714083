"""One task through a runner, with what it raised turned into data."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from gridrun.errors import printable
from gridrun.pipeline import Runner, SeparatesTasks, TaskFailure, TaskResult, TaskSpec
from gridrun.plan.units import Kind


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
    """

    started: float
    seconds: float
    result: TaskResult | None
    kind: Kind = Kind.ERROR
    reason: str = ""
    more: str = ""


def try_task(runner: Runner, task: TaskSpec, artifact: Path | None) -> Tried:
    """Run a task; a finding and a defect both come back as data."""
    started, clock = time.time(), time.perf_counter()
    try:
        result = runner.run(task, artifact)
    except TaskFailure as failure:
        seconds = time.perf_counter() - clock
        more = f"{printable(failure.message)}\n" if "\n" in failure.message.strip() else ""
        kind = Kind.UPSTREAM_DEFECT if failure.kind == Kind.UPSTREAM_DEFECT else Kind.ERROR
        return Tried(started, seconds, None, kind, one_line(failure.message), more)
    except (Exception, SystemExit) as defect:  # noqa: BLE001 - whatever escapes costs one task
        seconds = time.perf_counter() - clock
        reason = one_line(f"{type(defect).__name__}: {defect}")
        return Tried(started, seconds, None, Kind.ERROR, reason, traceback.format_exc())
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
