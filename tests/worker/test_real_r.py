"""The same with a real R in the child: what statisticians' code does to a worker."""

import shutil
import signal

import pytest

from gridrun.pipeline import Settings, TaskSpec
from gridrun.plan.limits import Limit, Limits
from gridrun.plan.units import Job, Kind, TaskDone, TaskFailed, Unit, UnitFinished

pytestmark = pytest.mark.skipif(shutil.which("R") is None, reason="there is no R on this machine")

LIMIT_SECONDS = 2.0


def run(supervise, *functions):
    """Run functions of trouble.R as the tasks of one unit; gives its events."""
    tasks = tuple(
        TaskSpec(1, number, 1, "rf", {"do": function}) for number, function in enumerate(functions)
    )
    job = Job("real_r:PIPELINE", Settings({}, "amiss", seed=1), Limits(Limit(LIMIT_SECONDS)))
    return supervise(job=job).run(Unit("unit", "", tasks), seconds=120)


def outcomes(events, function):
    return [
        event
        for event in events
        if isinstance(event, TaskDone | TaskFailed) and event.task.values["do"] == function
    ]


def test_errors_of_r_cost_one_task_each(supervise):
    """stop(), infinite recursion and a vector too large are findings with R's own message."""
    events = run(supervise, "stops", "recurses", "asks_too_much", "fine")
    wanted = {
        "stops": "deep trouble",
        "recurses": "infinite recursion",
        "asks_too_much": "cannot allocate vector",
    }
    for function, message in wanted.items():
        (event,) = outcomes(events, function)
        assert isinstance(event, TaskFailed)
        assert (event.kind, event.final) == (Kind.ERROR, True)
        assert message in event.reason
        assert "\n" not in event.reason
    (fine,) = outcomes(events, "fine")
    assert fine.result.rows == ({"value": 55},)
    assert len({event.attempt.worker for event in events if isinstance(event, TaskDone)}) == 1


def test_deaths_of_r_are_told_apart(supervise):
    """A signal, quit() and a loop inside C cost two attempts each; the tasks around are done."""
    events = run(supervise, "fine", "segfaults", "fine", "quits", "loops_in_c", "fine")
    wanted = {
        "segfaults": (Kind.CRASH, signal.SIGSEGV, None, None),
        "quits": (Kind.CRASH, None, 4, None),
        "loops_in_c": (Kind.TIMEOUT, None, None, LIMIT_SECONDS),
    }
    for function, failure in wanted.items():
        first, last = outcomes(events, function)
        assert [first.final, last.final] == [False, True]
        for event in (first, last):
            assert (event.kind, event.signal, event.exit_code, event.limit_seconds) == failure
            assert event.log
    assert len(outcomes(events, "fine")) == 3
    assert isinstance(events[-1], UnitFinished)
    assert not events[-1].stopped


def test_what_r_prints_is_kept_in_order(supervise):
    """cat(), message() and system() of R end up in the task's log in the order of their calls."""
    (event,) = outcomes(run(supervise, "fine"), "fine")
    assert event.log.splitlines() == ["R's cat", "R's message", "a shell from R"]


def test_no_temporary_file_is_left(supervise, tmp_path, monkeypatch):
    """R's directory for temporary files is gone with the worker, killed children's included."""
    outside = tmp_path / "tmp"
    outside.mkdir()
    monkeypatch.setenv("TMPDIR", str(outside))
    run(supervise, "fine", "quits", "fine")
    assert not list(outside.iterdir())
