"""Units whose workers are lost: offered again after a pause, a bounded number of times."""

import json
import math

import pytest
from toystudies import SMALL_GRID, open_toy, table, write_study

from backends.inprocess import InProcessBackend
from gridrun.cli.status._text import lines
from gridrun.errors import EnvironmentFault
from gridrun.pipeline import TaskResult
from gridrun.plan import retries
from gridrun.plan.cutting import UnitPlan
from gridrun.plan.retries import RETRIES, Ends, Retry
from gridrun.plan.units import Attempt, Kind, Loss, TaskDone, UnitLost, UnitStarted
from gridrun.run._engine import Engine
from gridrun.run._progress import Silent
from gridrun.run._unit_queue import UnitQueue
from gridrun.study.state import PUT_OFF_META
from gridrun.testing.units import toy_units

AGAIN = RETRIES[Loss.WORKER]


class Clock:
    """A clock that somebody sets."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def queue_of(count, clock, tasks=2, workers=1):
    """A queue of toy units, none with an artifact of its own."""
    cuts = [UnitPlan(n, {}, unit.tasks, 1.0) for n, unit in enumerate(toy_units(count, tasks), 1)]
    return UnitQueue(
        iter(cuts),
        lambda _: ("", ""),
        (),
        run=1,
        fail=lambda _: None,
        workers=workers,
        clock=clock,
    )


def done(unit, task):
    return TaskDone(task, Attempt(unit.id, 1, "w", 0.0, 1.0), TaskResult(({},)))


def test_a_lost_unit_waits_and_others_do_not(clock):
    """The others are given meanwhile; what was done of it is not offered again."""
    queue = queue_of(2, clock)
    first = queue.next_unit()
    assert queue.settle(done(first, first.tasks[0]))
    queue.mark_lost(first.id, "its node is gone")
    assert queue.seconds_to_next == AGAIN.first_pause
    second = queue.next_unit()
    assert second.tasks[0].fold == 2
    assert queue.next_unit() is None
    clock.now += AGAIN.first_pause
    again = queue.next_unit()
    assert again.tasks == first.tasks[1:]
    assert again.id != first.id
    assert queue.seconds_to_next is None
    # the worker that was given up comes back after all
    assert not queue.settle(done(first, first.tasks[1]))
    assert queue.settle(done(again, again.tasks[0]))


def test_pauses_grow_to_a_bound_and_end(clock):
    """Each is twice the one before; after the last one the machine is at fault."""
    queue = queue_of(1, clock)
    pauses = []
    for _ in range(AGAIN.more):
        queue.mark_lost(queue.next_unit().id, "killed")
        pauses.append(queue.seconds_to_next)
        clock.now += pauses[-1]
    assert pauses == [2.0, 4.0, 8.0, 16.0]
    with pytest.raises(EnvironmentFault, match=r"5 workers were lost .*; the last one: killed"):
        queue.mark_lost(queue.next_unit().id, "killed")
    assert AGAIN.pause(20) == AGAIN.longest_pause


def test_each_kind_of_failure_says_how_often_it_is_tried_again():
    """A new one has to be thought of."""
    named = {value for name, value in vars(retries).items() if name.isupper() and name != "RETRIES"}
    assert set(RETRIES) == {*Kind, *Loss, *named}
    assert {kind for kind, retry in RETRIES.items() if retry.ends is Ends.TASK} == {*Kind, "stage"}


def test_nothing_is_tried_for_ever():
    """Where there is no number of tries there is a time."""
    with pytest.raises(ValueError, match="for ever"):
        Retry(math.inf)


def test_what_came_back_with_its_host_is_not_put_off_but_counts(clock):
    """Who starts the host anew waits before that; what ends every host of its own is found out."""
    queue = queue_of(1, clock)
    for _ in range(RETRIES[Loss.HOST].more):
        queue.mark_lost(queue.next_unit().id, "Ray ended", Loss.HOST)
        assert queue.seconds_to_next == 0.0
    with pytest.raises(EnvironmentFault, match=r"6 workers were lost .*: Ray ended"):
        queue.mark_lost(queue.next_unit().id, "Ray ended", Loss.HOST)


def test_what_comes_back_from_a_sweep_is_for_who_sends_it(clock):
    """It is offered at once, as often as it comes, and no run waits for it."""
    queue = queue_of(1, clock)
    for _ in range(20):
        queue.mark_lost(queue.next_unit().id, "preempted", Loss.SWEEP)
        assert queue.seconds_to_next is None


def test_workers_that_had_nothing_count_as_well(clock):
    """As many as there are may go at once, as often as the table says."""
    queue = queue_of(1, clock, workers=3)
    for _ in range(3 * AGAIN.tries - 1):
        queue.note_lost_worker("died as it started")
    with pytest.raises(EnvironmentFault, match=r"15 workers were lost .*: died as it started"):
        queue.note_lost_worker("died as it started")


def test_an_outcome_of_the_unit_ends_the_row(clock):
    """A worker that is lost now and then, with outcomes between, is no fault."""
    queue = queue_of(1, clock, tasks=20)
    for _ in range(12):
        unit = queue.next_unit()
        assert queue.settle(done(unit, unit.tasks[0]))
        queue.mark_lost(unit.id, "killed")
        clock.now += queue.seconds_to_next
    assert len(queue.next_unit().tasks) == 8


def test_a_unit_that_ends_its_workers_does_not_go_on_for_ever(clock):
    """Outcomes of other units do not count for it."""
    queue = queue_of(2, clock, tasks=20)
    poison, other = queue.next_unit(), queue.next_unit()
    for _ in range(AGAIN.more):
        assert queue.settle(done(other, other.tasks[_]))
        queue.mark_lost(poison.id, "killed")
        clock.now += queue.seconds_to_next
        poison = queue.next_unit()
    with pytest.raises(EnvironmentFault, match="5 workers were lost one after another"):
        queue.mark_lost(poison.id, "killed")


def test_a_node_with_many_workers_is_one_loss(clock):
    """Eight workers that go at once are no fault of this machine, and come back."""
    queue = queue_of(8, clock)
    units = [queue.next_unit() for _ in range(8)]
    for unit in units:
        queue.mark_lost(unit.id, "its node is gone")
    clock.now += AGAIN.first_pause
    assert sum(len(queue.next_unit().tasks) for _ in range(8)) == 16


class Losing(InProcessBackend):
    """Loses the first units that it is given, with all that they had."""

    losses = 0
    """How many are still to be lost."""

    def run(self, next_unit):
        while self.losses and (unit := next_unit()) is not None:
            self.losses -= 1
            yield UnitStarted(unit.id, "lost")
            yield UnitLost(unit.id, "as the test wants it")
        yield from super().run(next_unit)


class Heard(Silent):
    """What a run says that it is doing."""

    def __init__(self, directory):
        self.phases = []
        self.status = []
        self._directory = directory

    def phase(self, text):
        self.phases.append(text)
        if "tried again" in text:
            self.status += lines(open_toy(self._directory).status(), 80)


def test_a_run_waits_for_what_is_put_off(tmp_path):
    """It does so though nothing else is left, says so, and gives the table of a quiet run."""
    quiet = write_study(tmp_path / "quiet", SMALL_GRID)
    open_toy(quiet).run(backend="inprocess")
    directory = write_study(tmp_path / "study", SMALL_GRID)
    study = open_toy(directory)
    backend = Losing()
    backend.losses = 1
    heard = Heard(directory)
    report = Engine(study.state(), lambda: backend, "inprocess", heard).run()
    assert report.exit_code == open_toy(quiet).run().exit_code
    assert any("before lost tasks are tried again" in phase for phase in heard.phases)
    assert table(directory) == table(quiet)
    said = next(line for line in heard.status if "tried again in" in line)
    assert said.endswith("as the test wants it")
    assert not any("tried again in" in line for line in lines(open_toy(directory).status(), 80))
    assert json.loads(open_toy(directory).state().view.meta(PUT_OFF_META)) == []
