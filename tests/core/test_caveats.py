"""What a pipeline says of results that are better than they should be stands beside the numbers."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pandas as pd
import pytest
from toystudies import TOY, open_toy, table, write_study

from gridrun.cli._text import print_summary
from gridrun.pipeline import load_pipeline
from gridrun.pipeline.caveats import Caveat
from gridrun.report.tables import write_results
from gridrun.report.tables._tables import prediction_head_of
from gridrun.testing.toy import PARAMETERS, ToyPipeline

CAVEAT = Caveat(
    column="hindsight",
    cell="labels were seen",
    concerns={"origin": ("every",), "coding": ("columns",)},
    message="every specimen was seen before",
    todo="take the first ones",
)
GRID = {
    "origin": ["first", "every"],
    "coding": ["columns"],
    "smoothing": ["flat", "upper"],
}


class Cautious(ToyPipeline):
    """The toy with a caveat, which is in force as long as the list has it."""

    def caveats(self, settings, values):
        assert set(values) == {axis.name for axis in PARAMETERS}
        assert settings.protocol == "plain"
        return list(self.known)


@pytest.fixture
def study(tmp_path):
    grid = {axis.name: [next(iter(axis.values))] for axis in PARAMETERS} | GRID
    opened = open_toy(write_study(tmp_path / "study", grid))
    opened._pipeline = Cautious(PARAMETERS, "1", TOY)
    opened._pipeline.known = opened.known = [CAVEAT]
    return opened


def rows_of(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_each_table_has_the_column_for_what_is_concerned(study):
    """The final, pooled and summary tables name it last, in those combinations alone."""
    study.run(backend="inprocess")
    paths = study.study.paths
    for path in (paths.results_csv, paths.pooled_csv):
        rows = rows_of(path)
        assert list(rows[0])[-2:] == ["shared_with", "hindsight"]
        assert {(row["origin"], row["hindsight"]) for row in rows} == {
            ("first", ""),
            ("every", "labels were seen"),
        }
    assert prediction_head_of(study.state())[-1].name == "hindsight"
    assert list(pd.read_parquet(paths.results_parquet).columns)[-1] == "hindsight"
    summary = rows_of(paths.summary_csv)
    assert {row["hindsight"] for row in summary} == {"labels were seen"}
    study.summary(only="origin=first")
    assert {row["hindsight"] for row in rows_of(paths.summary_csv)} == {""}


def test_two_of_one_column_share_it(study):
    """Both cells stand in the one column, and both notes are said."""
    study.known.append(replace(CAVEAT, cell="and said", concerns={}, message="it was told"))
    study.run(backend="inprocess")
    rows = rows_of(study.study.paths.results_csv)
    assert list(rows[0])[-2:] == ["shared_with", "hindsight"]
    assert {(row["origin"], row["hindsight"]) for row in rows} == {
        ("first", "and said"),
        ("every", "labels were seen; and said"),
    }
    assert "it was told" in study.study.paths.notes_txt.read_text()


def test_with_fewer_rows_the_column_of_rows_stays_the_last(study):
    """``rows`` follows what is said of a combination, in the final table and in the summary."""
    study.run(backend="inprocess", rows=5)
    for path in (study.study.paths.results_csv, study.study.paths.summary_csv):
        assert list(rows_of(path)[0])[-2:] == ["hindsight", "rows"]


def test_plan_notes_and_printed_tables_say_it(study, capsys):
    """People are told before the run, beside the tables, and each time that they are printed."""
    told = f"{study.study.path}: warning: every specimen was seen before"
    assert f"{told}\n  take the first ones" in [note.text() for note in study.plan().notes]
    ended = study.run(backend="inprocess")
    assert told in [note.text().splitlines()[0] for note in ended.notes]
    notes = study.study.paths.notes_txt
    assert notes.read_text() == f"{told}\n  take the first ones\n"
    for summary in (ended.summary, study.summary()):
        assert summary.warnings == [told]
        print_summary(summary, "study")
        assert f"note: {told}\n" in capsys.readouterr().out
    notes.unlink()
    summary = study.summary()  # a file that is gone is made again, and the caveat stays said once
    assert summary.warnings[0] == told
    assert notes.read_text().startswith(told)


def test_a_caveat_goes_when_it_holds_no_more_and_other_notes_stay(study):
    """Notes and columns are those of the study as it is, not as it was when it ran."""
    study.run(backend="inprocess")
    write_results(study.state(), ["something odd"])
    notes = study.study.paths.notes_txt
    assert notes.read_text().endswith("\nsomething odd\n")
    study.known.clear()
    summary = study.summary()
    assert notes.read_text() == "something odd\n"
    assert summary.warnings == []
    assert "hindsight" not in rows_of(study.study.paths.results_csv)[0]
    study.known.append(replace(CAVEAT, cell="labels were known"))
    study.summary()
    assert {row["hindsight"] for row in rows_of(study.study.paths.results_csv)} == {
        "",
        "labels were known",
    }
    study.known[:] = [CAVEAT]
    assert len(study.summary().warnings) == 1
    assert notes.read_text().count("every specimen") == 1
    written = {row["hindsight"] for row in rows_of(study.study.paths.results_csv)}
    assert written == {"", "labels were seen"}
    assert notes.read_text().endswith("\nsomething odd\n")


def test_a_pipeline_without_any_has_tables_as_ever(study):
    """Without caveats no table has a column more, and everything else is equal cell by cell."""
    study.run(backend="inprocess")
    directory = study.study.paths.results.parent
    with_it = table(directory)
    kept = json.loads(study.study.paths.results_stamp.read_text())["written"]
    assert kept["standing"]
    study._pipeline = load_pipeline(TOY)
    study.summary()
    assert table(directory) == [row[:-1] for row in with_it]
    assert not study.study.paths.notes_txt.exists()
