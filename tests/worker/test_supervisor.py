"""The supervisor: what each way of dying costs, in which order, and what is left of it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gridrun.errors import EnvironmentFault, in_bytes
from gridrun.plan.limits import Limit, Limits
from gridrun.plan.units import (
    Kind,
    TaskDone,
    TaskFailed,
    Unit,
    UnitFinished,
    UnitStarted,
    WorkerReady,
)
from gridrun.testing.misbehaviour import LARGE_BYTES, QUIT_CODE
from gridrun.testing.processes import all_gone, lives, pids_of
from gridrun.testing.units import expected_rows, task_key, toy_job, toy_units

OFFENDING = "twin_check=off,column_share=0.33"
"""Selects position 9 of a toy unit's first twelve tasks."""


@pytest.fixture
def unit():
    return toy_units(1, 12)[0]


def done(events):
    return [event for event in events if isinstance(event, TaskDone)]


def failed(events):
    return [event for event in events if isinstance(event, TaskFailed)]


def test_a_unit_without_trouble(supervise, unit):
    """UnitStarted, WorkerReady, a TaskDone per task in order with its rows, UnitFinished."""
    driven = supervise()
    events = driven.run(unit)
    assert isinstance(events[0], UnitStarted)
    assert isinstance(events[1], WorkerReady)
    assert [event.task for event in events[2:-1]] == list(unit.tasks)
    assert events[-1] == UnitFinished(unit.id, events[0].worker, stopped=False)
    rows = {task_key(event.task): event.result.rows for event in done(events)}
    assert rows == expected_rows(toy_job(), [unit])
    assert {event.log for event in done(events)} == {""}


def test_a_full_disk_is_no_finding(supervise, unit):
    """It is the machine's: no task fails of it, and who lacks the room is named."""
    driven = supervise(misbehave={OFFENDING: "lack_room"})
    with pytest.raises(EnvironmentFault, match="no space left on the disk") as caught:
        driven.run(unit)
    assert "twin_check=off" in caught.value.where
    assert not failed(event for _, event in driven.times)


def test_a_disk_that_is_away_for_a_moment_costs_no_task(supervise, unit, tmp_path):
    """What a task could not read is read again after a pause."""
    events = supervise(misbehave={OFFENDING: "lose_disk_once"}, state_dir=str(tmp_path)).run(unit)
    assert len(done(events)) == len(unit.tasks)
    assert not failed(events)


@pytest.mark.parametrize(
    ("behaviour", "signal_number", "exit_code"),
    [
        ("segfault", signal.SIGSEGV, None),
        ("abort", signal.SIGABRT, None),
        ("kill", signal.SIGKILL, None),
        ("quit", None, QUIT_CODE),
        ("quit_quietly", None, 0),
        ("close_pipes", None, 1),
    ],
)
def test_a_death_costs_two_attempts_of_one_task(
    supervise, unit, tmp_path, behaviour, signal_number, exit_code
):
    """The offending task starts twice, second time alone at the end in a process of its own."""
    starts = tmp_path / "starts"
    events = supervise(misbehave={OFFENDING: behaviour}, start_log=str(starts)).run(unit)
    first, last = failed(events)
    assert [first.task, last.task] == [unit.tasks[9]] * 2
    assert [first.attempt.number, last.attempt.number] == [1, 2]
    assert [first.final, last.final] == [False, True]
    for event in (first, last):
        assert (event.kind, event.signal, event.exit_code) == (
            Kind.CRASH,
            signal_number,
            exit_code,
        )
        assert event.limit_seconds is None
        assert event.stage == "train"
        how = f"killed by signal {signal_number:d}" if signal_number else f"code {exit_code}"
        assert how in event.reason
        assert how in event.log
    assert [event.task for event in done(events)] == [
        task for task in unit.tasks if task != unit.tasks[9]
    ]
    assert events[-2:] == [last, UnitFinished(unit.id, last.attempt.worker, stopped=False)]
    lines = [line.split() for line in starts.read_text().splitlines()]
    assert [int(line[2]) for line in lines] == [*range(12), 9]
    pids = [line[0] for line in lines]
    assert pids.count(pids[-1]) == 1


def test_the_log_of_a_death_is_kept(supervise, unit):
    """What the process printed last, and Python's own account of a segfault, are in the log."""
    events = supervise(misbehave={OFFENDING: "segfault"}).run(unit)
    for event in failed(events):
        assert "about to read address zero" in event.log
        assert "Fatal Python error: Segmentation fault" in event.log
        assert "in stage train" in event.log


def test_a_crash_that_does_not_come_again(supervise, unit, tmp_path):
    """One attempt is lost, the second one's rows are right, the others ran once."""
    job = toy_job(misbehave={OFFENDING: "crash_once"}, state_dir=str(tmp_path))
    events = supervise(job=job).run(unit)
    assert [event.final for event in failed(events)] == [False]
    rows = {task_key(event.task): event.result.rows for event in done(events)}
    assert rows == expected_rows(job, [unit])
    assert [event.attempt.number for event in done(events)] == [1] * 11 + [2]


def test_an_endless_loop_is_killed_at_its_limit(supervise, unit):
    """A loop inside C is a timeout, with the limit, no signal, and about that many seconds.

    The limit is as long as its overrun may be on a busy machine: one that is doubled is seen.
    """
    limit = 3.0
    events = supervise(limit, misbehave={OFFENDING: "loop"}).run(unit)
    assert len(failed(events)) == 2
    for event in failed(events):
        assert event.kind is Kind.TIMEOUT
        assert event.limit_seconds == limit
        assert (event.signal, event.exit_code) == (None, None)
        assert limit <= event.attempt.seconds < limit + 3
        assert "limit of 3 s" in event.reason
    assert len(done(events)) == 11


MEMORY = 500 * 10**6


@pytest.mark.parametrize("behaviour", ["fill", "fill_started"])
def test_memory_is_watched_from_outside(supervise, unit, tmp_path, behaviour):
    """What takes all memory, itself or by a process of its own, costs two attempts of its task.

    The second one, alone, may use twice as much; the others are done, and nothing is left.
    """
    starts = tmp_path / "starts"
    job = toy_job(
        limits=Limits(Limit(memory=MEMORY)),
        misbehave={OFFENDING: behaviour},
        start_log=str(starts),
    )
    driven = supervise(job=job)
    events = driven.run(unit)
    first, last = failed(events)
    assert [event.task for event in (first, last)] == [unit.tasks[9]] * 2
    assert [event.kind for event in (first, last)] == [Kind.MEMORY] * 2
    assert [event.final for event in (first, last)] == [False, True]
    for event, limit in ((first, MEMORY), (last, 2 * MEMORY)):
        used, said = re.fullmatch(r"used (\S+) GB of .* (\S+ .B)", event.reason).groups()
        assert said == in_bytes(limit)
        # a process fills some gigabytes a second, and is asked ten times a second
        assert limit <= float(used) * 1e9 < limit + 2e9
        assert event.reason in event.log
        assert event.stage == "train"
    assert len(done(events)) == 11
    driven.supervisor.close()
    assert all_gone(starts)


def test_a_task_that_needs_more_gets_it_alone(supervise, unit):
    """One attempt passes the limit, the second, alone with twice as much, is done."""
    limits = Limits(Limit(memory=LARGE_BYTES))
    driven = supervise(job=toy_job(limits=limits, misbehave={OFFENDING: "be_large"}))
    events = driven.run(unit)
    assert [(event.kind, event.final) for event in failed(events)] == [(Kind.MEMORY, False)]
    assert len(done(events)) == 12
    assert done(events)[-1].attempt.number == 2


def test_memory_that_there_is_not_is_no_error_of_the_task(supervise, unit):
    """A request that the system refuses is a failure of memory, and tried once more, alone."""
    events = supervise(misbehave={OFFENDING: "ask_for_all"}).run(unit)
    assert [(event.kind, event.final) for event in failed(events)] == [
        (Kind.MEMORY, False),
        (Kind.MEMORY, True),
    ]
    assert "MemoryError" in failed(events)[-1].reason
    assert len(done(events)) == 11


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(stages={"train": Limit(1.0)}), "its limit of 1 s for stage train"),
        (Limits(values={"twin_check=off": Limit(1.0)}), "its limit of 1 s"),
        (Limits(Limit(60.0), values={"classifier=tree": Limit(1.0)}), "its limit of 1 s"),
        (Limits(Limit(1.0), stages={"train": Limit(60.0)}), "its limit of 1 s"),
    ],
)
def test_limits_by_stage_and_by_value(supervise, unit, limits, reason):
    """The limit that passes first ends the task, and is named."""
    events = supervise(job=toy_job(limits=limits, misbehave={OFFENDING: "loop"})).run(unit)
    assert {event.reason for event in failed(events)} == {f"ran longer than {reason}"}
    assert {event.kind for event in failed(events)} == {Kind.TIMEOUT}
    assert len(done(events)) == 11


@pytest.mark.parametrize(
    "limits",
    [
        Limits(Limit(0.5), values={"twin_check=off": Limit(60.0)}),
        Limits(Limit(0.5, LARGE_BYTES), values={"twin_check=off": Limit(60.0, 4 * LARGE_BYTES)}),
        Limits(Limit(60.0, LARGE_BYTES), stages={"train": Limit(memory=4 * LARGE_BYTES)}),
    ],
)
def test_a_value_and_a_stage_may_have_more(supervise, unit, limits):
    """A task with the value, or at the stage, may use what it says and not what others may."""
    events = supervise(job=toy_job(limits=limits, misbehave={OFFENDING: "be_large"})).run(unit)
    assert failed(events) == []
    assert len(done(events)) == 12


def test_the_limit_is_each_tasks_own(supervise, unit):
    """Tasks that take longer together than the limit of one are not touched."""
    events = supervise(0.5, sleep_ms=80).run(unit)
    assert len(done(events)) == 12


def test_a_kill_from_outside_costs_one_attempt(supervise, unit, tmp_path):
    """The task that runs when somebody kills the process is tried again; no other is."""
    starts = tmp_path / "starts"
    driven = supervise(sleep_ms=150, start_log=str(starts))
    driven.supervisor.start(unit)
    events = driven.until(lambda event: isinstance(event, TaskDone))
    os.kill(pids_of(starts).pop(), signal.SIGKILL)
    events += driven.until(lambda event: isinstance(event, UnitFinished))
    (attributed,) = failed(events)
    assert (attributed.kind, attributed.signal, attributed.final) == (
        Kind.CRASH,
        signal.SIGKILL,
        False,
    )
    assert len(done(events)) == 12
    assert len(starts.read_text().splitlines()) == 13


def test_a_death_between_units_is_nobodys_fault(supervise, tmp_path):
    """A process killed while it has nothing to do is replaced without a failure."""
    starts = tmp_path / "starts"
    driven = supervise(start_log=str(starts))
    first, second = toy_units(2, 3)
    driven.run(first)
    (pid,) = pids_of(starts)
    os.kill(pid, signal.SIGKILL)
    events = driven.run(second)
    assert not failed(events)
    assert len(done(events)) == 3
    assert len(pids_of(starts)) == 2


def test_a_finding_costs_no_process(supervise, unit, tmp_path):
    """A task that raises has failed, finally, with its reason; the same process goes on."""
    starts = tmp_path / "starts"
    events = supervise(misbehave={OFFENDING: "error"}, start_log=str(starts)).run(unit)
    (event,) = failed(events)
    assert (event.kind, event.final, event.stage) == (Kind.ERROR, True, "train")
    assert event.reason == f"the toy fails at {OFFENDING}"
    assert event.log == f"the toy prepares to fail at {OFFENDING}\n"
    assert len(pids_of(starts)) == 1
    assert len(done(events)) == 11


def test_a_defect_is_told_from_a_finding(supervise, unit):
    """Any other exception is named with its type and leaves its traceback in the log."""
    (event,) = failed(supervise(misbehave={OFFENDING: "defect"}).run(unit))
    assert event.kind is Kind.ERROR
    assert event.reason == f"ValueError: the toy is broken at {OFFENDING}"
    assert "Traceback (most recent call last)" in event.log
    assert "misbehaviour.py" in event.log


def test_a_shared_stage_that_kills_is_tried_no_more(supervise, tmp_path):
    """After two deaths at one prepared table the other tasks that need it fail unrun."""
    starts = tmp_path / "starts"
    (unit,) = toy_units(1, 1008)
    tasks = unit.tasks[::144]  # one for each smoothing, on one prepared table
    shared = Unit(unit.id, unit.artifact, tasks)
    selector = "stage=prepare,thinning=1,twin_check=on"
    events = supervise(misbehave={selector: "segfault"}, start_log=str(starts)).run(shared)
    final = [event for event in failed(events) if event.final]
    assert len(final) == len(tasks) == 7
    assert {(event.kind, event.signal, event.stage) for event in final} == {
        (Kind.CRASH, signal.SIGSEGV, "prepare")
    }
    unrun = [event for event in final if event.reason.startswith("not run: its prepare stage")]
    assert [event.task for event in unrun] == list(tasks[2:])
    assert len([event for event in failed(events) if not event.final]) == 2


def test_another_artifact_gets_its_chance(supervise, tmp_path):
    """A stage is quarantined for the artifact it died on, not for the next unit's."""
    first, second = (Unit(unit.id, unit.artifact, unit.tasks[::144]) for unit in toy_units(2, 1008))
    driven = supervise(misbehave={"stage=prepare,fold=1": "segfault"})
    assert len([event for event in failed(driven.run(first)) if event.final]) == 7
    assert len(done(driven.run(second))) == 7


def test_outcomes_are_not_held_back(supervise, unit):
    """An outcome arrives while the next task still runs."""
    driven = supervise(sleep_ms=300)
    driven.run(unit)
    ends = [
        (arrived, event.attempt.started + event.attempt.seconds)
        for arrived, event in driven.times
        if isinstance(event, TaskDone)
    ]
    assert all(arrived - ended < 0.25 for arrived, ended in ends)


def test_stop_finishes_the_task_and_hands_the_rest_back(supervise, unit, tmp_path):
    """What has started is finished, nothing else starts, and the next unit runs."""
    starts = tmp_path / "starts"
    driven = supervise(sleep_ms=100, start_log=str(starts))
    driven.supervisor.start(unit)
    events = driven.until(lambda event: isinstance(event, TaskDone))
    driven.supervisor.stop()
    events += driven.until(lambda event: isinstance(event, UnitFinished))
    assert events[-1].stopped
    assert not failed(events)
    assert 0 < len(done(events)) < 12
    assert len(done(events)) == len(starts.read_text().splitlines())
    again = driven.run(Unit("again", unit.artifact, unit.tasks[:2]))
    assert len(done(again)) == 2
    assert again[-1] == UnitFinished("again", driven.supervisor.worker, stopped=False)


def test_stop_before_anything_ran(supervise, unit):
    """A unit stopped while its process still starts is handed back whole, at once."""
    driven = supervise()
    driven.supervisor.start(unit)
    driven.supervisor.stop()
    events = driven.until(lambda event: isinstance(event, UnitFinished), seconds=1)
    assert [type(event) for event in events] == [UnitStarted, UnitFinished]
    assert events[-1].stopped


def test_stop_of_nothing_is_no_trouble(supervise, unit):
    """A stop without a unit does not stop the next one."""
    driven = supervise()
    driven.supervisor.stop()
    assert len(done(driven.run(unit))) == 12
    driven.supervisor.stop()
    assert len(done(driven.run(Unit("next", "", unit.tasks)))) == 12


def test_one_unit_at_a_time(supervise, unit):
    """A second unit is refused while the first one runs."""
    driven = supervise(sleep_ms=50)
    driven.supervisor.start(unit)
    with pytest.raises(RuntimeError, match="one unit at a time"):
        driven.supervisor.start(unit)


def test_an_artifact_is_read_once(supervise, tmp_path):
    """Units that share an artifact, and children that are replaced, do not ask for it again."""
    first, other = toy_units(2, 3)
    driven = supervise(misbehave={"column_share=0.66": "quit"})
    for number, artifact in enumerate([first.artifact, other.artifact, first.artifact]):
        driven.run(Unit(f"u{number}", artifact, first.tasks))
    assert driven.asked == [first.artifact, other.artifact]


def test_few_artifacts_are_kept(supervise):
    """Files of artifacts that were not used for long are removed, and read again when asked for."""
    driven = supervise()
    units = toy_units(10, 1)
    for unit in units:
        driven.run(unit)
    assert len(list(driven.workdir.glob("artifact-*"))) == 8
    driven.run(Unit("again", units[0].artifact, units[0].tasks))
    assert driven.asked.count(units[0].artifact) == 2


def test_close_leaves_nothing(supervise, unit, tmp_path):
    """Closing in the middle of an endless loop ends the process and removes every file, twice."""
    starts = tmp_path / "starts"
    driven = supervise(misbehave={"fold=1": "loop"}, start_log=str(starts))
    driven.supervisor.start(unit)
    deadline = time.monotonic() + 20
    while not starts.exists() and time.monotonic() < deadline:
        driven.supervisor.poll(0.05)
    (pid,) = pids_of(starts)
    driven.supervisor.close()
    assert not lives(pid)
    assert not driven.workdir.exists()
    driven.supervisor.close()


SUPERVISOR_SCRIPT = """
import sys, time
from pathlib import Path
from gridrun.testing.units import toy_content, toy_job, toy_units
from gridrun.worker import Supervisor
supervisor = Supervisor(
    toy_job(misbehave={"fold=1": sys.argv[1]}, start_log=sys.argv[2]),
    toy_content, Path(sys.argv[3]))
supervisor.start(toy_units(1, 3)[0])
while True:
    supervisor.poll(0.1)
"""


@pytest.mark.parametrize("behaviour", ["sleep", "loop"])
def test_the_child_dies_with_its_supervisor(tmp_path, behaviour):
    """A kill -9 of the supervisor ends the child at once, asleep or in a loop inside C."""
    starts = tmp_path / "starts"
    arguments = [behaviour, str(starts), str(tmp_path / "work")]
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR_SCRIPT, *arguments])
    try:
        deadline = time.monotonic() + 30
        while not starts.exists() and time.monotonic() < deadline:
            time.sleep(0.05)  # until a task has begun
        (pid,) = pids_of(starts)
        assert lives(pid)
    finally:
        process.kill()
        process.wait()
    assert all_gone(starts)


def test_ctrl_c_does_not_reach_the_child(supervise, unit, tmp_path):
    """The child has a session of its own and ignores SIGINT."""
    starts = tmp_path / "starts"
    driven = supervise(sleep_ms=100, start_log=str(starts))
    driven.supervisor.start(unit)
    events = driven.until(lambda event: isinstance(event, TaskDone))
    (pid,) = pids_of(starts)
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGINT)
    events += driven.until(lambda event: isinstance(event, UnitFinished))
    assert len(done(events)) == 12


def test_a_worker_has_no_pipeline_in_its_own_process(tmp_path):
    """The supervisor's process imports neither the pipeline nor R."""
    script = SUPERVISOR_SCRIPT.partition("while True")[0] + (
        "supervisor.poll(2)\nsupervisor.close()\n"
        "print([name for name in sys.modules if 'rpy2' in name or name.startswith('amiss')])"
    )
    arguments = ["error", str(tmp_path / "starts"), str(tmp_path / "work")]
    run = subprocess.run(
        [sys.executable, "-c", script, *arguments], check=True, capture_output=True, text=True
    )
    assert run.stdout == "[]\n"
    assert not Path(tmp_path / "work").exists()
