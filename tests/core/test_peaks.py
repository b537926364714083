"""Memory that stages were measured to take: kept for the next run, as long as it is true of it."""

from toystudies import SMALL_GRID, open_toy, write_study

from backends.inprocess import InProcessBackend
from gridrun.plan.units import PeakMeasured, UnitFinished, UnitStarted
from gridrun.run._engine import Engine
from gridrun.run._progress import Silent

STAGE = "impute imputation=large"


class Measures(InProcessBackend):
    """Says what a stage of the first unit takes, twice, and hands all back."""

    def open(self, job, read_artifact):
        super().open(job, read_artifact)
        self.known.append(dict(job.peaks))

    def run(self, next_unit):
        while (unit := next_unit()) is not None:
            yield UnitStarted(unit.id, "a")
            for used in (3 << 30, 2 << 30):
                yield PeakMeasured(unit.tasks[0].context, STAGE, used)
            yield UnitFinished(unit.id, "a", stopped=True)


def run(directory):
    """One run; what its workers are told."""
    Measures.known = []
    Engine(open_toy(directory).state(), Measures, "inprocess", Silent()).run()
    return Measures.known


def test_the_next_run_knows_what_one_has_measured(tmp_path):
    """The most that was; nothing once the results depend on something else."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    assert run(directory) == [{}]
    assert run(directory) == [{STAGE: 3 << 30}]
    (directory / "a.txt").write_text("another table")
    assert run(directory) == [{}]
    assert run(directory) == [{STAGE: 3 << 30}]
