"""What supervisor and child say to each other; the first request is the job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gridrun.pipeline import TaskResult, TaskSpec


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
    """The pipeline's runner is open."""

    environment: Mapping[str, str]


@dataclass(frozen=True)
class Ran:
    """A task ran to its end."""

    position: int
    started: float
    seconds: float
    result: TaskResult
    log: str


@dataclass(frozen=True)
class Raised:
    """A task raised; the process lives on."""

    position: int
    started: float
    seconds: float
    kind: str
    reason: str
    stage: str
    log: str


@dataclass(frozen=True)
class Refused:
    """A task reached a stage that is quarantined."""

    position: int
    started: float
    seconds: float
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


Outcome = Ran | Raised | Refused
