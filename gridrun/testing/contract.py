"""The contract that every backend keeps, as tests; a third party's backend included.

Subclass :class:`BackendContract` in a test module and give it a fixture::

    class TestMine(BackendContract):
        @pytest.fixture
        def backend_factory(self):
            return MyBackend

A backend that can only run elsewhere needs a disk shared with its workers for
these tests: the toy pipeline notes the start of each task in a file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gridrun.plan.units import (
    Event,
    Job,
    Kind,
    TaskDone,
    TaskFailed,
    UnitFinished,
    UnitLost,
    UnitStarted,
    WorkerReady,
)
from gridrun.run.backend import Backend, DetachableBackend
from gridrun.testing._detach import DetachContract
from gridrun.testing._isolation import BackendFactory, IsolationContract
from gridrun.testing.processes import all_gone
from gridrun.testing.units import (
    UnitQueue,
    expected_rows,
    toy_content,
    toy_job,
    toy_units,
)

WINDOW = 2
"""Units that a backend may hold beyond one for each worker."""


class BackendContract(IsolationContract, DetachContract):
    """Tests of the contract; needs the fixture ``backend_factory``."""

    def test_every_task_has_one_final_event_and_the_right_rows(
        self, opened: Callable[[Job], Backend]
    ) -> None:
        """Rows equal those of the pipeline run directly, with each unit's own artifact."""
        job, units = toy_job(), toy_units(4, 25)
        queue = UnitQueue(units)
        events = list(queue.drive(opened(job)))
        assert queue.rows() == expected_rows(job, units)
        assert not queue.in_flight
        assert not any(isinstance(event, UnitLost) for event in events)

    def test_events_of_a_unit_are_in_order(self, opened: Callable[[Job], Backend]) -> None:
        """UnitStarted comes first, outcomes name their unit, UnitFinished comes last."""
        units = toy_units(3, 4)
        events = list(UnitQueue(units).drive(opened(toy_job())))
        for unit in units:
            own = [event for event in events if _unit_of(event) == unit.id]
            assert isinstance(own[0], UnitStarted)
            assert [event.task for event in own if isinstance(event, TaskDone)] == list(unit.tasks)
            assert own[-1] == UnitFinished(unit.id, own[0].worker, stopped=False)
            assert len(own) == len(unit.tasks) + 2

    def test_a_worker_tells_its_environment_before_its_first_outcome(
        self, opened: Callable[[Job], Backend]
    ) -> None:
        """WorkerReady carries what the runner says and precedes the worker's outcomes."""
        ready: set[str] = set()
        for event in UnitQueue(toy_units(2, 3)).drive(opened(toy_job())):
            if isinstance(event, WorkerReady):
                assert event.environment["toy"] == "1"
                ready.add(event.worker)
            elif isinstance(event, TaskDone):
                assert event.attempt.worker in ready
        assert ready

    def test_attempts_are_described(self, opened: Callable[[Job], Backend]) -> None:
        """An attempt has its number, and a start and a length that lie within the run."""
        began = time.time()
        events = list(UnitQueue(toy_units(1, 3)).drive(opened(toy_job(sleep_ms=20))))
        attempts = [event.attempt for event in events if isinstance(event, TaskDone)]
        assert [attempt.number for attempt in attempts] == [1, 1, 1]
        for attempt in attempts:
            assert began <= attempt.started <= time.time()
            assert 0.02 <= attempt.seconds < time.time() - began  # noqa: PLR2004 - as asked above

    def test_a_failure_costs_one_task(self, opened: Callable[[Job], Backend]) -> None:
        """A finding and a defect fail their tasks, at once and finally; the others are done."""
        finding, defect = "fold=1,column_share=0.66", "fold=2,twin_check=off"
        job = toy_job(misbehave={finding: "error", defect: "defect"})
        queue = UnitQueue(toy_units(2, 12))
        list(queue.drive(opened(job)))
        failed = [event for event in queue.final.values() if isinstance(event, TaskFailed)]
        assert len(queue.final) == 24  # noqa: PLR2004 - 2 units of 12
        assert {(event.task.fold, event.kind, event.reason) for event in failed} == {
            (1, Kind.ERROR, f"the toy fails at {finding}"),
            (2, Kind.ERROR, f"ValueError: the toy is broken at {defect}"),
        }
        assert len(failed) == 4 + 3
        assert not queue.not_final
        assert {event.stage for event in failed} == {"train"}
        assert all("Traceback" in event.log for event in failed if event.task.fold == 2)  # noqa: PLR2004

    def test_units_are_pulled_as_they_can_be_used(self, opened: Callable[[Job], Backend]) -> None:
        """No more units are held than workers and a small window, all by the caller's thread.

        A detachable backend has to know a sweep's units before it sends it: it may hold all.
        """
        queue = UnitQueue(toy_units(12, 2))
        backend = opened(toy_job(sleep_ms=10))
        list(queue.drive(backend))
        if not isinstance(backend, DetachableBackend):
            assert queue.most_in_flight <= backend.capabilities.workers + WINDOW
        assert len(queue.threads) == 1
        assert len(queue.final) == 24  # noqa: PLR2004 - 12 units of 2

    def test_no_unit_no_event(self, opened: Callable[[Job], Backend]) -> None:
        """A feed that is empty from the start ends the run without an event."""
        assert not list(UnitQueue([]).drive(opened(toy_job())))

    def test_a_feed_may_go_on_after_none(self, opened: Callable[[Job], Backend]) -> None:
        """A unit that turns up after None, when another has ended, is run too."""
        first, second = toy_units(2, 2)
        queue = UnitQueue([first])
        events: list[Event] = []
        for event in queue.drive(opened(toy_job())):
            events.append(event)
            if isinstance(event, UnitFinished) and event.unit == first.id:
                queue.waiting.append(second)
        assert [event.unit for event in events if isinstance(event, UnitFinished)] == [
            first.id,
            second.id,
        ]

    def test_a_second_run_goes_on(self, opened: Callable[[Job], Backend]) -> None:
        """A backend that is open runs another feed."""
        backend = opened(toy_job())
        first, second = toy_units(2, 3)
        for unit in (first, second):
            queue = UnitQueue([unit])
            list(queue.drive(backend))
            assert len(queue.final) == len(unit.tasks)

    def test_stop_hands_the_rest_back(
        self, opened: Callable[[Job], Backend], tmp_path: Path
    ) -> None:
        """After stop() the current tasks end, nothing new starts, and units say they stopped."""
        starts = tmp_path / "starts"
        backend = opened(toy_job(sleep_ms=50, start_log=str(starts)))
        _needs_attachment(backend)
        queue = UnitQueue(toy_units(40, 40))
        stopped: list[UnitFinished] = []
        for event in queue.drive(backend):
            if isinstance(event, TaskDone):
                backend.stop()
            elif isinstance(event, UnitFinished):
                stopped.append(event)
        assert stopped
        assert all(event.stopped for event in stopped)
        assert not queue.in_flight
        assert len(starts.read_text().splitlines()) == len(queue.final)

    def test_stop_before_run(self, opened: Callable[[Job], Backend]) -> None:
        """A run that was stopped before it began runs nothing."""
        backend = opened(toy_job())
        backend.stop()
        queue = UnitQueue(toy_units(1, 2))
        list(queue.drive(backend))
        assert not queue.final
        assert not queue.in_flight

    def test_close_may_come_at_any_time(self, backend_factory: BackendFactory) -> None:
        """Unopened, opened but not run, and twice."""
        backend_factory().close()
        backend = backend_factory()
        backend.open(toy_job(), toy_content)
        backend.close()
        backend.close()

    def test_close_ends_what_still_runs(
        self, opened: Callable[[Job], Backend], tmp_path: Path
    ) -> None:
        """A run that is given up leaves no process that runs its tasks."""
        starts = tmp_path / "starts"
        backend = opened(toy_job(sleep_ms=30, start_log=str(starts)))
        _needs_attachment(backend)
        for event in UnitQueue(toy_units(4, 200)).drive(backend):
            if isinstance(event, TaskDone):
                break
        backend.close()
        assert all_gone(starts)


def _needs_attachment(backend: Backend) -> None:
    if isinstance(backend, DetachableBackend):
        pytest.skip("the units of this backend go on without their driver")


def _unit_of(event: Event) -> str:
    if isinstance(event, TaskDone | TaskFailed):
        return event.attempt.unit
    return event.unit if isinstance(event, UnitStarted | UnitFinished | UnitLost) else ""
