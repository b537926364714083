"""The part of the backend contract that is about tasks which take their process along."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridrun.plan.limits import Limit, Limits
from gridrun.plan.units import (
    Job,
    Kind,
    SweepEvent,
    TaskDone,
    TaskFailed,
    Unit,
    UnitFinished,
    UnitLost,
)
from gridrun.run.backend import Backend
from gridrun.testing.misbehaviour import QUIT_CODE
from gridrun.testing.processes import parent_of, pids_of
from gridrun.testing.units import UnitQueue, expected_rows, toy_content, toy_job, toy_units

BackendFactory = Callable[[], Backend]

_OPEN_SECONDS = 1.0
_FILLED_BYTES = 500 * 10**6


class WithOpened:
    """The fixture that the parts of the contract share."""

    NEWS_SECONDS = 0.0
    """How late news of a task may come; a backend far away says more."""

    GIVES_BACK = True
    """Whether a lost worker's unit comes back to the driver; False where the other workers
    take it over by themselves, and go on where its outcomes end."""

    @pytest.fixture
    def opened(self, backend_factory: BackendFactory) -> Iterator[Callable[[Job], Backend]]:
        """Open backends that are closed at the end of the test."""
        backends: list[Backend] = []

        def make(job: Job) -> Backend:
            backend = backend_factory()
            backends.append(backend)
            began = time.monotonic()
            backend.open(job, toy_content)
            assert time.monotonic() - began < _OPEN_SECONDS, "open() must return at once"
            return backend

        yield make
        for backend in backends:
            backend.close()


class IsolationContract(WithOpened):
    """Skipped, by name, for a backend that says it does not isolate; see ``contract``."""

    @pytest.mark.parametrize(
        ("behaviour", "fields"),
        [
            ("segfault", {"signal": int(signal.SIGSEGV)}),
            ("kill", {"signal": int(signal.SIGKILL)}),
            ("quit", {"exit_code": QUIT_CODE}),
            ("quit_quietly", {"exit_code": 0}),
        ],
    )
    def test_a_dead_process_costs_attempts_of_one_task(
        self, opened: Callable[[Job], Backend], behaviour: str, fields: dict[str, int]
    ) -> None:
        """It is tried once more, alone, at the end; then it has failed, and the others are done."""
        backend = opened(toy_job(misbehave={"twin_check=off": behaviour}))
        _needs_isolation(backend)
        queue = UnitQueue([_with_one_offending_task()])
        events = [event for event in queue.drive(backend) if not isinstance(event, SweepEvent)]
        (first,) = queue.not_final
        (last,) = (event for event in queue.final.values() if isinstance(event, TaskFailed))
        for event, number in ((first, 1), (last, 2)):
            assert event.kind is Kind.CRASH
            assert event.attempt.number == number
            assert {"signal": event.signal, "exit_code": event.exit_code} == {
                "signal": None,
                "exit_code": None,
                **fields,
            }
            assert event.stage == "train"
            assert event.log
        assert events[-2:] == [last, UnitFinished("unit-1", last.attempt.worker, stopped=False)]
        assert len(queue.final) == 4  # noqa: PLR2004 - the unit's tasks

    def test_an_endless_task_is_ended_at_its_limit(self, opened: Callable[[Job], Backend]) -> None:
        """A loop in C that nothing interrupts is a timeout with the limit, twice."""
        limit = 1.0
        backend = opened(toy_job(limit, misbehave={"twin_check=off": "loop"}))
        _needs_isolation(backend)
        queue = UnitQueue([_with_one_offending_task()])
        list(queue.drive(backend))
        (last,) = (event for event in queue.final.values() if isinstance(event, TaskFailed))
        for event in (*queue.not_final, last):
            assert event.kind is Kind.TIMEOUT
            assert event.limit_seconds == limit
            assert event.signal is None
            assert limit <= event.attempt.seconds < limit + 5
        assert len(queue.final) == 4  # noqa: PLR2004 - the unit's tasks

    def test_a_task_that_takes_all_memory_is_ended_at_its_limit(
        self, opened: Callable[[Job], Backend]
    ) -> None:
        """It is a failure of memory, which says how much, twice; the others are done."""
        limits = Limits(Limit(memory=_FILLED_BYTES))
        backend = opened(toy_job(limits=limits, misbehave={"twin_check=off": "fill"}))
        _needs_isolation(backend)
        queue = UnitQueue([_with_one_offending_task()])
        list(queue.drive(backend))
        (last,) = (event for event in queue.final.values() if isinstance(event, TaskFailed))
        for event, limit in zip((*queue.not_final, last), ("500 MB", "1 GB"), strict=True):
            assert event.kind is Kind.MEMORY
            assert event.reason.endswith(f" GB of memory, more than its limit of {limit}")
        assert len(queue.final) == 4  # noqa: PLR2004 - the unit's tasks

    def test_a_second_attempt_may_succeed(
        self, opened: Callable[[Job], Backend], tmp_path: Path
    ) -> None:
        """A crash that does not come again costs one attempt: the task is done by the second."""
        job = toy_job(misbehave={"twin_check=off": "crash_once"}, state_dir=str(tmp_path))
        backend = opened(job)
        _needs_isolation(backend)
        unit = _with_one_offending_task()
        queue = UnitQueue([unit])
        list(queue.drive(backend))
        assert len(queue.not_final) == 1
        assert queue.rows() == expected_rows(job, [unit])
        numbers = {event.task.code: event.attempt.number for event in queue.final.values()}
        assert sorted(numbers.values()) == [1, 1, 1, 2]

    def test_a_lost_worker_gives_its_unit_back(
        self, opened: Callable[[Job], Backend], tmp_path: Path
    ) -> None:
        """What has no final event when the worker is killed runs on another; nothing runs twice.

        It comes back by way of the driver, unless the backend says that workers see to it.
        """
        starts, awake = tmp_path / "starts", tmp_path / "awake"
        sleep_ms = 50 + round(50 * self.NEWS_SECONDS)
        job = toy_job(sleep_ms=sleep_ms, sleep_until=str(awake), start_log=str(starts))
        backend = opened(job)
        _needs_isolation(backend)
        units = toy_units(2, 20)
        queue = UnitQueue(units)
        lost: list[UnitLost] = []
        killed = 0
        for event in queue.drive(backend):
            if isinstance(event, TaskDone) and not killed:
                killed = parent_of(pids_of(starts).pop())
                if killed == os.getpid():
                    pytest.skip("the workers of this backend live in the caller's process")
                os.kill(killed, signal.SIGKILL)
                awake.touch()
            elif isinstance(event, UnitLost):
                lost.append(event)
        assert len(lost) == (1 if self.GIVES_BACK else 0)
        assert queue.rows() == expected_rows(job, units)


def _with_one_offending_task() -> Unit:
    """Four tasks, the second of which has ``twin_check: off``."""
    (unit,) = toy_units(1, 10)
    tasks = unit.tasks
    return Unit(unit.id, unit.artifact, (tasks[0], tasks[9], tasks[1], tasks[2]))


def _needs_isolation(backend: Backend) -> None:
    if not backend.capabilities.isolates:
        pytest.skip("this backend does not isolate tasks, and says so")
