"""Every part of every key, stamp and digest of the core: changed alone, it makes another.

What the parts are is gathered from the code, so a new one without a case fails here.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from keyparts import differing, parts_of
from toystudies import SMALL_GRID, TOY, open_toy, write_study

import gridrun.study._input_digests
from gridrun.errors import InputError, UserError
from gridrun.pipeline import Column, Settings
from gridrun.pipeline.caveats import Caveat
from gridrun.plan.limits import Limit, Limits
from gridrun.plan.run_options import RunOptions
from gridrun.plan.units import Job
from gridrun.report.tables import _current
from gridrun.shard.remote_inputs._order import ReadingOrder
from gridrun.store.beginnings import input_stamp
from gridrun.store.ledger import Ledger, LedgerView, _schema
from gridrun.study.state import StudyState
from gridrun.testing import toy

# --- input stamps -----------------------------------------------------------


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "input"
    path.write_text("content")
    os.utime(path, ns=(1, 2))
    return path


def test_a_stamp_is_of_place_size_times_and_number_of_the_file(file):
    """What the stamp is made of, so that nothing of it is left out below."""
    stat = file.stat()
    parts = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    assert input_stamp(file).split(" ") == [str(file), *map(str, parts)]


def test_each_part_of_an_input_s_stamp_changes_it(file, monkeypatch, tmp_path):
    """Size, time of the content, time of any change, number of the file, place."""

    class Stat:
        st_size, st_mtime_ns, st_ctime_ns, st_ino = 1, 2, 3, 4

    monkeypatch.setattr(Path, "stat", lambda self, **_: Stat)
    monkeypatch.setattr(Path, "resolve", lambda self, **_: self)
    base = input_stamp(file)
    for name in ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino"):
        with monkeypatch.context() as patch:
            patch.setattr(Stat, name, 99)
            assert input_stamp(file) != base
    assert input_stamp(tmp_path / "other") != base


def test_a_change_that_keeps_size_and_time_is_seen(toy_study):
    """Whoever writes into an input may set its time back; the content counts all the same."""
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    table = Path(study.study.inputs["table"])
    stat = table.stat()
    table.write_text(table.read_text()[::-1])
    os.utime(table, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = table.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        stat.st_size,
        stat.st_mtime_ns,
        stat.st_ino,
    )
    assert study.state().input_digests["table"] == hashlib.sha256(table.read_bytes()).hexdigest()


def test_a_change_of_time_alone_is_seen_without_the_size(toy_study):
    """A file written in place with content of the same size, as most editors leave it."""
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    table = Path(study.study.inputs["table"])
    table.write_text(table.read_text()[::-1])
    assert study.plan(combinations="1").pending > 0


def test_inputs_are_read_for_their_digest_once(toy_study, monkeypatch):
    """On the first run each, afterwards none as long as the ledger knows the file."""
    read = _noting_digests(monkeypatch)
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    assert sorted(read) == ["a.txt", "b.txt"]
    study.run(backend="inprocess", combinations="1-2")
    study.summary()
    study.status()
    assert len(read) == len(study.study.inputs)


def _noting_digests(monkeypatch) -> list[str]:
    """Names of the files whose digest is taken from now on."""
    read: list[str] = []
    plain = gridrun.study._input_digests.digest_of_input
    monkeypatch.setattr(
        gridrun.study._input_digests,
        "digest_of_input",
        lambda path, opened: (read.append(path.name), plain(path, opened))[1],
    )
    return read


def test_a_first_plan_reads_no_input_for_its_digest(toy_study, monkeypatch):
    """Where there is no ledger there is nothing to look up; and nothing is written."""
    read = _noting_digests(monkeypatch)
    study = toy_study()
    assert study.plan(combinations="1").pending > 0
    assert not read
    assert not study.study.paths.state.exists()


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"a": 1}', "\0"])
def test_an_input_that_was_touched_is_read_once(toy_study, monkeypatch, damaged):
    """Also where nothing is to be run, and whatever became of the file that knows the digests."""
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    read = _noting_digests(monkeypatch)
    study.study.paths.input_digests.write_text(damaged)
    os.utime(study.study.inputs["table"], ns=(1, 2))
    assert study.plan(combinations="1").pending == 0
    study.run(backend="inprocess", combinations="1")
    study.plan(combinations="1")
    study.state().reading_settings  # noqa: B018  # as `describe` asks for them
    assert len(read) == 1


def test_the_pipeline_is_given_the_digests(toy_study, monkeypatch):
    """So that it need not read the inputs for them once more."""
    given = []
    plain = toy.ToyPipeline.open_source

    def opened(self, settings, *rest):
        given.append(dict(settings.input_digests))
        return plain(self, settings, *rest)

    monkeypatch.setattr(toy.ToyPipeline, "open_source", opened)
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    assert given == [study.state().input_digests]


def test_an_input_that_changes_while_it_is_read_stops_the_run(toy_study, monkeypatch):
    """Its digest would be another one's; nothing is recorded."""
    study = toy_study()
    table = Path(study.study.inputs["table"])
    plain = toy.ToyPipeline.open_source

    def opened(self, *args):
        table.write_text("more of it")
        return plain(self, *args)

    monkeypatch.setattr(toy.ToyPipeline, "open_source", opened)
    with pytest.raises(InputError, match="changed while it was being read") as stopped:
        study.run(backend="inprocess", combinations="1")
    assert "run the same command again" in str(stopped.value)
    assert not study.study.paths.ledger.exists()


# --- the tables' stamp ------------------------------------------------------


def test_every_part_of_the_tables_stamp_changes_it(tmp_path, monkeypatch):
    """Code, ledger, tasks, grid, selection, folds, classifiers, columns, caveats, protocol."""
    study = open_toy(write_study(tmp_path / "study", SMALL_GRID))
    study.run(backend="inprocess", combinations="1-2")

    def stamp(state: StudyState | None = None, view: LedgerView | None = None, **request):
        state = state or study.state(**{"combinations": "1-2", **request})
        return _current._stamp(state, view or state.view)

    def with_(cls, name, value):
        with monkeypatch.context() as patch:
            patch.setattr(cls, name, value)
            return stamp()

    def of_study(**changes):
        return stamp(
            StudyState(
                replace(study.study, **changes),
                study._pipeline,
                RunOptions.asked(combinations="1-2"),
                TOY,
            )
        )

    class Later:
        def version(self) -> int:
            return -1

    pipeline = type(study._pipeline)
    base = stamp()
    column = Column("other", "text")
    cases = {
        "code": with_(_current, "python_code", lambda *_: "other"),
        "ledger": stamp(view=Later()),
        "contexts": stamp(rows=5),
        "selection": stamp(combinations="1,3"),
        "folds": stamp(folds=1),
        "protocol": with_(pipeline, "protocol_label", lambda *_: "other"),
        "columns": with_(pipeline, "prediction_columns", lambda *_: (column,)),
        "comparison": with_(study._pipeline, "reference_method", "other"),
        "caveats": with_(StudyState, "caveats", (Caveat("doubt", "yes", {}, "why", "what"),)),
        "summary": with_(study._pipeline, "summary_parameters", ("other",)),
        "classifiers": of_study(classifiers=tuple(reversed(study.study.classifiers))),
    }
    grid = study.study.grid
    values = tuple(
        (*reversed(v),) if name == "smoothing" else v
        for name, v in zip(grid.names, grid.values, strict=True)
    )
    cases["grid"] = of_study(grid=replace(grid, values=values))
    assert set(cases) == parts_of(_current._stamp) == set(base)
    for name, other in cases.items():
        found = differing(base, other)
        # rows and caveats have columns in the table; contexts come in the classifiers' order
        more = {"contexts": {"columns"}, "caveats": {"columns"}}
        more |= {"classifiers": {"contexts"}, "grid": {"contexts"}}
        more |= {"summary": {"comparison"}}  # comparisons have a column for each of its parameters
        more = more.get(name, set())
        assert found - more == {name}
        assert _current.digest_of(base) != _current.digest_of(other)


def test_fewer_folds_are_another_table(toy_study):
    """Asked for one fold of two, the table that has both is not shown."""
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    assert set(study.results(combinations="1")["fold"]) == {1, 2}
    assert set(study.results(combinations="1", folds=1)["fold"]) == {1}
    assert set(study.results(combinations="1")["fold"]) == {1, 2}


def test_changed_code_of_the_tables_writes_them_anew(toy_study, monkeypatch):
    """A corrected column does not stay as it was because nothing has run since."""
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    before = study.study.paths.results_csv.stat().st_mtime_ns
    study.summary(combinations="1")
    assert study.study.paths.results_csv.stat().st_mtime_ns == before
    monkeypatch.setattr(_current, "python_code", lambda *_: "other")
    study.summary(combinations="1")
    assert study.study.paths.results_csv.stat().st_mtime_ns != before


# --- samples and orders -----------------------------------------------------


def test_each_part_of_a_sample_s_name_changes_it(toy_study):
    """Blocks or combinations, seed, selection and list; the number that is drawn has none."""
    study = toy_study()

    def name(seed: int = 1, **request) -> str:
        own = replace(study.study, seed=seed)
        asked = RunOptions.asked(**{"sample": 6, **request})
        return StudyState(own, study._pipeline, asked, TOY).sample_name

    names = [
        name(),
        name(blocks=False),
        name(seed=2),
        name(only=["smoothing=flat"]),
        name(combinations="1-9"),
    ]
    assert len(set(names)) == len(names)
    assert name(sample=7) == name()
    two = ["smoothing=flat", "origin=first"]
    assert name(only=two) == name(only=two[::-1]) != name(only=two[:1])


ORDER = ReadingOrder(
    Job(TOY, Settings({"table": "/here"}, "plain", 1, 5, {"a": 1}), Limits(Limit(10.0))),
    {"origin": ("first",)},
    ({"origin": "first"},),
    {"table": "there"},
    {"read": "digest"},
)


def test_every_part_of_a_reading_order_changes_its_digest(monkeypatch):
    """All that is asked; not how long a task may take, nor where the inputs are here."""
    job, settings = ORDER.job, ORDER.job.settings
    others = {
        "values": {"values": {"origin": ("every",)}},
        "blocks": {"blocks": ({"origin": "every"},)},
        "places": {"places": {"table": "elsewhere"}},
        "code": {"code": {"read": "other"}},
    }
    of_settings = {"protocol": "corrected", "seed": 2, "rows": 6, "options": {"a": 2}}
    jobs = {
        name: replace(job, settings=replace(settings, **{name: v}))
        for name, v in of_settings.items()
    }
    jobs["pipeline"] = replace(job, pipeline="other:OTHER")
    digests = [replace(ORDER, **change).digest for change in others.values()]
    digests += [replace(ORDER, job=other).digest for other in jobs.values()]
    assert len({ORDER.digest, *digests}) == len(digests) + 1
    assert {*others, "job"} == {field.name for field in fields(ReadingOrder)}
    assert {*others, "job", "gridrun_reading"} == set(ORDER.data())
    assert {*jobs, "limits"} == set(ORDER.data()["job"])
    limited = replace(job, limits=Limits(Limit(11.0)))
    here = replace(job, settings=replace(settings, inputs={"table": "/other"}))
    assert ORDER.digest == replace(ORDER, job=limited).digest == replace(ORDER, job=here).digest
    monkeypatch.setattr("gridrun.shard.remote_inputs._order.FORMAT", 99)
    assert ORDER.digest not in digests
    assert ORDER.data()["gridrun_reading"] == 99


# --- the ledger's form ------------------------------------------------------

FORMS = {
    2: "02eca2e852293040c5d23a6590476cd35be3e87e8f839a914bc406e7132331ad",
    3: "b74de2e3c09809e1771ad64c4ebb05e7d674b022ef2cdcebab5c25a2778b809c",
    4: "2ce4d981edeb6e39e83922faf500b25cdaa911e893019e10a2f3acfdb17ecc00",
    5: "4214fc837e08d1b451dc7ff140089fb020441563b6622a55ab1a097c8da46648",
}
"""Version of the schema to a digest of its text; a new form gets a new version."""


def test_a_changed_schema_has_a_new_version():
    """Whoever changes a table gives the schema another number, and adds it here."""
    without_comments = re.sub(r"--[^\n]*", "", _schema.SCHEMA)
    text = " ".join(without_comments.split())
    found = hashlib.sha256(text.encode()).hexdigest()
    assert FORMS.get(_schema.SCHEMA_VERSION) == found, (
        "the schema's text is another one: raise SCHEMA_VERSION in gridrun/store/ledger/_schema.py "
        f"and add here: {{{_schema.SCHEMA_VERSION + 1}: {found!r}}}"
    )
    assert max(FORMS) == _schema.SCHEMA_VERSION


@pytest.mark.parametrize("version", range(1, _schema.SCHEMA_VERSION))
def test_a_ledger_of_an_earlier_version_is_refused_with_what_to_do(version, tmp_path):
    """It is neither guessed at nor changed."""
    path = tmp_path / "l.sqlite"
    ledger = Ledger(path)
    ledger.store_meta("schema", str(version))
    ledger.close()
    for opener in (Ledger, LedgerView.open):
        with pytest.raises(UserError, match=f"schema version {version}, this gridrun") as refused:
            opener(path)
        assert "move the ledger away to start afresh" in refused.value.todo
