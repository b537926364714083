"""A study with added missingness from the file to the tables, in one process with real R."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gridrun.api import OpenStudy, open_study
from gridrun.cli._text import print_summary

ROOT = Path(__file__).resolve().parents[2]


def example(directory: Path, methods: str, added: str) -> OpenStudy:
    """The example's grid, cut down to some methods, one regression each, and what is added."""
    text = (ROOT / "examples" / "added-missingness" / "study.yaml").read_text()
    text = text.replace("../quickstart", str(ROOT / "examples" / "quickstart"))
    for pattern, cut in (
        (r"imputation: \[.*\]", f"imputation: {methods}"),
        (r"classifiers: .*", "classifiers: [lr]"),
        (r"folds: 3", "folds: 2"),
        (r"added_missingness: \[.*\]", f"added_missingness: {added}"),
    ):
        text, count = re.subn(pattern, cut, text)
        assert count == 1
    (directory / "study.yaml").write_text(text)
    return open_study(directory)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> OpenStudy:
    """Two methods with two shares; run."""
    opened = example(tmp_path_factory.mktemp("added"), "[outlier_imp, mean_imp]", "[0, 0.5]")
    report = opened.run(backend="inprocess")
    assert (report.tally.failed, report.tally.done) == (0, 8)
    return opened


def test_the_table_has_share_and_error_in_columns_of_their_own(study):
    """The share is the last parameter, RMSE stands before the times; NA where nothing went."""
    frame = study.results()
    columns = list(frame.columns)
    assert columns[12] == "added_missingness"
    assert columns[columns.index("RMSE") + 1] == "tr_time"
    assert frame.added_missingness.tolist() == [0, 0, 0.5, 0.5] * 2
    assert frame.RMSE.isna().tolist() == [True, True, False, False] * 2
    mean = frame[(frame.method == "mean_imp") & (frame.added_missingness == 0.5)].RMSE
    assert mean.between(0.8, 1.2).all()
    # ten times the range is far off
    assert frame[frame.method == "outlier_imp"].RMSE.max() > 10
    schema = pq.read_schema(study.study.paths.results_parquet)
    assert {str(schema.field(name).type) for name in ("RMSE", "added_missingness")} == {"double"}


def test_the_summary_keeps_shares_apart(study, capsys):
    """One row for each method, share and classifier, in this order, with the mean RMSE."""
    summary = study.summary()
    keys = [(g.method, g.at["added_missingness"]) for g in summary.groups]
    assert keys == [("outlier_imp", 0), ("outlier_imp", 0.5), ("mean_imp", 0), ("mean_imp", 0.5)]
    assert [math.isnan(group.mean("RMSE")) for group in summary.groups] == [True, False] * 2
    with study.study.paths.summary_csv.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["added_missingness"] for row in rows] == ["0.0", "0.5"] * 2
    assert float(rows[1]["mean_RMSE"]) == summary.groups[1].mean("RMSE")
    print_summary(study.summary(), "study")
    printed = capsys.readouterr().out
    assert re.search(r"imputation +added_missingness +classifier +n +MCC +AUC +RMSE", printed)


def test_facts_say_how_much_was_removed(study):
    """The ledger keeps the share that was met and the error of each feature."""
    workspace = study.state()
    (table,) = workspace.tables.tables
    ids = workspace.known_context_ids()
    facts = [
        workspace.view.facts(ids[context], fold, code)
        for context, code in zip(table.contexts.tolist(), table.codes.tolist(), strict=True)
        for fold in (1, 2)
    ]
    added = [fact["added_missingness"] for fact in facts if "added_missingness" in fact]
    assert (len(facts), len(added)) == (8, 4)
    assert all(0.4 < fact["achieved_share"] < 0.6 for fact in added)
    assert all(fact["rmse_by_feature"] for fact in added)


def test_plan_counts_the_stage_and_nothing_is_left(study):
    """Values are removed once for each share and fold, whatever the methods."""
    plan = study.plan()
    counts = {count.stage: count.tasks for count in plan.stages}
    assert (counts["fold"], counts["ampute"], counts["impute"]) == (1, 2, 4)
    assert (plan.pending, plan.done) == (0, 8)
    only = study.plan(only=("added_missingness=0.5",))
    assert only.combinations == 2


@pytest.mark.slow
def test_mechanisms_are_told_from_each_other_in_all_tables(tmp_path, capsys):
    """A column beside the share, one row of the summary each, and the untouched table once."""
    study = example(tmp_path, "mean_imp", "{shares: [0, 0.5], mechanisms: [MCAR, MAR, MNAR]}")
    report = study.run(backend="inprocess")
    assert (report.tally.failed, report.tally.done) == (0, 12)
    frame = study.results()
    assert list(frame.columns)[12:14] == ["added_missingness", "added_mechanism"]
    assert frame.combination[frame.fold == 1].tolist() == [1, 2, 3, 4, 5, 6]
    assert frame.added_mechanism[frame.fold == 1].tolist() == ["MCAR", "MAR", "MNAR"] * 2
    same = frame.shared_with[(frame.fold == 1) & (frame.added_missingness == 0)]
    assert same.isna().tolist() == [True, False, False]
    assert set(same.dropna()) == {1}
    error = {group.at["added_mechanism"]: group.mean("RMSE") for group in study.summary().groups}
    assert error["MCAR"] == pytest.approx(1, abs=0.1)
    assert error["MNAR"] > 1.1 * error["MCAR"]
    print_summary(study.summary(), "study")
    printed = capsys.readouterr().out
    assert re.search(r"added_missingness +added_mechanism +classifier +n +MCC +AUC +RMSE", printed)
    assert study.plan(only=("added_mechanism=MAR",)).combinations == 2
