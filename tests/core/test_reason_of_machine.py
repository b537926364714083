"""Which failures wait again when the machine was at fault."""

from toystudies import SMALL_GRID, open_toy, write_study

from backends.inprocess import InProcessBackend
from gridrun.errors import EnvironmentFault
from gridrun.pipeline import TaskResult
from gridrun.plan.alike import MANY, general
from gridrun.plan.units import (
    Attempt,
    FoundAtFault,
    Kind,
    TaskDone,
    TaskFailed,
    UnitFinished,
    UnitStarted,
)
from gridrun.run._engine import Engine
from gridrun.run._progress import Silent


class Faulty(InProcessBackend):
    """Ends as a machine at fault does, after failures of one worker, and a few of another."""

    def run(self, next_unit):
        reasons = ["a finding", *(f"no package xyz: attempt {n}" for n in range(MANY + 2))]
        while True:
            unit = next_unit()
            yield UnitStarted(unit.id, "")
            for task in unit.tasks:
                if not reasons:
                    raise EnvironmentFault("the machine is at fault")
                worker = "a" if len(reasons) > 2 else "b"
                attempt = Attempt(unit.id, 1, worker, 0.0, 0.0)
                yield TaskFailed(task, attempt, Kind.ERROR, reasons.pop(0))


def test_failures_of_other_workers_wait_as_well(tmp_path):
    """However few they are, if the reason is that of the machine; findings stay."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    with_faults = open_toy(directory)
    Engine(with_faults.state(), Faulty, "inprocess", Silent()).run()
    found = open_toy(directory).results()
    reasons = found["reason"][found["state"].eq("failed")]
    assert not reasons.str.contains("no package").any()
    assert reasons.str.contains("a finding").any()


LOST = "there is no package called 'x': attempt 7"


def alternating(unit):
    """A failure that the machine is to blame for, a finding, a task that is done, and so on."""
    attempt = Attempt(unit.id, 1, "a", 0.0, 0.0)
    yield UnitStarted(unit.id, "a")
    for number, task in enumerate(unit.tasks):
        reason = (LOST, "a finding", "")[number % 3]
        if reason:
            yield TaskFailed(task, attempt, Kind.ERROR, reason)
        else:
            yield TaskDone(task, attempt, TaskResult(({"test_table": "table 1"},)))
    yield UnitFinished(unit.id, "a")


class Unaware(InProcessBackend):
    """Brings one unit's outcomes and ends, as one that is stopped does."""

    def run(self, next_unit):
        yield from alternating(next_unit())


class AwareAtLast(InProcessBackend):
    """Finds the machine at fault at the end of a unit."""

    def run(self, next_unit):
        yield from alternating(next_unit())
        found = FoundAtFault("a", general(LOST), LOST)
        yield found
        raise found.fault()


class OneOfMany(InProcessBackend):
    """Has a worker that finds its machine at fault, and others that go on and fail for it, too."""

    def run(self, next_unit):
        yield from alternating(next_unit())
        yield FoundAtFault("a", general(LOST), LOST)
        yield from alternating(next_unit())
        yield from super().run(next_unit)


def reasons_of(directory):
    found = open_toy(directory).results()
    return found["reason"][found["state"].eq("failed")]


def test_failures_of_earlier_runs_wait_as_well(tmp_path):
    """What a run recorded that did not know of it waits once the machine is found at fault."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    Engine(open_toy(directory).state(), Unaware, "inprocess", Silent()).run()
    assert reasons_of(directory).str.contains("no package").sum() >= 1
    report = Engine(open_toy(directory).state(), AwareAtLast, "inprocess", Silent()).run()
    assert report.exit_code == 3
    assert not reasons_of(directory).str.contains("no package").any()
    assert reasons_of(directory).str.contains("a finding").any()
    assert report.tally.failed == report.tally.done > 0


def test_a_run_that_goes_on_elsewhere_says_so_at_its_end(tmp_path):
    """A worker's fault does not end the others; the run ends with 3, and says what to do."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    report = Engine(open_toy(directory).state(), OneOfMany, "inprocess", Silent()).run()
    assert report.exit_code == 3
    assert "no package" in report.fault.what
    assert "run the same command again" in report.fault.todo
    assert not reasons_of(directory).str.contains("no package").any()
    found = open_toy(directory).results()
    assert found["state"].eq("waiting").any()
    assert found["state"].eq("done").any()
