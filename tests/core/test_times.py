"""How a study stands and how long it takes: from its ledger, and before that from its costs."""

from __future__ import annotations

import io
import json
import math
import shutil
import sqlite3
import time
from contextlib import redirect_stdout

import pytest
from toystudies import SMALL_GRID, TOY, open_toy, write_study

from gridrun.cli._text import print_summary
from gridrun.cli._times import time_lines
from gridrun.cli.logs import logs
from gridrun.cli.plan import _command as plan_command
from gridrun.cli.plan import _pilot
from gridrun.cli.status import _text as shown
from gridrun.cli.status._command import status
from gridrun.pipeline import TaskResult, TaskSpec
from gridrun.pipeline.costs import TaskCost
from gridrun.plan.pilot import pilot_cells
from gridrun.plan.times import SHARED, Costs, Observed, estimate
from gridrun.plan.units import Attempt, Kind, State, SweepPlanned, TaskDone, TaskFailed, Unit
from gridrun.report.times import observed_of, shared_seconds
from gridrun.store.ledger import Ledger
from gridrun.testing.toy import PIPELINE, ToyPipeline
from gridrun.worker import StageClock

GRID = {**SMALL_GRID, "origin": ["first"], "coding": ["columns"]}
SHARES = {**GRID, "row_share": [0.33, 0.66, 1.0]}
"""12 combinations of three methods; 24 tasks in two folds of the line, 24 to 48 of the tree."""


class Table:
    """Costs that are known: a tree takes twice a line, and smoothing three seconds for both."""

    reads = ("smoothing", "row_share", "constant_check")
    is_measured = True
    assumes = ("seven rows",)

    def cost(self, classifier, values):
        own = {"tree": 2.0, "line": 1.0}[classifier] * values["row_share"]
        return TaskCost(own, 3.0)

    def fragility(self, values):
        return float(values["constant_check"] == "off")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    directory = write_study(tmp_path_factory.mktemp("original") / "study", GRID)
    open_toy(directory).run(backend="inprocess", folds=1)
    return directory


@pytest.fixture
def begun(original, tmp_path):
    """A toy study whose ledger has half of its tasks."""
    return open_toy(shutil.copytree(original, tmp_path / "begun"))


def work_of(study, **request):
    state = study.state(**request)
    known = state.known_context_ids()
    return state, known, list(state.pending(known, state.view))


def test_what_classifiers_share_is_counted_once(tmp_path):
    """The sum is that of every task, and of every result that tasks share, made once a fold."""
    study = open_toy(write_study(tmp_path / "study", GRID))
    state, _, pending = work_of(study)
    costs = Costs(state.tables, Table())
    tasks = [name for fold in pending for name in map(int, fold.classifiers)]
    names = state.pipeline.classifiers
    own = sum({"tree": 2.0, "line": 1.0}[names[number]] for number in tasks)
    # methods x constant_check: tuning is read by the classifiers alone
    made = 3 * 2 * 2
    found = estimate(costs, pending, {})
    assert found.seconds == own + 3.0 * made
    assert (found.low, found.high) == (found.seconds / 2, found.seconds * 2)
    assert (found.measured, found.observed, found.assumes) == (0.0, 0, ("seven rows",))


def test_finished_tasks_are_trusted_before_the_table(tmp_path):
    """A method's own ratio scales its costs, that of all others the rest; the range shrinks."""
    state, _, pending = work_of(open_toy(write_study(tmp_path / "study", GRID)))
    costs = Costs(state.tables, Table())
    plain = estimate(costs, pending, {})
    slow = Observed()
    slow.add(100, 2.0, 600.0, 3600.5)
    found = estimate(costs, pending, {("flat", "tree"): slow})
    assert found.seconds == pytest.approx(3 * plain.seconds)  # the machine is three times slower
    assert 0 < found.measured < 1
    assert found.high / found.seconds < 2
    other = Observed()
    other.add(100, 1.0, 100.0, 100.5)
    both = estimate(costs, pending, {("flat", "tree"): slow, ("flat", "line"): other})
    assert both.seconds < found.seconds


def test_a_range_is_wider_the_fewer_and_the_more_unequal_the_tasks():
    """One task says within a factor of two, many equal ones within a tenth."""
    one, many, unequal = Observed(), Observed(), Observed()
    one.add(1, 1.0, 1.0, 1.0)
    many.add(50, 1.0, 50.0, 50.1)
    unequal.add(2, 1.0, 1.0, 0.5)
    unequal.add(2, 4.0, 16.0, 128.0)
    assert one.factor == 2.0
    assert many.factor == 1.1
    assert 1.1 < unequal.factor <= 2.0
    assert math.isnan(Observed().mean)


def test_a_plan_always_gives_a_time_and_says_where_it_is_from(tmp_path, begun):
    """Of a study that never ran too; finished tasks of it take the place of the guess."""
    new = open_toy(write_study(tmp_path / "new", GRID)).plan()
    assert new.time.seconds > 0
    assert new.time.observed == 0
    assert "a rough guess of the pipeline" in "\n".join(time_lines(new.time))
    plan = begun.plan()
    said = "\n".join(time_lines(plan.time))
    assert plan.time.measured == 1.0
    assert plan.time.seconds < new.time.seconds / 10
    assert "finished tasks of this study took" in said


def test_status_has_pace_methods_and_what_was_asked_for(begun):
    """Tasks, percent, rate, slowest methods, time left and the request, in lines of 80 letters."""
    report = begun.status()
    assert (report.folds, report.folds_of_study, report.combinations) == (1, 2, 12)
    assert report.share == 1.0
    assert report.rate > 0
    assert report.left is None
    assert {one.method for one in report.methods} == {"flat", "upper", "mean"}
    lines = shown.lines(report, 80)
    assert "asked for: 12 combinations x 1 of 2 folds, --folds 1" in lines
    ended = (
        f"tasks: {report.tasks} of {report.tasks} (100 %), 0 of them failed; 0 running, 0 waiting"
    )
    assert ended in lines
    assert any(line.startswith("rate: ") for line in lines)
    assert all(len(line) <= 80 for line in lines)
    assert json.dumps(shown.plain(report))


def test_running_are_the_tasks_that_run_not_those_that_workers_hold(begun):
    """Each worker that holds a unit with tasks left runs one of them."""
    with Ledger(begun.study.paths.ledger) as ledger:
        ledger.begin_run({"folds": 2}, "local", "0")
        ledger.hold("r2u1", "here/1", 9)
        ledger.hold("r2u2", "here/2", 7)
        report = open_toy(begun.study.path.parent).status()
        assert report.running == 2
        assert report.parts[State.RUNNING] == 2
        assert sum(one.tasks for one in report.held) == 16
        said = "\n".join(shown.lines(report, 80))
        assert "2 running" in said
        assert "time left: about" in said
        assert "50 %" in shown.short(report)


def test_what_sweeps_hold_waits_and_is_said(begun):
    """Whether it runs elsewhere, the backend's own command knows."""
    task = TaskSpec(1, 0, 2, "tree", {})
    with Ledger(begun.study.paths.ledger) as ledger:
        ledger.begin_run({"folds": 2}, "folder", "0")
        ledger.plan_sweep(SweepPlanned("s", ((Unit("r2u1", "", (task, task)),),)), "folder")
    report = open_toy(begun.study.path.parent).status()
    assert (report.sent, report.running) == (2, 0)
    said = "\n".join(shown.lines(report, 80))
    assert "sweeps elsewhere hold 2 tasks of those that wait" in said


def test_seconds_are_those_of_the_row_and_shared_work_is_beside_them(begun, capsys):
    """What an attempt made for others is no part of its classifier's seconds."""
    with sqlite3.connect(begun.study.paths.ledger) as db:
        db.execute("UPDATE attempt SET shares = 'k', shared_seconds = 0, seconds = 1")
        db.execute(
            "UPDATE attempt SET shared_seconds = 50, seconds = 51 "
            "WHERE id IN (SELECT MIN(attempt.id) FROM attempt JOIN context "
            "ON context.id = context WHERE classifier = 'tree' GROUP BY context)"
        )
    db.close()
    state, known, _ = work_of(open_toy(begun.study.path.parent), folds=1)
    costs = Costs(state.tables, Table())
    observed = observed_of(state, costs, known)
    assert observed["flat", "tree"].mean == pytest.approx(1.0)
    assert observed["flat", "line"].mean == pytest.approx(1.0)
    # of the two that are needed one was made, for their content is equal
    assert observed["flat", SHARED].mean == pytest.approx(25.0)
    assert shared_seconds(state, costs, known)["flat"] == pytest.approx(50.0)
    begun.study.paths.summary_csv.unlink()
    summary = open_toy(begun.study.path.parent).summary()
    groups = {(one.method, one.classifier): one for one in summary.groups}
    for classifier in ("tree", "line"):
        assert groups["flat", classifier].seconds == pytest.approx(1.0)
        assert groups["flat", classifier].shared_seconds == pytest.approx(50.0)
    print_summary(summary, "study")
    shared = "seconds that the classifiers share, made once for all of them: "
    assert f"{shared}flat 50.0" in capsys.readouterr().out
    header = begun.study.paths.summary_csv.read_text().splitlines()[0]
    assert "seconds_per_task,shared_seconds" in header


def test_the_log_of_what_is_shared_is_found_from_every_task_that_used_it(begun, capsys):
    """What training printed is a task's own; a failure without a log names the maker's."""
    with sqlite3.connect(begun.study.paths.ledger) as db:
        trees = db.execute(
            "SELECT attempt.id FROM attempt JOIN context ON context.id = context "
            "WHERE classifier = 'tree' ORDER BY attempt.id"
        ).fetchall()
        maker, user, trained = (ident for (ident,) in trees[:3])
        db.execute("UPDATE attempt SET shares = 'k', shared_seconds = 0 WHERE id = ?", (user,))
        db.execute(
            "UPDATE attempt SET shares = 'k', shared_seconds = 9, log = 'made.log' WHERE id = ?",
            (maker,),
        )
        db.execute("UPDATE attempt SET state = 'failed', kind = 'error' WHERE id = ?", (user,))
        db.execute(
            "UPDATE attempt SET shares = 'k', shared_seconds = 0, log = 'own.log' WHERE id = ?",
            (trained,),
        )
    db.close()
    study = open_toy(begun.study.path.parent)
    made, own = (begun.study.paths.logs / name for name in ("made.log", "own.log"))
    found = study.logs()
    assert [(one.log, one.shared_log, one.is_shared) for one in found] == [
        (made, None, False),
        (None, made, False),
        (own, None, False),
    ]
    (other,) = (one.combination for one in found if one.log is None)
    listed = study.logs(combination=other, classifier="tree")
    assert {(one.log, one.is_shared) for one in listed} == {(made, True), (None, False)}
    assert study.logs(fold=2) == []
    logs(begun.study.path.parent, combination=other, pipeline=TOY, as_json=False)
    out = capsys.readouterr().out
    assert out.count(str(made)) == 2
    assert "it made what the tasks that you asked for share with it" in out


def test_a_task_is_found_under_each_combination_that_it_stands_for(begun):
    """Combinations that differ in what a classifier does not read have one task of it."""
    with sqlite3.connect(begun.study.paths.ledger) as db:
        db.execute(
            "UPDATE attempt SET log = 'line.log' WHERE id = (SELECT MIN(attempt.id) FROM attempt "
            "JOIN context ON context.id = context WHERE classifier = 'line')"
        )
    db.close()
    study = open_toy(begun.study.path.parent)
    numbers = range(1, len(study.study.grid) + 1)
    found = [number for number in numbers if study.logs(combination=number)]
    assert len(found) == 2
    for number in found:
        (attempt,) = study.logs(combination=number)
        assert attempt.combination == number


def test_what_a_task_shares_is_recorded_with_its_seconds(begun):
    """Key and seconds of the attempt, of a failed one too; a long key by its beginning."""
    task = TaskSpec(1, 0, 2, "tree", {})
    attempt = Attempt("u", 1, "here", 1.0, 5.0, shared_seconds=4.0)
    result = TaskResult(rows=[{}], shares="0123456789abcdef and more")
    failed = TaskFailed(task, attempt, Kind.ERROR, "no", shares="another")
    with Ledger(begun.study.paths.ledger) as ledger:
        ledger.record(TaskDone(task, attempt, result))
        ledger.record(failed)
        ledger.commit()
        rows = ledger.db.execute(
            "SELECT shares, shared_seconds FROM attempt ORDER BY id DESC LIMIT 2"
        ).fetchall()
    assert rows == [("another", 4.0), ("0123456789abcdef", 4.0)]


def test_a_clock_tells_shared_stages_from_a_classifier_s_own():
    """Seconds run from a stage's start to the next, and to the task's end."""
    clock = StageClock(PIPELINE.stages)
    clock.begin()
    assert clock.shared_seconds() == 0
    clock.at_stage("smooth")
    time.sleep(0.02)
    clock.at_stage("train")
    shared = clock.shared_seconds()
    time.sleep(0.02)
    assert clock.shared_seconds() == shared >= 0.02
    clock.begin()
    assert clock.shared_seconds() == 0


def test_watching_ends_with_the_run(begun):
    """Of a study that nothing works on, one look is all."""
    out = io.StringIO()
    with redirect_stdout(out):
        status(begun.study.path.parent, watch=True, pipeline=TOY, as_json=False)
    assert "(100 %), 0 of them failed" in out.getvalue()


def test_the_pilot_has_the_cheapest_dearest_and_most_fragile_of_each_method(tmp_path):
    """One combination may be more than one of these; what nothing is run of is none."""
    state = open_toy(write_study(tmp_path / "study", SHARES)).state()
    cells = pilot_cells(state.tables, Table())
    chosen = [
        (cell.method, cell.why, values["row_share"], values["constant_check"])
        for cell in cells
        for values in [state.study.grid.combination(cell.index)]
    ]
    assert chosen[:3] == [
        ("flat", ("cheapest",), 0.33, "on"),
        ("flat", ("dearest",), 1.0, "on"),
        ("flat", ("most fragile",), 0.33, "off"),
    ]
    assert [cell.method for cell in cells] == ["flat"] * 3 + ["upper"] * 3 + ["mean"] * 3


def test_nothing_of_the_pilot_is_computed_twice(tmp_path, monkeypatch, capsys):
    """It goes through the ordinary run; the plan that follows knows what its tasks took."""
    directory = write_study(tmp_path / "study", SHARES)
    monkeypatch.setattr(_pilot, "run_here", in_this_process)
    before = open_toy(directory).plan()
    assert open_toy(directory).pilot().request["folds"] == 1
    plan_command.plan(directory, pilot=True, pipeline=TOY)
    shown = capsys.readouterr()
    after = open_toy(directory).plan()
    assert "pilot: 6 combinations on fold 1" in shown.err
    assert after.done > 0
    assert after.pending == before.pending - after.done
    assert after.time.measured == 1.0
    assert f"{after.done} done" in shown.out
    plan_command.plan(directory, pilot=True, pipeline=TOY)
    assert open_toy(directory).plan().done == after.done


def in_this_process(opened, *, in_process, quiet, go_on, workers, **request):
    """A run without Ray; a pilot asks for one."""
    assert (in_process, workers) == (False, None)
    del quiet, go_on
    return opened.run(backend="inprocess", **request)


def test_a_pipeline_may_have_no_table(tmp_path, monkeypatch):
    """Then the plan begins with its guess; with one it says what that assumes."""
    study = open_toy(write_study(tmp_path / "study", GRID))
    monkeypatch.setattr(ToyPipeline, "cost_model", lambda *_: Table(), raising=False)
    found = study.plan().time
    assert found.is_table
    assert "  assumed: seven rows" in time_lines(found)
