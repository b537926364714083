"""What the backend and Ray's driver say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrun.plan.units import Event, Job, Unit

# to the driver


@dataclass(frozen=True)
class Start:
    """Come up; the first request.

    Args:
        address: Of a running cluster, or None to start a Ray.
        workers: Processors to offer in a Ray of our own.
        directory: Where a Ray of our own has its files.
        token: Secret of a Ray of our own.
    """

    address: str | None
    workers: int
    directory: Path
    token: str


@dataclass(frozen=True)
class Open:
    """Start workers for a job.

    Args:
        job: What all units have in common.
        workers: How many; None for one per processor of the cluster.
    """

    job: Job
    workers: int | None


@dataclass(frozen=True)
class Run:
    """Run units, this one first; the others are asked for."""

    first: Unit


@dataclass(frozen=True)
class Answer:
    """What a question asked for: a unit or None, or the content of an artifact."""

    value: Any


@dataclass(frozen=True)
class Stop:
    """End units after their current task."""


@dataclass(frozen=True)
class Close:
    """End the workers, whatever they do."""


# from the driver


@dataclass(frozen=True)
class Up:
    """Ray is up.

    Args:
        workers: Processors of the cluster.
        address: ``HOST:PORT``.
    """

    workers: int
    address: str


@dataclass(frozen=True)
class NotUp:
    """Ray did not start, and may if it is tried again."""

    text: str


@dataclass(frozen=True)
class Broken:
    """Ray will run nothing any more, and may if it is started again."""

    text: str


@dataclass(frozen=True)
class Happened:
    """Events of workers, in order."""

    events: list[Event]


@dataclass(frozen=True)
class NextUnit:
    """A worker is free: what comes next?"""


@dataclass(frozen=True)
class Content:
    """What is the content of this artifact?"""

    digest: str


@dataclass(frozen=True)
class Through:
    """Every unit that was given has ended, and there was none left."""


@dataclass(frozen=True)
class Closed:
    """The workers have ended."""
