"""The part of the backend contract that is about units which go on without their driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridrun.plan.units import (
    ContextFacts,
    Event,
    Job,
    SegmentRead,
    SweepEnded,
    SweepPlanned,
    SweepSent,
    TaskDone,
    Unit,
    UnitFinished,
    UnitStarted,
)
from gridrun.run.backend import Backend, DetachableBackend, SentSweep, StudyView
from gridrun.testing._isolation import WithOpened
from gridrun.testing.processes import all_gone
from gridrun.testing.units import UnitQueue, expected_rows, toy_job, toy_units

Opened = Callable[[Job], Backend]


class Journal:
    """What a ledger would keep of sweeps.

    Args:
        directory: For the backend's files.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._planned: dict[str, SweepPlanned] = {}
        self._sent: set[str] = set()
        self._ended: set[str] = set()
        self._segments: dict[str, set[tuple[int, str]]] = {}

    def note(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, SweepPlanned):
            self._planned[event.sweep] = event
        elif isinstance(event, SweepSent):
            self._sent.add(event.sweep)
        elif isinstance(event, SweepEnded):
            self._ended.add(event.sweep)
        elif isinstance(event, SegmentRead):
            self._segments.setdefault(event.sweep, set()).add((event.shard, event.name))

    def view(self, queue: UnitQueue) -> StudyView:
        """What the next driver learns of the study."""
        sweeps = tuple(
            SentSweep(
                name,
                name in self._sent,
                planned=0.0,
                shards={n: _left(units, queue) for n, units in enumerate(planned.shards)},
                segments=frozenset(self._segments.get(name, ())),
            )
            for name, planned in self._planned.items()
            if name not in self._ended
        )
        contexts = {1: ContextFacts("c" * 32, "tree")}
        return StudyView("toy", "t0", len(self._planned), self._directory, contexts, sweeps)


def _left(units: tuple[Unit, ...], queue: UnitQueue) -> tuple[Unit, ...]:
    return tuple(unit for unit in units if unit.id in queue.in_flight)


class DetachContract(WithOpened):
    """Skipped, by name, for a backend whose units end with the driver; see ``contract``."""

    def test_a_plan_is_announced_before_anything_is_sent(
        self, opened: Opened, tmp_path: Path
    ) -> None:
        """SweepPlanned names all units of a sweep, and comes before SweepSent and their start."""
        backend = _detachable(opened(toy_job()))
        queue = UnitQueue(toy_units(2, 3))
        journal = Journal(tmp_path / "sweeps")
        backend.attach(journal.view(queue))
        planned: dict[str, set[str]] = {}
        sent: set[str] = set()
        for event in queue.drive(backend):
            if isinstance(event, SweepPlanned):
                planned[event.sweep] = {unit.id for units in event.shards for unit in units}
            elif isinstance(event, SweepSent):
                assert event.sweep in planned
                sent.add(event.sweep)
            elif isinstance(event, UnitStarted):
                assert any(event.unit in units for name, units in planned.items() if name in sent)
        assert set.union(*planned.values()) == {"unit-1", "unit-2"}

    def test_stop_leaves_units_running_and_another_driver_takes_over(
        self, opened: Opened, tmp_path: Path
    ) -> None:
        """After stop() nothing is lost or run twice; who attaches gets the rest of the events."""
        starts, awake = tmp_path / "starts", tmp_path / "awake"
        sleep_ms = 50 + round(20 * self.NEWS_SECONDS)
        job = toy_job(sleep_ms=sleep_ms, sleep_until=str(awake), start_log=str(starts))
        units = toy_units(2, 60)
        queue = UnitQueue(units)
        journal = Journal(tmp_path / "sweeps")
        first = _detachable(opened(job))
        first.attach(journal.view(queue))
        ended: list[Event] = []
        for event in queue.drive(first):
            journal.note(event)
            if isinstance(event, TaskDone):
                first.stop()
            if isinstance(event, UnitFinished):
                ended.append(event)
        first.close()
        assert 0 < len(queue.final) < 120  # noqa: PLR2004 - 2 units of 60
        assert len(queue.in_flight) + len(ended) == len(units)
        awake.touch()
        second = _detachable(opened(job))
        second.attach(journal.view(queue))
        for event in _unseen(queue, second):
            journal.note(event)
        assert not queue.in_flight
        assert len(starts.read_text().splitlines()) == 120  # noqa: PLR2004 - 2 units of 60
        assert queue.rows() == expected_rows(job, units)
        assert not journal.view(queue).sweeps

    def test_cancel_ends_the_units(self, opened: Opened, tmp_path: Path) -> None:
        """What a cancelled sweep leaves undone is handed back, and its processes go."""
        starts = tmp_path / "starts"
        backend = _detachable(opened(toy_job(sleep_ms=50, start_log=str(starts))))
        queue = UnitQueue(toy_units(2, 400))
        journal = Journal(tmp_path / "sweeps")
        backend.attach(journal.view(queue))
        sweep = ""
        seen: list[Event] = []
        for event in queue.drive(backend):
            seen.append(event)
            if isinstance(event, SweepSent):
                sweep = event.sweep
            elif isinstance(event, TaskDone) and sweep:
                backend.cancel(sweep)
                sweep = ""
        ends = [event for event in seen if isinstance(event, UnitFinished)]
        assert all(event.stopped for event in ends)
        assert len(ends) == 2  # noqa: PLR2004 - the units
        assert [e.state for e in seen if isinstance(e, SweepEnded)] == ["cancelled"]
        assert all_gone(starts)


def _unseen(queue: UnitQueue, backend: DetachableBackend) -> Iterator[Event]:
    """Drive a backend, passing over what the driver before has noted of a half-read segment."""
    for event in backend.run(queue.next_unit):
        known = isinstance(event, TaskDone) and (
            (event.task.context, event.task.code, event.task.fold, event.task.classifier)
            in queue.final
        )
        if not known:
            queue.note(event)
        yield event


def _detachable(backend: Backend) -> DetachableBackend:
    if not isinstance(backend, DetachableBackend):
        pytest.skip("the units of this backend end with their driver")
    return backend
