"""Workers of one machine: together they never take more memory than it has."""

import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gridrun.errors import EnvironmentFault
from gridrun.plan.limits import Limit, Limits
from gridrun.plan.units import Kind, Notice, PeakMeasured, TaskDone, TaskFailed
from gridrun.testing.misbehaviour import LARGE_BYTES
from gridrun.testing.units import toy_content, toy_job, toy_units
from gridrun.worker import Supervisor, _machine_memory
from gridrun.worker._memory import used_by_descendants
from gridrun.worker._memory_share import MemoryShare
from gridrun.worker._stage_memory import StageMemory

GIB = 1 << 30

LARGE = {"twin_check=off,column_share=0.33,row_share=0.33": "grow"}
"""Has the tenth task of a toy unit be large."""


def children():
    """Ids of the processes that this one has started."""
    return [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]


class Machine:
    """A machine with so much memory, of which our children alone use any."""

    def __init__(self, total):
        self.total = total
        self.least = total

    def free(self):
        left = self.total - sum(map(used_by_descendants, children()))
        self.least = min(self.least, left)
        return max(left, 0)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A small machine, on which nothing else runs."""
    machine = Machine(int(3.5 * LARGE_BYTES))
    monkeypatch.setattr(_machine_memory, "total_memory", lambda: machine.total)
    monkeypatch.setattr(_machine_memory, "free_memory", machine.free)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return machine


@pytest.fixture
def processes():
    """Two processes that use next to nothing."""
    started = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    yield [process.pid for process in started]
    for process in started:
        process.kill()
        process.wait()


def run_at_once(job, units, workdir):
    """Run each list of units by a worker of its own; gives all events.

    Their second units begin at the same moment, with processes that are up.
    """
    events = []
    barrier = threading.Barrier(len(units))

    def work(number, own):
        supervisor = Supervisor(job, toy_content, workdir / str(number))
        for position, unit in enumerate(own):
            if position == 1:
                barrier.wait()
            supervisor.start(unit)
            while not supervisor.is_idle:
                events.extend(supervisor.poll(0.2))
        supervisor.close()

    threads = [threading.Thread(target=work, args=each) for each in enumerate(units)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return events


@pytest.mark.slow  # what it measures is its own: nothing else may keep the machine busy
def test_tasks_that_are_large_together(machine, tmp_path):
    """Of three that fit two at a time one gives way, and waits; of later ones nobody has to.

    The machine always has memory left, so that the kernel has nobody to kill.
    """
    job = toy_job(misbehave=LARGE)
    units = [toy_units(9, 10)[number::3] for number in range(3)]
    units = [[replace(own[0], tasks=own[0].tasks[:9]), *own[1:]] for own in units]
    events = run_at_once(job, units, tmp_path / "work")
    failed = [event for event in events if isinstance(event, TaskFailed)]
    assert [(event.kind, event.final) for event in failed] == [(Kind.MEMORY, False)]
    assert failed[0].attempt.unit in {own[1].id for own in units}
    assert "within its limit of" in failed[0].reason
    assert "of the machine's" in failed[0].reason
    assert len([event for event in events if isinstance(event, TaskDone)]) == 3 * 9 + 6 * 10
    assert machine.least > 0
    assert "wait until others there" in next(e for e in events if isinstance(e, Notice)).text
    assert list(tmp_path.glob("gridrun-memory*")) == []


@pytest.mark.slow  # as above
def test_what_an_earlier_run_measured_is_known_to_the_first(machine, tmp_path):
    """Of three that fit two at a time the third waits from the start: none has to give way."""
    job = toy_job(misbehave=LARGE)
    own = [toy_units(1, 10)]
    peaks = {e.stage: e.used for e in run_at_once(job, own, tmp_path) if type(e) is PeakMeasured}
    units = [[replace(unit, tasks=unit.tasks[:9]), unit] for unit in toy_units(3, 10)]
    events = run_at_once(replace(job, peaks=peaks), units, tmp_path / "work")
    assert not [event for event in events if isinstance(event, TaskFailed)]
    assert "wait until others there" in next(e for e in events if isinstance(e, Notice)).text
    assert machine.least > 0


def test_what_tasks_were_measured_to_take_is_told(machine, tmp_path):
    """Once for a stage and its values, between the first and the last event of their unit."""
    del machine
    (unit,) = toy_units(1, 10)
    events = run_at_once(toy_job(misbehave=LARGE), [[unit]], tmp_path / "work")
    (peak,) = [event for event in events if isinstance(event, PeakMeasured)]
    assert peak.used > 0.9 * LARGE_BYTES
    assert peak.context == unit.tasks[9].context
    assert peak.stage.startswith("train tuning=")
    assert peak not in (events[0], events[-1])


def test_what_a_stage_left_is_not_counted_for_the_next():
    """Of a task of its own, or of one that is small; what each has added is."""
    memory = StageMemory(100)
    seen = [("a", 100), ("a", 700), ("b", 701), ("c", 700), ("c", 650), ("c", 900), ("a", 905)]
    own = [memory.of_stage((number // 5, stage), used) for number, (stage, used) in enumerate(seen)]
    assert own == [100, 700, 101, 99, 49, 350, 105]


def test_a_process_does_not_keep_what_its_tasks_have_left(machine, tmp_path, monkeypatch):
    """One that runs none and has much is ended before others are told that there is room."""
    del machine
    before = {*children()}
    seen, leave = [], MemoryShare.leave
    told = lambda self: seen.append(len({*children()} - before)) or leave(self)  # noqa: E731
    monkeypatch.setattr(MemoryShare, "leave", told)
    (unit,) = toy_units(1, 2)
    supervisor = Supervisor(toy_job(limits=Limits(Limit(memory=GIB))), toy_content, tmp_path / "w")
    for much, left in ((GIB, 1), (2 << 20, 0)):
        monkeypatch.setattr("gridrun.worker._task_process.default_limit", lambda much=much: much)
        supervisor.start(unit)
        while not supervisor.is_idle:
            supervisor.poll(0.2)
        assert len({*children()} - before) == left
        assert seen.pop() == left
    supervisor.close()


@pytest.mark.slow  # as above
def test_what_passed_its_limit_waits_for_twice_as_much(machine, tmp_path):
    """It runs alone in its process once others leave it room, and is done."""
    job = toy_job(
        limits=Limits(Limit(memory=LARGE_BYTES)),
        misbehave=LARGE,
    )
    units = [[replace(unit, tasks=unit.tasks[:9]), unit] for unit in toy_units(2, 10)]
    machine.total = 4 * LARGE_BYTES
    events = run_at_once(job, units, tmp_path / "work")
    failed = [event for event in events if isinstance(event, TaskFailed)]
    assert {(event.kind, event.final) for event in failed} == {(Kind.MEMORY, False)}
    assert len([event for event in events if isinstance(event, TaskDone)]) == 2 * 19
    assert machine.least > 0


def test_whose_need_is_known_waits_for_others(machine, processes):
    """Until they have left, or nobody else is there; what is not known waits for nothing."""
    first, second = MemoryShare(), MemoryShare()
    assert first.admit(processes[0], list, 2 * LARGE_BYTES)
    assert second.admit(processes[1], list, 2 * LARGE_BYTES) is None
    assert second.admit(processes[1], list) < 2 * LARGE_BYTES
    first.leave()
    assert second.admit(processes[1], list, 2 * LARGE_BYTES)
    second.leave()
    assert first.admit(processes[0], list, 9 * LARGE_BYTES) < machine.total
    first.close()
    second.close()


def test_what_a_stage_has_used_is_known_to_others(machine, processes):
    """By its name, and where it is large enough to matter."""
    del machine
    first, second = MemoryShare(), MemoryShare()
    first.note("impute a", 2 * GIB)
    first.note("impute b", 1)
    assert first.admit(processes[0], lambda: ["impute a"])
    assert second.admit(processes[1], lambda: ["impute a"]) is None
    assert second.admit(processes[1], lambda: ["impute b", "impute c"]) is not None
    first.close()
    second.close()


def test_who_was_killed_needs_nothing(machine, processes, tmp_path):
    """The claim of a worker that is gone is not counted, nor a file that was cut off."""
    del machine
    share = MemoryShare()
    assert share.admit(processes[0], list, 2 * LARGE_BYTES)
    (file,) = tmp_path.glob("gridrun-memory*")
    text = file.read_text()
    file.write_text(text.replace(f'"{os.getpid()} ', '"1 '))
    other = MemoryShare()
    assert other.admit(processes[1], list, 2 * LARGE_BYTES)
    file.write_text(text[:9])
    assert share.admit(processes[0], list, 2 * LARGE_BYTES)
    share.close()
    other.close()


def test_a_file_of_another_user_is_not_used(machine, tmp_path, processes):
    """Nobody else may say what our tasks wait for."""
    del machine
    share = MemoryShare()
    share.admit(processes[0], list)
    (file,) = tmp_path.glob("gridrun-memory*")
    os.chown(file, 12345, 12345)
    with pytest.raises(EnvironmentFault, match="belongs to another user"):
        share.admit(processes[0], list)


@pytest.mark.parametrize(
    ("line", "files"),
    [
        (
            "4:memory:/job/step",
            {
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "memory/job/memory.limit_in_bytes": str(GIB),
                "memory/job/memory.usage_in_bytes": str(GIB // 2),
                "memory/job/memory.stat": "cache 7\ninactive_file 1\ntotal_inactive_file 4096\n",
            },
        ),
        (
            "0::/job/step",
            {
                "job/step/memory.max": "max",
                "job/memory.max": str(GIB),
                "job/memory.current": str(GIB // 2),
                "job/memory.stat": "anon 7\ninactive_file 4096\n",
            },
        ),
        (
            "0::/elsewhere/than/here",
            {
                "memory.max": str(GIB),
                "memory.current": str(GIB // 2),
                "memory.stat": "inactive_file 4096\n",
            },
        ),
    ],
)
def test_the_memory_of_a_job_or_container(monkeypatch, tmp_path, line, files):
    """What counts is the smallest limit of the groups that this process is in."""
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "own").write_text(f"{line}\n")
    monkeypatch.setattr(_machine_memory, "_MOUNT", tmp_path / "groups")
    monkeypatch.setattr(_machine_memory, "_OWN", tmp_path / "own")
    _machine_memory._groups.cache_clear()
    try:
        assert _machine_memory.total_memory() == GIB
        assert _machine_memory.free_memory() == GIB // 2 + 4096
    finally:
        _machine_memory._groups.cache_clear()
