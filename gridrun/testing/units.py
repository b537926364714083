"""Units of the toy pipeline, a feed that hands them out, and what should come of them."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gridrun.pipeline import Settings, TaskFailure, TaskSpec
from gridrun.plan.grid import Grid
from gridrun.plan.limits import Limit, Limits
from gridrun.plan.units import (
    Event,
    Job,
    TaskDone,
    TaskFailed,
    Unit,
    UnitFinished,
    UnitLost,
)
from gridrun.run.backend import Backend
from gridrun.testing.toy import PIPELINE

GRID = Grid(
    tuple(parameter.name for parameter in PIPELINE.parameters),
    tuple(parameter.values for parameter in PIPELINE.parameters),
)
"""The toy's whole grid."""


def toy_job(
    task_seconds: float | None = None, *, limits: Limits | None = None, **options: Any
) -> Job:
    """A job of the toy pipeline.

    Args:
        task_seconds: Limit of each task.
        limits: All limits, in place of that.
        options: See ``gridrun.testing.toy``.
    """
    limits = limits or Limits(Limit(task_seconds))
    return Job(PIPELINE.name, Settings({}, "plain", seed=1, options=options), limits)


def toy_content(digest: str) -> bytes:
    """Content of a made-up artifact; another digest, another content."""
    return f"content of {digest}".encode()


def toy_digest(name: str) -> str:
    """Digest of a made-up artifact."""
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def toy_units(count: int, tasks: int, classifier: str = "tree") -> list[Unit]:
    """Units with an artifact each; unit i holds fold i of the grid's first combinations.

    Args:
        count: Number of units.
        tasks: Tasks in each.
        classifier: Which classifier.
    """
    artifacts = {number: toy_digest(f"block-{number}") for number in range(1, count + 1)}
    return [
        Unit(
            f"unit-{number}",
            artifact,
            tuple(
                TaskSpec(1, index, number, classifier, GRID.combination(index))
                for index in range(tasks)
            ),
            seconds=1.0,
            checksum=hashlib.sha256(toy_content(artifact)).hexdigest(),
        )
        for number, artifact in artifacts.items()
    ]


def expected_rows(job: Job, units: Iterable[Unit]) -> dict[TaskKey, Any]:
    """Rows of every task, run here and now; the message of those that fail."""
    runner = PIPELINE.open_runner(job.settings, lambda _stage, _key: None)
    rows: dict[TaskKey, Any] = {}
    with tempfile.TemporaryDirectory() as directory:
        for unit in units:
            path = Path(directory) / unit.artifact
            path.write_bytes(toy_content(unit.artifact))
            for task in unit.tasks:
                try:
                    rows[task_key(task)] = runner.run(task, path).rows
                except TaskFailure as failure:
                    rows[task_key(task)] = failure.message
    return rows


TaskKey = tuple[int, int, int, str]
"""Context, code, fold, classifier."""


def task_key(task: TaskSpec) -> TaskKey:
    """What identifies a task."""
    return (task.context, task.code, task.fold, task.classifier)


class UnitQueue:
    """A feed: hands units out, takes lost ones back, and notes who asked when.

    Args:
        units: In the order they are given out.
    """

    def __init__(self, units: Iterable[Unit]) -> None:
        self.waiting = list(units)
        self.in_flight: dict[str, Unit] = {}
        self.most_in_flight = 0
        self.threads: set[int] = set()
        self.final: dict[TaskKey, TaskDone | TaskFailed] = {}
        self.not_final: list[TaskFailed] = []

    def next_unit(self) -> Unit | None:
        """The next unit, or None when there is none for now."""
        self.threads.add(threading.get_ident())
        if not self.waiting:
            return None
        unit = self.waiting.pop(0)
        self.in_flight[unit.id] = unit
        self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
        return unit

    def note(self, event: Event) -> None:
        """Take an event: what has a final event is done, what was lost is offered again."""
        if isinstance(event, TaskFailed) and not event.final:
            self.not_final.append(event)
        elif isinstance(event, TaskDone | TaskFailed):
            key = task_key(event.task)
            if key in self.final:
                raise AssertionError(f"two final events for {key}")
            self.final[key] = event
        elif isinstance(event, UnitFinished):
            del self.in_flight[event.unit]
        elif isinstance(event, UnitLost):
            unit = self.in_flight.pop(event.unit)
            left = tuple(task for task in unit.tasks if task_key(task) not in self.final)
            if left:
                self.waiting.append(replace(unit, id=f"{unit.id}-again", tasks=left))

    def drive(self, backend: Backend) -> Iterator[Event]:
        """Run a backend on this feed, noting every event before it is passed on."""
        for event in backend.run(self.next_unit):
            self.note(event)
            yield event

    def rows(self) -> Mapping[TaskKey, Any]:
        """Rows of the tasks that are done, reasons of those that failed."""
        return {
            key: event.result.rows if isinstance(event, TaskDone) else event.reason
            for key, event in self.final.items()
        }
