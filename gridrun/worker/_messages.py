"""What supervisor and child say to each other; the first request is the job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gridrun.pipeline import TaskSpec
from gridrun.worker._task import Tried


@dataclass(frozen=True)
class Dispatch:
    """Tasks for the child.

    Args:
        tasks: Position in the unit and task.
        artifact: Path of the block's artifact, or None.
        quarantined: (stage, key) pairs that must not be started again.
    """

    tasks: tuple[tuple[int, TaskSpec], ...]
    artifact: str | None
    quarantined: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Ready:
    """The pipeline's runner is open.

    Args:
        environment: Versions that may change numbers.
        reads: Stage to the names of what it reads itself of a task, its classifier included.
    """

    environment: Mapping[str, str]
    reads: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Ran:
    """A task ran to its end or raised; the process lives on.

    Args:
        position: Of the task in its unit.
        tried: What came of it.
        stage: Stage started last.
        log: What it printed.
    """

    position: int
    tried: Tried
    stage: str
    log: str


@dataclass(frozen=True)
class Refused:
    """A task reached a stage that is quarantined."""

    position: int
    started: float
    stage: str
    key: str
    log: str


@dataclass(frozen=True)
class Idle:
    """The dispatch is through, or was left because of a stop.

    Args:
        spent: Whether tasks are left that must not run in this process.
    """

    spent: bool = False


Outcome = Ran | Refused
