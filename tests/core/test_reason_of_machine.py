"""Which failures wait again when the machine was at fault."""

from toystudies import SMALL_GRID, open_toy, write_study

from backends.inprocess import InProcessBackend
from gridrun.errors import EnvironmentFault
from gridrun.plan.alike import MANY
from gridrun.plan.units import Attempt, Kind, TaskFailed, UnitStarted
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
