"""Null models in the tables: once for each block and fold, before what the methods reach."""

from __future__ import annotations

import csv
import json
import math

import pyarrow.parquet as pq
import pytest
from toystudies import SMALL_GRID, TOY, open_toy, write_study

from gridrun.cli._text import print_summary
from gridrun.cli.plan import show_plan
from gridrun.pipeline import load_pipeline, names_of
from gridrun.report.page import Known
from gridrun.report.page._null_models import show_null_models
from gridrun.testing.toy import NULL_MODEL_COLUMNS


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    directory = write_study(tmp_path_factory.mktemp("nulls"), SMALL_GRID)
    opened = open_toy(directory, null_models=True, class_rows={"hit": 4.9, "miss": 40.0})
    fresh = opened.plan()
    assert "not known yet" in fresh.class_rows.text()
    assert fresh.class_rows.parts == 8
    opened.said = opened.run(backend="inprocess").notes
    return opened


def _rows(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_each_block_and_fold_has_its_null_models_once(study):
    """Of many tasks of a block and fold there is one row, in the order of the grid and folds."""
    rows = _rows(study.study.paths.null_models_csv)
    block = study.state().pipeline.block
    assert list(rows[0]) == [*block, "protocol", "fold", *names_of(NULL_MODEL_COLUMNS)]
    assert [(row["origin"], row["coding"], row["fold"]) for row in rows] == [
        (origin, coding, fold)
        for origin in ("first", "every")
        for coding in ("columns", "levels")
        for fold in ("1", "2")
    ]
    assert {(row["training_rows"], row["test_rows"]) for row in rows} == {("7", "3")}


def test_the_parquet_file_has_the_same_rows(study):
    """Both files hold the same numbers under the same names."""
    table = pq.read_table(study.study.paths.null_models_parquet)
    rows = _rows(study.study.paths.null_models_csv)
    assert table.column_names == list(rows[0])
    assert [f"{value!r}" for value in table["loss"].to_pylist()] == [row["loss"] for row in rows]


def test_their_means_are_printed_first_and_stand_in_the_report(study, capsys):
    """Whoever reads what methods reach has read before what a guess reaches."""
    rows = _rows(study.study.paths.null_models_csv)
    mean = f"{sum(float(row['loss']) for row in rows) / len(rows):.4f}"
    for summary in (study.summary(), study.summary()):  # the second is of what was kept
        assert [one.name for one in summary.null_models] == ["guess"]
        assert summary.null_models[0].n == len(rows) == 8
        print_summary(summary, "study")
        printed = capsys.readouterr().out
        assert printed.index("guess") < printed.index("Mean over combinations")
        assert summary.null_records()[0]["mean_loss"] == summary.null_models[0].mean("loss")
    page = study.report().read_text()
    assert page.index(">guess<") < page.index('id="comparison"')
    assert f">{mean}<" in page[page.index(">guess<") : page.index('id="comparison"')]


def test_a_run_says_before_a_block_s_tasks_that_its_test_parts_have_few_rows_of_a_class(study):
    """The first blocks are named with the number, the threshold and what to do; then one more."""
    few = [note for note in study.said if isinstance(note, str) and "test part" in note]
    assert len(few) == 4
    first = "a test part has about 4 hit rows (origin=first, grade=low, scope=wide, "
    assert few[0].startswith(first)
    assert "with fewer than 10 of a class" in few[0]
    assert "let in more rows" in few[0]
    assert "further blocks" in few[-1]


def test_a_plan_counts_the_test_rows_of_each_class(study, capsys):
    """It has the rarest class of all test parts, as the table of null models has it."""
    rows = _rows(study.study.paths.null_models_csv)
    rarest = [min(int(row["hits"]), int(row["misses"])) for row in rows]
    plan = study.plan()
    show_plan(plan, why=False, as_json=False)
    printed = " ".join(capsys.readouterr().out.split())
    at = rows[rarest.index(min(rarest))]
    assert f"fewer than 10 of a class in {len(rows)} of {len(rows)} test parts" in printed
    where = f"(fold {at['fold']} of origin={at['origin']}, coding={at['coding']})"
    assert f"the fewest are {min(rarest)} {plan.class_rows.rarest} {where}" in printed
    assert int(at["hits" if plan.class_rows.rarest == "hit" else "misses"]) == min(rarest)
    show_plan(plan, why=False, as_json=True)
    data = json.loads(capsys.readouterr().out)["class_rows"]
    assert (data["fewest"], data["fewer_than"], data["known"]) == (min(rarest), 10, len(rows))
    only = study.plan(only=["origin=every"]).class_rows
    assert (only.parts, only.known) == (4, 4)


def test_null_models_and_methods_are_on_the_same_rows(tmp_path, monkeypatch, capsys):
    """Where methods have a mean for each split, so have null models, and each has its own best."""
    monkeypatch.setattr(load_pipeline(TOY), "summary_parameters", ("coding",))
    opened = open_toy(write_study(tmp_path / "study", SMALL_GRID), null_models=True)
    opened.run(backend="inprocess")
    with opened.study.paths.null_models_csv.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    of = {
        coding: [float(one["skill"]) for one in rows if one["coding"] == coding]
        for coding in ("columns", "levels")
    }
    line = {coding: sum(values) / len(values) for coding, values in of.items()}
    assert len({*line.values()}) == 2
    for summary in (opened.summary(), opened.summary()):  # the second is of what was kept
        assert {one.label: one.mean("skill") for one in summary.null_models} == pytest.approx(
            {f"guess ({coding})": mean for coding, mean in line.items()}
        )
    print_summary(summary, "study")
    assert "(8 test parts)" in capsys.readouterr().out
    shown = show_null_models(Known(opened.state(), summary)).values["best"]
    found = [(one.mean("skill"), line[one.at["coding"]]) for one in summary.groups]
    found = [(mean, null) for mean, null in found if not math.isnan(mean)]
    above = sum(mean > null for mean, null in found)
    assert (shown["above"], shown["methods"]) == (above, len(found))
    assert [one["name"] for one in shown["bests"]] == ["guess (columns)", "guess (levels)"]
    said = " ".join(opened.means(metric="skill").attrs["notes"])
    assert f"guess (columns) {line['columns']:.3f}; guess (levels) {line['levels']:.3f}." in said
