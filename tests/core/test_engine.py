"""A study from plan to table, with the toy pipeline in this process."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import stat
from collections import Counter
from pathlib import Path

import pytest
from toystudies import SMALL_GRID, TOY, open_toy, write_study

from gridrun.errors import EnvironmentFault, InputError, UserError
from gridrun.plan.units import UnitLost, UnitStarted, WorkerReady
from gridrun.run.backend import Capabilities
from gridrun.testing import toy


def rows_of(study) -> list[dict[str, str]]:
    with study.study.paths.results_csv.open(newline="") as handle:
        return list(csv.DictReader(handle))


def starts(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


class Refuses:
    """A backend that must not be made."""

    def __getattr__(self, name):
        raise AssertionError("nothing was left to run, yet a backend was used")


def test_every_part_stands_in_the_table_in_order(toy_study):
    """Combination (last parameter fastest), classifier, fold; failed and skipped parts too."""
    study = toy_study()
    report = study.run(backend="inprocess")
    rows = rows_of(study)
    grid = study.study.grid
    expected = [
        (str(index + 1), classifier, str(fold))
        for index in range(len(grid))
        for classifier in ("tree", "line")
        for fold in (1, 2)
    ]
    assert [(r["combination"], r["classifier"], r["fold"]) for r in rows] == expected
    for row in rows:
        values = {k: str(v) for k, v in grid.combination(int(row["combination"]) - 1).items()}
        assert {name: row[name] for name in values} == values
        assert row["method"] == row["smoothing"]
        impossible = row["tuning"] == "drawn" and row["classifier"] == "tree"
        unasked = row["coding"] == "levels" and row["classifier"] == "line"
        state = "failed" if impossible else "skipped" if unasked else "done"
        assert row["state"] == state
        assert (row["skill"] == "NA" and row["reason"] != "") == (state != "done")
    states = Counter(row["state"] for row in rows)
    assert report.state == "failed"
    assert report.exit_code == 1
    summary = report.summary
    assert (summary.done, summary.failed, summary.skipped) == (
        states["done"],
        states["failed"],
        states["skipped"],
    )


def test_columns_of_the_table(toy_study):
    """Parameters, protocol, part, the pipeline's columns, state; rows only when asked for."""
    study = toy_study()
    study.run(backend="inprocess")
    metrics = "test_table hits misses verdict skill loss balance fit_seconds use_seconds"
    expected = [*SMALL_GRID, "protocol", "classifier", "fold", "method", *metrics.split()]
    expected += ["state", "reason", "combination", "shared_with"]
    header = study.study.paths.results_csv.read_text().splitlines()[0].split(",")
    assert header == expected
    study.run(backend="inprocess", rows=5)
    with_rows = rows_of(study)
    assert list(with_rows[0]) == [*expected, "rows"]
    assert {row["rows"] for row in with_rows} == {"5"}


def test_the_order_of_keys_in_the_file_does_not_matter(tmp_path):
    """The pipeline's parameter order decides, whatever order the grid file has."""
    texts = []
    for name, grid in (("a", SMALL_GRID), ("b", dict(reversed(SMALL_GRID.items())))):
        study = open_toy(write_study(tmp_path / name, grid))
        study.run(backend="inprocess")
        texts.append(study.study.paths.results_csv.read_bytes())
    assert texts[0] == texts[1]


def test_numbers_are_written_so_that_they_come_back(toy_study):
    """Decimals give the same double back; NA and NaN stay apart, in CSV and Parquet."""
    study = toy_study()
    study.run(backend="inprocess")
    frame = study.results()
    rows = rows_of(study)
    assert len(frame) == len(rows)
    for column in ("skill", "loss", "balance"):
        for text, value in zip([r[column] for r in rows], frame[column].tolist(), strict=True):
            if text in ("NA", "NaN"):
                assert value != value  # noqa: PLR0124 - only NaN does
            else:
                assert float(text) == value
                assert repr(value) == text


def test_nothing_is_done_twice(toy_study, tmp_path):
    """A finished study needs no backend, and its tables are left as they are."""
    log = tmp_path / "starts.log"
    study = toy_study(start_log=str(log))
    study.run(backend="inprocess")
    first = starts(log)
    before = study.study.paths.results_csv.stat()
    report = study.run(backend=Refuses())
    assert (report.tally.done, report.tally.before, starts(log)) == (0, first, first)
    after = study.study.paths.results_csv.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_tasks_that_differ_in_nothing_they_read_run_once(toy_study, tmp_path):
    """Logistic regression does not read the search type: one task for both values."""
    log = tmp_path / "starts.log"
    study = toy_study(start_log=str(log))
    study.run(backend="inprocess")
    runs = Counter(line.split()[-1] for line in log.read_text().splitlines())
    # 48 combinations x 2 folds: tree without drawn tuning, line only under columns, tuning shared
    assert runs == {"tree": 48, "line": 24}
    shared = [r for r in rows_of(study) if r["shared_with"]]
    assert {r["classifier"] for r in shared} == {"line"}
    for row in shared:
        owner = study.study.grid.combination(int(row["shared_with"]) - 1)
        assert owner["tuning"] == "fixed"
        assert row["tuning"] == "drawn"


def test_shared_with_does_not_depend_on_who_ran_first(tmp_path):
    """Content decides whom a part shares with, not the order of runs."""
    inert = {"inert": ["constant_check"]}
    forward = open_toy(write_study(tmp_path / "a", SMALL_GRID), **inert)
    forward.run(backend="inprocess")
    backward = open_toy(write_study(tmp_path / "b", SMALL_GRID), **inert)
    backward.run(backend="inprocess", only=["constant_check=off"])
    report = backward.run(backend="inprocess")
    assert report.tally.before > 0
    assert (
        forward.study.paths.results_csv.read_bytes()
        == backward.study.paths.results_csv.read_bytes()
    )
    rf = [r for r in rows_of(forward) if r["classifier"] == "tree" and r["state"] == "done"]
    assert all((r["shared_with"] != "") == (r["constant_check"] == "off") for r in rf)


def test_a_grid_that_grows_keeps_what_is_done(tmp_path):
    """More values and folds only add tasks."""
    log = tmp_path / "starts.log"
    grid = {**SMALL_GRID, "smoothing": ["mean"]}
    directory = write_study(tmp_path / "study", grid)
    open_toy(directory, start_log=str(log)).run(backend="inprocess")
    first = starts(log)
    write_study(directory, {**SMALL_GRID, "smoothing": ["flat", "mean"]}, folds=3)
    study = open_toy(directory, start_log=str(log))
    report = study.run(backend="inprocess")
    assert report.tally.before == first
    assert starts(log) == report.tally.total
    fresh = open_toy(
        write_study(tmp_path / "fresh", {**SMALL_GRID, "smoothing": ["flat", "mean"]}, folds=3)
    )
    fresh.run(backend="inprocess")
    assert rows_of(fresh) == rows_of(study)


def test_a_failed_task_is_one_row_and_stays_failed_until_asked(toy_study, tmp_path):
    """Failures are recorded with their message, left alone, and run again on request."""
    bad = {"smoothing=upper,classifier=line,fold=2": "error"}
    study = toy_study(misbehave=bad)
    report = study.run(backend="inprocess")
    broken = [r for r in rows_of(study) if r["reason"].startswith("error:")]
    assert {(r["smoothing"], r["classifier"], r["fold"]) for r in broken} == {
        ("upper", "line", "2")
    }
    assert all("the toy fails at" in r["reason"] and r["skill"] == "NA" for r in broken)
    assert report.tally.failed > 0
    healed = toy_study()
    assert healed.run(backend=Refuses()).tally.done == 0
    again = healed.run(backend="inprocess", retry_failed=True)
    assert again.tally.done == report.tally.failed
    assert not [r for r in rows_of(healed) if r["reason"].startswith("error:")]


def test_failed_tasks_of_one_kind_are_run_again(toy_study):
    """Others stay failed; an unknown kind is refused with the known ones before anything runs."""
    bad = {"smoothing=upper,classifier=line,fold=2": "error"}
    failed = toy_study(misbehave=bad).run(backend="inprocess").tally.failed
    healed = toy_study()
    assert healed.run(backend=Refuses(), retry=["timeout,crash", "memory"]).tally.done == 0
    assert healed.plan(retry="error").pending == failed
    with pytest.raises(UserError, match=r"--retry errors: .*\n.*did you mean .error"):
        healed.run(backend="inprocess", retry="errors")
    assert healed.run(backend="inprocess", retry="error").tally.done == failed


def test_a_run_ends_early_after_as_many_failures_as_it_may_have(toy_study):
    """What was running ends, nothing else starts, and it is said; another run goes on."""
    bad = {"smoothing=upper": "error"}
    report = toy_study(misbehave=bad).run(backend="inprocess", max_failures=3)
    assert report.tally.failed == 3
    assert report.summary.waiting > 0
    assert (report.state, report.exit_code) == ("failed", 1)
    assert any("3 tasks of this run failed, as many as" in str(note) for note in report.notes)
    assert toy_study().run(backend="inprocess").summary.waiting == 0


@pytest.mark.parametrize("most", [0, -3])
def test_a_run_needs_room_for_one_failure(most, toy_study):
    """None at all would be no limit, for the first one is not as many as that."""
    with pytest.raises(UserError, match=f"--max-failures {most}: no run could begin"):
        toy_study().run(backend="inprocess", max_failures=most)


def test_a_failed_task_keeps_its_log(toy_study):
    """The log names what was printed; `logs` leads to it and to the combination."""
    study = toy_study(misbehave={"smoothing=upper,classifier=line,fold=2": "error"})
    study.run(backend="inprocess")
    attempts = study.logs()
    assert attempts
    for attempt in attempts:
        values = study.study.grid.combination(attempt.combination - 1)
        assert (values["smoothing"], attempt.classifier, attempt.fold) == ("upper", "line", 2)
        assert attempt.kind == "error"


def test_a_block_that_cannot_be_made_fails_its_tasks_only(toy_study):
    """Other blocks run; the failed ones stand in the table with the reason."""
    study = toy_study(refuse_blocks=["origin=first,coding=columns"])
    study.run(backend="inprocess")
    for row in rows_of(study):
        refused = row["origin"] == "first" and row["coding"] == "columns"
        known = row["state"] == "skipped" or row["reason"].startswith("upstream-defect")
        if not known:
            assert (row["state"] == "failed") == refused
            assert ("the toy refuses the block" in row["reason"]) == refused


def test_inputs_at_fault_leave_nothing_behind(toy_study):
    """A missing input is refused before anything is written."""
    study = toy_study()
    Path(study.study.inputs["table"]).unlink()
    with pytest.raises(InputError, match="no such file"):
        study.run(backend=Refuses())
    assert sorted(p.name for p in study.study.directory.iterdir()) == [
        "b.txt",
        "study.yaml",
    ]


def test_changed_inputs_run_again_and_plan_says_why(toy_study):
    """Content counts, not the time stamp."""
    study = toy_study()
    study.run(backend="inprocess")
    table = Path(study.study.inputs["table"])
    table.write_text(table.read_text())
    assert study.plan().pending == 0
    table.write_text("other content")
    plan = study.plan()
    assert plan.pending == plan.tasks
    assert {reason.text for reason in plan.why} == {"changed since: input table"}


def test_results_of_changed_inputs_leave_the_tables_alone(toy_study):
    """A finished table is not written over with waiting rows."""
    study = toy_study()
    study.run(backend="inprocess")
    before = study.study.paths.results_csv.read_bytes()
    Path(study.study.inputs["table"]).write_text("other content")
    with pytest.raises(UserError, match="changed since the last run: input table"):
        study.results()
    assert study.study.paths.results_csv.read_bytes() == before
    assert study.status().changes == ("input table",)


def test_changed_code_runs_again_only_what_it_concerns(tmp_path, monkeypatch):
    """Another version of the code is another context; plan names the stages."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    study = open_toy(directory)
    study.run(backend="inprocess")
    changed = toy.toy_pipeline(code_version="2")
    plain = changed.code_digests

    def digests(classifier, values):
        old = toy.PIPELINE.code_digests(classifier, values)
        return {**old, "train": plain(classifier, values)["train"]} if classifier == "tree" else old

    monkeypatch.setattr(study, "_pipeline", changed)
    monkeypatch.setattr(changed, "code_digests", digests)
    (reason,) = study.plan().why
    assert (reason.classifier, reason.text) == ("tree", "changed since: code train")
    assert study.plan().pending == reason.tasks == 48


def test_other_versions_are_refused_unless_mixing_is_asked_for(toy_study, monkeypatch):
    """A worker with other versions than the study's does not slip in."""
    study = toy_study()
    study.run(backend="inprocess", only=["smoothing=flat"])
    monkeypatch.setattr(
        "gridrun.testing._toy_runner.ToyRunner.environment",
        lambda self: {"toy": "2", "python": "9"},
    )
    with pytest.raises(EnvironmentFault, match=r"toy: 1 -> 2.*\n.*--mix-environments"):
        study.run(backend="inprocess")
    report = study.run(backend="inprocess", mix_environments=True)
    assert report.tally.done > 0


def test_a_grid_that_grew_may_need_more_of_a_worker(toy_study, monkeypatch):
    """What only some values need may be there or not; another version of it is refused."""
    study = toy_study()
    monkeypatch.setattr(
        "gridrun.testing.toy.ToyPipeline.needs", lambda self, values: ("lens",), raising=False
    )

    def run(smoothing, **more):
        monkeypatch.setattr(
            "gridrun.testing._toy_runner.ToyRunner.environment",
            lambda self: {"toy": "1", **more},
        )
        return study.run(backend="inprocess", only=[f"smoothing={smoothing}"]).tally.done

    assert run("flat") > 0
    assert run("upper", lens="3") > 0
    with pytest.raises(EnvironmentFault, match="lens: 3 -> 4"):
        run("mean", lens="4")
    with pytest.raises(EnvironmentFault, match="other: none -> 1"):
        run("mean", lens="3", other="1")
    assert run("mean") > 0


def test_a_sample_is_drawn_in_whole_blocks_and_kept(toy_study):
    """Every smoothing on the same rows; a larger sample contains the smaller one."""
    study = toy_study()
    study.run(backend="inprocess", sample=6)
    first = {r["combination"] for r in rows_of(study)}
    chosen = [study.study.grid.combination(int(number) - 1) for number in first]
    rest = Counter(tuple(v for k, v in c.items() if k != "smoothing") for c in chosen)
    assert set(rest.values()) == {3}
    assert len(first) == 6
    study.run(backend="inprocess", sample=12)
    assert first < {r["combination"] for r in rows_of(study)}


def test_results_and_status_speak_of_the_last_run(toy_study):
    """Without options, tables and counts are about what was run last."""
    study = toy_study()
    study.run(backend="inprocess", only=["smoothing=flat"], folds=1)
    frame = study.results()
    assert set(frame["smoothing"]) == {"flat"}
    assert set(frame["fold"]) == {1}
    status = study.status()
    assert status.combinations == 16
    assert sum(status.parts.values()) == len(frame)
    assert status.last_run["state"] == "done"


class Losing:
    """Loses every unit, or the first few of them, then hands over to the real one."""

    capabilities = Capabilities(isolates=True)

    def __init__(self, inner, losses):
        self.inner, self.losses = inner, losses

    def open(self, job, read_artifact):
        self.inner.open(job, read_artifact)

    def run(self, next_unit):
        while self.losses and (unit := next_unit()) is not None:
            self.losses -= 1
            yield UnitStarted(unit.id, "w")
            yield UnitLost(unit.id, "node gone")
        yield from self.inner.run(next_unit)

    def stop(self):
        self.inner.stop()

    def close(self):
        self.inner.close()


def test_lost_units_run_again_and_are_not_counted(toy_study):
    """A lost worker costs nothing but time."""
    from gridrun.run.backend import load_backend

    calm = toy_study(name="calm")
    calm.run(backend="inprocess")
    study = toy_study()
    report = study.run(backend=Losing(load_backend("inprocess"), 3))
    assert rows_of(study) == rows_of(calm)
    assert report.tally.done == report.tally.total
    assert any("node gone" in str(note) for note in report.notes)


class Late(Losing):
    """Gives the first worker up after one outcome; its others come when all has run elsewhere."""

    def run(self, next_unit):
        unit = next_unit()
        first = iter([unit])
        started, *outcomes, finished = self.inner.run(lambda: next(first, None))
        outcomes = [event for event in outcomes if not isinstance(event, WorkerReady)]
        yield started
        yield outcomes[0]
        yield outcomes[0]
        yield UnitLost(unit.id, "not heard of")
        yield from self.inner.run(next_unit)
        yield from outcomes
        yield finished


def test_late_events_of_a_worker_that_was_given_up_count_once(toy_study):
    """What it says after all is neither counted nor recorded, done or failed."""
    from gridrun.run.backend import load_backend

    def attempts(study):
        with sqlite3.connect(study.study.paths.ledger) as db:
            found = db.execute("SELECT kind, count(*) FROM attempt GROUP BY kind").fetchall()
        db.close()
        return dict(found)

    trouble = {"misbehave": {"smoothing=flat": "error"}}
    calm = toy_study(name="calm", **trouble)
    expected = calm.run(backend="inprocess").tally
    study = toy_study(**trouble)
    tally = study.run(backend=Late(load_backend("inprocess"), 1)).tally
    assert (tally.done, tally.failed) == (expected.done, expected.failed)
    assert set(attempts(calm)) == {"", "error"}
    assert attempts(study) == attempts(calm)
    assert rows_of(study) == rows_of(calm)


def test_workers_that_keep_vanishing_end_the_run(toy_study):
    """Five losses without an outcome between are a fault of the machine, said as such."""
    from gridrun.run.backend import load_backend

    with pytest.raises(EnvironmentFault, match="5 workers were lost one after another"):
        toy_study().run(backend=Losing(load_backend("inprocess"), 100))


class Prepared(Losing):
    """Notes what is asked of it; ``prepare`` is what a backend may offer."""

    def __init__(self, inner):
        super().__init__(inner, 0)
        self.asked = []

    def prepare(self):
        self.asked.append("prepare")

    def open(self, job, read_artifact):
        self.asked.append("open")
        super().open(job, read_artifact)

    def close(self):
        self.asked.append("close")
        super().close()


def test_a_backend_is_prepared_where_it_is_needed_and_closed_whatever_comes(toy_study, monkeypatch):
    """Before the study is looked at if nothing was run yet, never if all is done."""
    from gridrun.run._engine import Engine
    from gridrun.run.backend import load_backend

    study = toy_study()
    backend = Prepared(load_backend("inprocess"))
    with monkeypatch.context() as broken:
        broken.setattr(Engine, "_pending", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            study.run(backend=backend)
    assert backend.asked == ["prepare", "close"]
    backend = Prepared(load_backend("inprocess"))
    study.run(backend=backend)
    assert backend.asked[:3] == ["prepare", "open", "close"]
    backend = Prepared(load_backend("inprocess"))
    study.run(backend=backend)
    assert backend.asked == []


def test_a_stopped_run_says_so_and_goes_on_later(toy_study):
    """stop() ends after the current task; the rest is waiting, then done."""
    study = toy_study(sleep_ms=2)
    engine = study.engine("inprocess", progress=StopAt(5))
    engine._progress.engine = engine
    report = engine.run()
    assert (report.state, report.exit_code) == ("interrupted", 130)
    assert 5 <= report.tally.done < report.tally.total
    states = Counter(row["state"] for row in rows_of(study))
    assert states["waiting"] > 0
    assert study.status().last_run["state"] == "interrupted"
    study.run(backend="inprocess")
    assert Counter(row["state"] for row in rows_of(study))["waiting"] == 0


class StopAt:
    """Stops its engine when so many tasks are done."""

    def __init__(self, tasks):
        self.tasks, self.engine = tasks, None

    def phase(self, text):
        pass

    def note(self, fault):
        pass

    def failure(self, event, log):
        pass

    def update(self, tally):
        if tally.done == self.tasks:
            self.engine.stop()


def test_a_study_in_use_is_refused(toy_study):
    """A second engine is told who works on the study."""
    from gridrun.store.ledger import Ledger, _lease

    study = toy_study()
    with Ledger(study.study.paths.ledger) as ledger:
        ledger._write(
            lambda: ledger.db.execute("UPDATE lease SET pid = 1, born = ?", (_lease._born(1),))
        )
        with pytest.raises(UserError, match="another run works on this study: process 1 on"):
            study.run(backend="inprocess")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o755), (0o002, 0o775), (0o077, 0o700)])
def test_what_is_needed_to_go_on_is_the_users_alone(toy_study, umask, mode):
    """Nobody else may read or change ledger, cache and logs; results follow the umask."""
    before = os.umask(umask)
    try:
        study = toy_study(misbehave={"smoothing=upper,classifier=line,fold=2": "error"})
        study.run(backend="inprocess")
    finally:
        os.umask(before)
    paths = study.study.paths
    assert stat.S_IMODE(paths.state.stat().st_mode) == 0o700
    modes = {each: stat.S_IMODE(each.stat().st_mode) for each in paths.state.rglob("*")}
    assert {paths.ledger, paths.results_lock, paths.results_stamp} < set(modes)
    assert {each: mode for each, mode in modes.items() if mode & 0o077} == {}
    assert stat.S_IMODE(paths.results.stat().st_mode) == mode
    assert stat.S_IMODE(paths.results_csv.stat().st_mode) == mode & 0o666


def test_plan_counts_the_published_grid(tmp_path):
    """The full grid: 1 / 12 / 72 / 5,184 x F / 36,288 x F, and the train tasks of the design."""
    grid = {p.name: list(p.values) for p in toy.PARAMETERS}
    directory = write_study(tmp_path / "study", grid, folds=10)
    plan = open_toy(directory).plan()
    counts = {count.stage: count.tasks for count in plan.stages}
    assert plan.combinations == 72_576
    assert counts == {
        "read": 1,
        "filter": 12,
        "preprocess": 72,
        "fold": 72,
        "prepare": 5_184,
        "smooth": 36_288,
        "train": 90_720,
    }
    assert plan.impossible == 36_288 * 10
    write_study(directory, grid, folds=10, classifiers="[tree, line]")
    assert json.loads(json.dumps(plan.impossible_reasons)) == {
        "the toy's drawn tuning stops": 36_288
    }
    assert toy.PIPELINE.name == TOY


def test_one_directory_holds_one_study(toy_study):
    """A second study file beside the first is told whose ledger that is."""
    study = toy_study()
    study.run(backend="inprocess")
    text = study.study.path.read_text()
    other = study.study.directory / "other.yaml"
    other.write_text(text)
    with pytest.raises(UserError, match=r"other\.yaml: .*those of study\.yaml"):
        open_toy(other).plan()
