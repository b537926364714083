"""Failures in a row for one reason: of the tasks, or of a machine that has lost something."""

from dataclasses import replace

import pytest

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import TaskResult, TaskSpec
from gridrun.plan.alike import MANY, general
from gridrun.plan.units import Attempt, FoundAtFault, Kind, TaskDone, TaskFailed, UnitFinished
from gridrun.testing.processes import pids_of
from gridrun.testing.units import GRID, toy_job, toy_units
from gridrun.worker._suspicion import MachineAtFault, Suspicion

EVERY = "classifier=tree"


def outcomes(events):
    return [event for event in events if isinstance(event, TaskDone | TaskFailed)]


def test_what_all_tasks_lack_is_the_machines_fault(supervise, tmp_path):
    """A task that was done is tried again, in a new process; it fails alike: nothing else runs."""
    starts = tmp_path / "starts"
    driven = supervise(misbehave={EVERY: "need"}, state_dir=str(tmp_path), start_log=str(starts))
    first, second = toy_units(2, 12)
    assert all(isinstance(event, TaskDone) for event in outcomes(driven.run(first)))
    (tmp_path / "lost").touch()
    driven.supervisor.start(second)
    seen = []
    with pytest.raises(EnvironmentFault) as caught:
        seen += driven.until(lambda event: isinstance(event, UnitFinished))
    assert "tasks failed here for one reason" in caught.value.what
    assert "cannot open shared object" in caught.value.what
    assert "run the same command again" in caught.value.todo
    lines = [line.split() for line in starts.read_text().splitlines()]
    assert len(lines) <= 12 + MANY + 2
    assert lines[-1][1:] in [line[1:] for line in lines[:12]]
    assert lines[-1][0] not in {line[0] for line in lines[:-1]}


def test_it_is_heard_within_one_unit_too(supervise, tmp_path):
    """What is lost between two tasks of a unit ends it, and leaves its other tasks unrun."""
    unit = toy_units(1, 12)[0]
    places = {EVERY: "need", "twin_check=off,column_share=0.33": "lose"}
    unit = type(unit)(unit.id, unit.artifact, (unit.tasks[9], *unit.tasks[:9], *unit.tasks[10:]))
    starts = tmp_path / "starts"
    driven = supervise(misbehave=places, state_dir=str(tmp_path), start_log=str(starts))
    with pytest.raises(EnvironmentFault, match="cannot open"):
        driven.run(unit)
    assert len(starts.read_text().splitlines()) <= 1 + MANY + 2


def test_findings_are_the_tasks_own(supervise, tmp_path):
    """Tasks that fail for one reason, while others are done, are recorded; ever fewer are tried."""
    starts = tmp_path / "starts"
    job = toy_job(misbehave={"smoothing=flat": "error"}, start_log=str(starts))
    driven = supervise(job=job)
    units = toy_units(2, 40)
    found = outcomes([event for unit in units for event in driven.run(unit)])
    assert len(found) == 80
    failed = [event for event in found if isinstance(event, TaskFailed)]
    assert len(failed) >= 2 * MANY
    assert {event.kind for event in failed} == {Kind.ERROR}
    assert len(pids_of(starts)) <= 3
    assert len(starts.read_text().splitlines()) <= 82


def test_where_nothing_was_done_there_is_nothing_to_compare(supervise, tmp_path):
    """A study in which every task fails is a finding, too: a new process starts, that is all."""
    starts = tmp_path / "starts"
    driven = supervise(misbehave={EVERY: "error"}, start_log=str(starts))
    found = outcomes(driven.run(toy_units(1, 12)[0]))
    assert [event.kind for event in found] == [Kind.ERROR] * 12
    assert len(pids_of(starts)) == 2


def test_what_could_not_be_compared_at_first_is_later(supervise, tmp_path):
    """A reason is held against the machine once a task was done, though it came before as well."""
    driven = supervise(misbehave={EVERY: "miss"}, state_dir=str(tmp_path))
    units = [*toy_units(2, 2 * MANY), *toy_units(3, 6 * MANY)[2:]]
    (tmp_path / "lost").touch()
    assert all(isinstance(event, TaskFailed) for event in outcomes(driven.run(units[0])))
    (tmp_path / "lost").unlink()
    assert all(isinstance(event, TaskDone) for event in outcomes(driven.run(units[1])))
    (tmp_path / "lost").touch()
    with pytest.raises(EnvironmentFault, match="so does one that was done before"):
        driven.run(units[2])


def test_a_task_of_the_classifier_that_fails_is_repeated(supervise, tmp_path):
    """What that one alone has a use for may be lost; tasks of another one know nothing of it."""
    driven = supervise(misbehave={EVERY: "need"}, state_dir=str(tmp_path))
    first, third = toy_units(2, 12)
    (second,) = toy_units(1, 12, "line")
    assert all(isinstance(event, TaskDone) for event in outcomes(driven.run(first)))
    assert all(isinstance(event, TaskDone) for event in outcomes(driven.run(second)))
    (tmp_path / "lost").touch()
    with pytest.raises(EnvironmentFault, match="so does one that was done before"):
        driven.run(third)


@pytest.mark.parametrize("needs", ["coding=columns", "smoothing=flat", "row_share=0.33"])
def test_what_few_tasks_lack_is_found_between_others(supervise, tmp_path, needs):
    """A package that one method or step alone has a use for goes; tasks of others are done."""
    units = [mixed(number) for number in (1, 2)]
    driven = supervise(misbehave={needs: "miss"}, state_dir=str(tmp_path))
    assert all(isinstance(event, TaskDone) for event in outcomes(driven.run(units[0])))
    (tmp_path / "lost").touch()
    driven.supervisor.start(units[1])
    *_, found = driven.until(lambda event: isinstance(event, FoundAtFault))
    assert found.alike == "the toy misses something: attempt 0"
    # told once, as an event; who polls again gets the same as what ends the worker
    with pytest.raises(EnvironmentFault, match="so does one that was done before") as caught:
        driven.supervisor.poll(0.0)
    assert caught.value.text() == found.fault().text()


def mixed(number):
    """A unit in which few tasks are like those before and after them."""
    (unit,) = toy_units(1, 1)
    tasks = [
        TaskSpec(1, index, number, "tree", GRID.combination(index))
        for index in (place * 3613 % len(GRID) for place in range(60))
    ]
    return replace(unit, id=f"mixed-{number}", tasks=tuple(tasks))


def test_a_method_that_fails_on_some_data_is_no_fault(supervise, tmp_path):
    """It has done others meanwhile: nothing is tried, however often it fails."""
    starts = tmp_path / "starts"
    wrong = {"smoothing=flat,row_share=0.33": "error", "smoothing=mean,row_share=0.66": "error"}
    driven = supervise(misbehave=wrong, start_log=str(starts))
    found = outcomes([event for number in (1, 2, 3) for event in driven.run(mixed(number))])
    assert len([event for event in found if isinstance(event, TaskFailed)]) > MANY
    assert len(pids_of(starts)) == 1


@pytest.mark.parametrize(
    "says",
    [
        "there is no package called 'imputeR'",
        "package or namespace load failed for 'mice'",
        "unable to load shared object '/usr/lib/R/library/Rcpp/libs/Rcpp.so'",
        "lazy-load database '/usr/lib/R/library/mice/R/mice.rdb' is corrupt",
        "ModuleNotFoundError: No module named 'xgboost'",
    ],
)
def test_what_cannot_be_loaded_from_the_start(says):
    """Many tasks say so, and none like them was done; others may have been."""
    suspicion = Suspicion()
    units = toy_units(1, 2 * MANY)
    for task in units[0].tasks[:MANY]:
        other = replace(task, values=task.values | {"smoothing": "mean"})
        suspicion.note(failure(task, says), units[0])
        suspicion.note(TaskDone(other, ATTEMPT, TaskResult(())), units[0])
    assert suspicion.reason == says
    assert suspicion.known(()) is None
    with pytest.raises(MachineAtFault, match="cannot be loaded"):
        suspicion.judge_without()


def test_what_can_be_loaded_elsewhere_is_no_fault():
    """Where tasks like those that fail are done, what cannot be loaded is theirs."""
    suspicion = Suspicion()
    (unit,) = toy_units(1, 2 * MANY)
    for task in unit.tasks:
        suspicion.note(failure(task, "there is no package called 'x'"), unit)
        suspicion.note(TaskDone(task, ATTEMPT, TaskResult(())), unit)
    assert not suspicion.reason


ATTEMPT = Attempt("unit-1", 1, "worker", 0.0, 0.0)


def failure(task, reason):
    return TaskFailed(task, ATTEMPT, Kind.ERROR, reason)


def test_numbers_do_not_make_another_reason():
    """Reasons are alike that differ by numbers alone."""
    assert (
        general("row 12: 1.5e-3 of 7") == general("row 3: 2 of 19") != general("column 3: 2 of 1")
    )
