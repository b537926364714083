"""A process that is stopped does not answer; one that computes or waits does, however long."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import Settings, TaskSpec
from gridrun.plan.units import Job, Kind, TaskDone, TaskFailed, Unit, UnitFinished, WorkerReady
from gridrun.testing.processes import lives, pids_of
from gridrun.testing.units import toy_units
from gridrun.worker import ChildProcess, Ending, TimeLimit, _process, answering

THRESHOLD = 1.0
OFFENDING = "twin_check=off,column_share=0.33"
"""Selects position 9 of a toy unit's first twelve tasks."""

needs_r = pytest.mark.skipif(shutil.which("R") is None, reason="there is no R on this machine")


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """A threshold that a test can wait for."""
    assert answering.STOPPED_SECONDS == 60  # as docs/design.md says
    monkeypatch.setattr(answering, "STOPPED_SECONDS", THRESHOLD)


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def run_r(supervise, *functions):
    """Run functions of trouble.R as the tasks of one unit, without a limit; gives its events."""
    tasks = tuple(
        TaskSpec(1, number, 1, "rf", {"do": name}) for number, name in enumerate(functions)
    )
    job = Job("real_r:PIPELINE", Settings({}, "amiss", seed=1))
    return supervise(job=job).run(Unit("unit", "", tasks), seconds=200)


@pytest.mark.parametrize(
    ("behaviour", "who"),
    [
        ("stop", "it was stopped"),
        ("stop_started", "which it had started, was stopped"),
        ("stop_printing", "it was stopped"),
    ],
)
def test_a_stopped_process_costs_one_attempt(supervise, tmp_path, behaviour, who):
    """It is killed after the threshold; its task is tried again, all others run once."""
    (unit,) = toy_units(1, 12)
    starts = tmp_path / "starts"
    options = {"misbehave": {OFFENDING: f"{behaviour}_once"}, "state_dir": str(tmp_path)}
    events = supervise(start_log=str(starts), **options).run(unit)
    (first,) = of(events, TaskFailed)
    assert (first.task, first.kind, first.final) == (unit.tasks[9], Kind.CRASH, False)
    assert (first.signal, first.exit_code, first.limit_seconds) == (None, None, None)
    assert first.reason.startswith("stopped answering: ")
    assert who in first.reason
    assert first.reason in first.log
    assert first.log.startswith("half a li") == (behaviour == "stop_printing")
    assert THRESHOLD <= first.attempt.seconds < THRESHOLD + 5
    assert [event.attempt.number for event in of(events, TaskDone)] == [1] * 11 + [2]
    assert len(starts.read_text().splitlines()) == 13


def test_a_task_that_stops_twice_has_failed(supervise):
    """The second attempt is the last; the unit's other tasks are done."""
    (unit,) = toy_units(1, 12)
    events = supervise(misbehave={OFFENDING: "stop"}).run(unit)
    assert [event.final for event in of(events, TaskFailed)] == [False, True]
    assert len(of(events, TaskDone)) == 11


def test_a_process_stopped_before_it_is_ready_is_started_again(supervise, tmp_path):
    """A start that is stopped counts as a failed start: forgiven once, a fault the third time."""
    state = tmp_path / "state"
    state.mkdir()
    settings = Settings({}, "amiss", seed=1, options={"state_dir": str(state)})
    job = Job("odd_pipelines:STOPS_ONCE", settings)
    assert len(of(supervise(job=job).run(toy_units(1, 1)[0]), TaskDone)) == 1
    with pytest.raises(EnvironmentFault) as caught:
        supervise(job=Job("odd_pipelines:STOPS", settings)).run(toy_units(1, 1)[0])
    assert "stopped answering: it was stopped (SIGSTOP)" in caught.value.what
    assert "while it started, 3 times in a row" in caught.value.what


def test_a_process_that_is_let_go_on_in_time_loses_nothing(supervise, tmp_path):
    """Stopped from outside again and again, for half the threshold each, it finishes its unit."""
    starts = tmp_path / "starts"
    driven = supervise(sleep_ms=100, start_log=str(starts))
    driven.supervisor.start(toy_units(1, 12)[0])
    events = driven.until(lambda event: isinstance(event, TaskDone))
    (pid,) = pids_of(starts)
    for _ in range(3):
        os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + THRESHOLD / 2
        while time.monotonic() < deadline:
            events += driven.supervisor.poll(0.05)
        os.kill(pid, signal.SIGCONT)
        events += driven.supervisor.poll(0.2)
    if not of(events, UnitFinished):
        events += driven.until(lambda event: isinstance(event, UnitFinished))
    assert not of(events, TaskFailed)
    assert len(of(events, TaskDone)) == 12


def test_a_loop_that_holds_the_interpreter_is_left_to_its_limit(supervise, tmp_path):
    """No thread of such a process could give a sign of life; it computes, so it answers."""
    limit = 3 * THRESHOLD
    events = supervise(limit, misbehave={OFFENDING: "loop_once"}, state_dir=str(tmp_path)).run(
        toy_units(1, 12)[0]
    )
    (failed,) = of(events, TaskFailed)
    assert (failed.kind, failed.limit_seconds) == (Kind.TIMEOUT, limit)


@needs_r
def test_r_that_computes_or_waits_answers(supervise):
    """Seconds in C, asleep, in a shell, or beside a stopped process of its own: none is killed."""
    names = ("busy_in_c", "sleeps", "waits_for_a_shell", "leaves_a_stopped_one")
    events = run_r(supervise, *names)
    assert not of(events, TaskFailed)
    seconds = {event.task.values["do"]: event.attempt.seconds for event in of(events, TaskDone)}
    assert tuple(seconds) == names
    assert min(seconds.values()) > THRESHOLD * 1.2


@needs_r
def test_r_that_waits_for_a_stopped_process_does_not_answer(supervise):
    """A stopped program that R's system() waits for costs R's process, and only its task."""
    events = run_r(supervise, "fine", "waits_for_a_stopped_one", "fine")
    assert [event.task.code for event in of(events, TaskFailed)] == [1, 1]
    assert len(of(events, TaskDone)) == 2


def test_time_without_a_look_does_not_count():
    """Who was away, stopped as well perhaps, begins to count when it is back."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        process.send_signal(signal.SIGSTOP)
        watch = answering.AnswerWatch(process.pid)
        for _ in range(3):
            time.sleep(THRESHOLD / 8)  # stopped for less than the threshold in all
            assert watch.look() == ""
        time.sleep(THRESHOLD * 1.5)  # as if the one who looks had been stopped, too
        assert watch.look() == ""
        began, why = time.monotonic(), ""
        while not why and time.monotonic() - began < 10 * THRESHOLD:
            time.sleep(THRESHOLD / 20)  # between two looks
            why = watch.look()
        assert why.startswith("it was stopped (SIGSTOP) for 1 s")
        assert time.monotonic() - began >= THRESHOLD * 0.9
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def test_whatever_it_started_goes_with_it():
    """What is in its group, in a group or session of its own, or a daemon, ends with it."""
    with closing(ChildProcess("served:starts_others")) as child:
        pids = next(child.replies())
        assert len(pids) == 4
        assert all(lives(pid) for pid in pids)
        directory = child.directory
    deadline = time.monotonic() + 5
    while any(lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)  # the kernel takes a moment
    assert not any(lives(pid) for pid in pids)
    assert not directory.exists()


def test_what_a_dead_process_left_is_ended():
    """When it dies by itself, all that it started ends as well, daemons included."""
    with closing(ChildProcess("served:starts_others")) as child:
        replies = child.replies()
        pids = next(replies)
        child.send("die")
        ending = next(replies)
        assert isinstance(ending, Ending)
        assert ending.reason == "exited with code 1"
        assert "RuntimeError: as asked" in child.take_log()
        assert list(replies) == []
        deadline = time.monotonic() + 5
        while any(lives(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.05)  # the kernel takes a moment
        assert not any(lives(pid) for pid in pids)


def test_large_requests_and_answers_cross_whole():
    """A request and an answer of many times a pipe's size come back as they were sent."""
    with closing(ChildProcess("served:echo")) as child:
        replies = child.replies()
        for size in (0, 1, 1 << 16, 1 << 24):
            content = os.urandom(size)
            child.send(content)
            assert next(replies) == content
        assert not list(Path(child.directory).glob("request-*"))


def test_a_limit_ends_a_process_and_is_named():
    """Past its limit it is killed; the limit is the reason, not the signal."""
    limit = TimeLimit(0.5)
    with closing(ChildProcess("served:echo", limit=lambda: limit)) as child:
        (ending,) = child.replies()
    assert (ending.limit, ending.signal, ending.exit_code) == (limit, None, None)
    assert ending.reason == "ran longer than its limit of 0.5 s"


def test_a_time_in_which_nobody_looked_does_not_count(supervise, monkeypatch):
    """A session that is stopped as a whole, as by a sleep, costs no attempt at a limit."""
    monkeypatch.setattr(_process, "_AWAY_SECONDS", 0.5)
    (unit,) = toy_units(1, 1)
    driven = supervise(2.0, sleep_ms=2800)
    driven.supervisor.start(unit)
    driven.until(lambda event: isinstance(event, WorkerReady))
    child = driven.supervisor._child
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(2.3)  # more than the limit, without a look, and less than the task takes
    os.kill(child.pid, signal.SIGCONT)
    events = driven.until(lambda event: isinstance(event, UnitFinished))
    assert [event.attempt.number for event in of(events, TaskDone)] == [1]
    assert not of(events, TaskFailed)
