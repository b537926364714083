"""The tables: whole numbers stay whole, notes are those of the last reading, one writer."""

from __future__ import annotations

import dataclasses
import fcntl
import threading

import pandas as pd
import pytest
from toystudies import TOY

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import load_pipeline
from gridrun.report.tables import write_results
from gridrun.testing._toy_runner import ToyRunner
from gridrun.testing.toy import ToyPipeline

FAILING = {"smoothing=upper": "error"}


def test_counts_are_whole_numbers_whether_or_not_parts_failed(toy_study):
    """A notebook sees Int64 with missing values, never 12.0, and NaN for missing metrics."""
    study = toy_study(misbehave=FAILING)
    study.run(backend="inprocess")
    table = study.results()
    for name in ("fold", "combination", "shared_with", "hits", "misses"):
        assert table[name].dtype == pd.Int64Dtype()
    failed = table[table["state"] == "failed"]
    assert len(failed)
    assert failed["hits"].isna().all()
    assert table["skill"].dtype == "float64"


def test_notes_go_when_nothing_is_noteworthy_any_more(toy_study):
    """notes.txt holds what the last reading said: replaced, removed, kept if nothing was read."""
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    notes = study.study.paths.notes_txt
    workspace = study.state(combinations="1")
    write_results(workspace, ["something odd"])
    assert notes.read_text() == "something odd\n"
    study.results()
    study.run(backend="inprocess", combinations="1")  # nothing to run: nothing is read
    assert notes.read_text() == "something odd\n"
    study.run(backend="inprocess", combinations="1-2")
    assert not notes.exists()


class Heard:
    """Progress callbacks that keep what is said, in order, and how much was finished then."""

    def __init__(self):
        self.said = []
        self.finished = 0

    def phase(self, text):
        pass

    def note(self, fault):
        self.said.append((str(fault), self.finished))

    def update(self, tally):
        self.finished = tally.done + tally.failed

    def failure(self, event, log):
        pass


def test_what_is_known_of_versions_is_said_before_the_first_task(toy_study, monkeypatch):
    """It is said once, before any outcome, and stays in the notes, also where nothing is read."""

    def known(self, environment, settings=None, values=None):
        assert settings.protocol == "plain"
        assert "flat" in values["smoothing"]
        return {"toy": f"with toy {environment['toy']} numbers are other ones"}

    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    notes = study.study.paths.notes_txt
    assert not notes.exists()
    monkeypatch.setattr(ToyPipeline, "version_notes", known, raising=False)
    said = "with toy 1 numbers are other ones"
    study.run(backend="inprocess", combinations="1")  # nothing to run: nothing is read
    assert notes.read_text() == f"{said}\n"
    heard = Heard()
    report = study.run(backend="inprocess", combinations="1-2", progress=heard)
    assert report.tally.done > 0
    assert heard.said == [(said, 0)]
    assert notes.read_text() == f"{said}\n"
    study.results()
    assert notes.read_text() == f"{said}\n"
    monkeypatch.setattr(ToyPipeline, "version_notes", lambda *_: {})
    study.results()
    assert not notes.exists(), "nothing is known of these versions any more"


def test_two_who_write_the_tables_wait_for_one_another(toy_study):
    """`gridrun results` during the end of a run does not mix its rows with the run's."""
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    table = study.study.paths.results_csv
    before = table.read_bytes()
    with study.study.paths.results_lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        other = threading.Thread(target=study.summary, kwargs={"combinations": "1-2"})
        other.start()
        other.join(timeout=1.0)
        assert other.is_alive()
        assert table.read_bytes() == before
    other.join(timeout=30.0)
    assert not other.is_alive()
    assert table.read_bytes() != before


def test_another_selection_of_the_same_ledger_is_another_table(toy_study):
    """Tables are written anew for other combinations although nothing more has run."""
    study = toy_study()
    study.run(backend="inprocess")
    for chosen, numbers in (("1", {1}), ("1-2", {1, 2}), ("3", {3}), ("1", {1})):
        assert set(study.results(combinations=chosen)["combination"]) == numbers
    assert len(study.results(only="smoothing=upper")["combination"].unique()) == 16


def test_tables_name_the_protocol_with_what_the_study_changes(toy_study, monkeypatch):
    """The label is the pipeline's, and tables are written anew when it changes."""
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    assert set(study.results(combinations="1")["protocol"]) == {"plain"}
    toy = type(load_pipeline(TOY))
    monkeypatch.setattr(toy, "protocol_label", lambda self, settings: "plain+a_switch")
    assert set(study.results(combinations="1")["protocol"]) == {"plain+a_switch"}
    assert study.summary(combinations="1").protocol == "plain+a_switch"
    assert set(pd.read_csv(study.study.paths.summary_csv)["protocol"]) == {"plain+a_switch"}


def test_a_column_that_nobody_declares_is_named(toy_study, monkeypatch):
    """A result with a metric that the pipeline does not declare stops the tables, and says so."""
    study = toy_study()
    study.run(backend="inprocess", combinations="1")
    pipeline = load_pipeline(TOY)
    for table in ("result_columns", "pooled_columns"):
        declared = getattr(pipeline, table)
        with monkeypatch.context() as patch:
            without = tuple(column for column in declared if column.name != "loss")
            patch.setattr(pipeline, table, without)
            with pytest.raises(EnvironmentFault, match="column loss, which is not declared"):
                study.results(combinations="1")


def test_a_part_shares_with_its_own_classifier_only(toy_study, monkeypatch):
    """Two classifiers whose results had equal content would still be two models."""
    plain = ToyRunner.run
    monkeypatch.setattr(
        ToyRunner, "run", lambda *of: dataclasses.replace(plain(*of), content_key="same")
    )
    study = toy_study()
    # combination 3 is line's alone, as drawn tuning makes no tree
    study.run(backend="inprocess", combinations="3,5")
    table = study.results(combinations="3,5")
    done = table[table["state"] == "done"]
    assert set(zip(done["combination"], done["classifier"], strict=True)) == {
        (3, "line"),
        (5, "tree"),
        (5, "line"),
    }
    shared = done[done["shared_with"].notna()]
    assert set(zip(shared["classifier"], shared["shared_with"], strict=True)) == {("line", 3)}
