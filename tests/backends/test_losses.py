"""Workers that are lost, however they are: one limit, one sentence, one exit code."""

import itertools
import re
from dataclasses import replace

import pytest
from one_ray import Clock, OneRay
from toystudies import SMALL_GRID, open_toy, write_study

from backends.inprocess import InProcessBackend
from backends.local import _nodes, _slots
from gridrun.errors import EnvironmentFault
from gridrun.plan.retries import RETRIES
from gridrun.plan.units import Loss, WorkerLost
from gridrun.run.backend import Capabilities
from gridrun.testing.units import toy_content, toy_job, toy_units

ONE_SENTENCE = (
    r"\d+ workers were lost one after another, with no outcome of their tasks between; "
    r"the last one: (.*)\n  check the machine \(memory, disk, `gridrun doctor`\), then run again"
)
WAYS = {
    "ends itself": ({"dies": "step"}, "worker gone: ActorDiedError: It died"),
    "frozen": ({"frozen": None}, "worker gone: it has not answered for 12"),
    "ends as it starts": ({"dies": "hello"}, "worker gone: ActorDiedError: It died"),
}


class Slotted(InProcessBackend):
    """Runs what it is given on slots of a Ray that is none.

    Args:
        ray: The Ray.
        count: Workers.
    """

    def __init__(self, ray, count):
        super().__init__()
        self.ray, self.count = ray, count

    @property
    def capabilities(self):
        return Capabilities(isolates=True, workers=self.count)

    def run(self, next_unit):
        first = next_unit()
        read = self._read_artifact
        slots = _slots.Slots(self.ray, self._job, read, count=self.count, directory="/", path=[])
        if first is not None:
            yield from slots.run(first, next_unit, lambda: False)


@pytest.fixture
def lose(tmp_path, monkeypatch):
    """Run a study whose workers are lost; gives the exit code and what is said at the end."""
    monkeypatch.setitem(RETRIES, Loss.WORKER, replace(RETRIES[Loss.WORKER], first_pause=0.0))

    def run(workers, done=0, **how):
        clock = Clock()
        monkeypatch.setattr(_slots, "time", clock)
        monkeypatch.setattr(_nodes, "time", clock)
        directory = write_study(tmp_path / "study", SMALL_GRID)
        study = open_toy(directory)
        backend = Slotted(OneRay(clock, done=done, **how), workers)
        try:
            report = study.run(backend=backend)
        except EnvironmentFault as fault:
            return fault.exit_code, fault.text(), len(backend.ray.made)
        return report.exit_code, report.fault.text(), len(backend.ray.made)

    return run


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_all_ways_end_the_run_alike(way, workers, lose):
    """As often, with the same words and code, whether or not workers had the same tasks."""
    how, why = WAYS[way]
    code, said, made = lose(workers, **how)
    assert code == 3
    found = re.match(ONE_SENTENCE, said)
    assert found, said
    assert found[1].startswith(why)
    tries = RETRIES[Loss.WORKER].tries
    assert tries <= made <= (tries + 1) * workers


def test_outcomes_before_change_neither_words_nor_code(lose):
    """There is a table then, and the run is reported as broken off; the count begins after them."""
    code, said, made = lose(1, done=1, dies="step")
    assert code == 3
    assert re.match(ONE_SENTENCE, said), said
    assert made == RETRIES[Loss.WORKER].tries + 1  # the last one is made before that is judged


def test_workers_that_are_lost_as_they_start_are_started_again_later(monkeypatch):
    """After the pauses of the table, not at once: what takes them may pass."""
    clock = Clock()
    monkeypatch.setattr(_slots, "time", clock)
    monkeypatch.setattr(_nodes, "time", clock)
    ray = OneRay(clock, dies="hello")
    slots = _slots.Slots(ray, toy_job(), toy_content, count=1, directory="/", path=[])
    (unit,) = toy_units(1, 1)
    found = slots.run(unit, lambda: None, lambda: False)
    lost = (clock.now for event in found if isinstance(event, WorkerLost))
    moments = list(itertools.islice(lost, 5))
    steps = [round(after - before) for before, after in itertools.pairwise(moments)]
    pauses = [RETRIES[Loss.WORKER].pause(n) for n in range(1, 5)]
    assert all(pause <= step <= pause + 3 for pause, step in zip(pauses, steps, strict=True)), steps


def test_a_worker_goes_by_no_number():
    """What is said of several is one note."""
    said = "The actor 3d26fef1065b99f4ec46547401000000 is unavailable: RpcError: 14.\nmore"
    words = _slots._what_ray_says(OneRay.exceptions.ActorDiedError(said))
    assert words == "ActorDiedError: The actor is unavailable"
