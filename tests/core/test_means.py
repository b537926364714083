"""Means by any parameters: the numbers of the tables, with spread, failures and the reference."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import typer.main
from toystudies import SMALL_GRID, TOY, open_toy, write_study
from typer.testing import CliRunner

from gridrun.api import open_study
from gridrun.cli import app
from gridrun.cli._completion import groups, places
from gridrun.cli.results._dictionary import dictionary
from gridrun.cli.results._fit import fit
from gridrun.cli.results._means import format_of, write_means
from gridrun.errors import UserError
from gridrun.report.page import Known
from gridrun.report.tables._compared import write_comparison
from gridrun.report.tables._frame import Compared
from gridrun.tools.models import chosen_of, fold_scores

GRID = {
    **SMALL_GRID,
    "coding": ["columns"],
    "tuning": ["fixed"],
    "constant_check": ["on"],
    "row_share": [0.33, 1.0],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of 12 combinations and 4 folds, some parts of one method failed."""
    directory = write_study(tmp_path_factory.mktemp("means") / "study", GRID, folds=4)
    opened = open_toy(directory, misbehave={"smoothing=upper,fold=2,origin=first": "error"})
    opened.run(backend="inprocess")
    return opened


@pytest.fixture(scope="module")
def usual(study):
    """Means of a metric by method and classifier, compared."""
    return study.means(metric="loss")


@pytest.fixture(scope="module")
def quickstart_state():
    """A study of the usual pipeline; nothing of it runs."""
    return open_study(Path(__file__).parents[2] / "examples" / "quickstart").state()


def printed(study, *options):
    """Exit code and output of ``gridrun results``; options of the toy are none of a study's."""
    plain = {"catch_exceptions": False}
    return CliRunner().invoke(
        app, ["results", str(study.study.paths.directory), "--pipeline", TOY, *options], **plain
    )


def written(frame, form, directory):
    """What a file with the usual means holds."""
    write_means(frame, 2, form, directory / f"means.{form}")
    return (directory / f"means.{form}").read_bytes()


def test_usual_means_are_those_of_the_summary_and_of_the_comparison(study, usual):
    """Without a choice: n, failed and means as printed; differences as in comparison.csv."""
    known = Known(study.state(), study.summary())
    write_comparison(Compared(known, known.comparison))
    summary = {(r["method"], r["classifier"]): r for r in study.summary().records()}
    table = pd.read_csv(study.study.paths.comparison_csv, keep_default_na=False, na_values=["NA"])
    table = table[table["failures"] == "fallback"].set_index(["metric", "method", "classifier"])
    assert len(usual) == 6
    for row in usual.to_dict("records"):
        where = (row["smoothing"], row["classifier"])
        assert (row["n"], row["failed"]) == (summary[where]["n"], summary[where]["failed"])
        assert row["mean"] == pytest.approx(summary[where][f"mean_{row['metric']}"], abs=1e-15)
        compared = table.loc[(row["metric"], *where)]
        for name in ("undefined", "folds", "note", "reference"):
            assert row[name] == compared[name]
        for name in ("difference", "lower", "upper"):
            assert row[name] == pytest.approx(compared[name], abs=1e-15, nan_ok=True)
    assert usual["lower"].notna().any()
    assert usual["failed"].sum() == 4


def test_means_by_other_parameters_are_those_of_the_final_table(study):
    """Mean over parts, deviation over folds of fold means, paired difference to the reference."""
    table = study.results()
    table = table[(table["state"] == "done") & (table["classifier"] == "tree")]
    places = ["origin", "fold", "row_share"]
    found = study.means(
        by=["smoothing", "row_share"], where="classifier=tree", metric="loss", sort="-mean"
    )
    assert list(found["mean"]) == sorted(found["mean"], reverse=True)
    assert found["row_share"].dtype == "float64"
    for row in found.to_dict("records"):
        here = table[table["row_share"] == row["row_share"]]
        own = here[here["smoothing"] == row["smoothing"]]
        assert row["n"] == len(own)
        assert row["mean"] == pytest.approx(own["loss"].mean())
        assert row["sd"] == pytest.approx(own.groupby("fold")["loss"].mean().std(ddof=1))
        other = here[here["smoothing"] == "mean"].set_index(places)["loss"]
        both = own.set_index(places)["loss"].reindex(other.index).fillna(other) - other
        if row["smoothing"] != "mean":
            assert row["difference"] == pytest.approx(both.groupby("fold").mean().mean())


def test_a_filter_leaves_out_rows_and_keeps_the_reference(study, usual):
    """A method alone has the difference that it has among all; folds can be chosen as well."""
    among_all = usual.set_index(["smoothing", "classifier"])
    alone = study.means(metric="loss", where="smoothing=upper")
    assert set(alone["smoothing"]) == {"upper"}
    assert list(alone["lower"]) == list(among_all.loc["upper"]["lower"])
    folds = study.means(by="smoothing", metric="loss", where=["fold=1", "fold=3", "origin=first"])
    assert list(folds["n"]) == [8, 8, 8]
    assert list(folds["folds"]) == [2, 2, 2]
    assert set(study.results()["smoothing"]) == {"flat", "upper", "mean"}


def test_without_the_compared_parameter_nothing_is_compared(study):
    """That is said, and metrics that are not compared have means all the same."""
    found = study.means(by="origin")
    assert found.attrs["notes"] == ["nothing is compared, as --by does not name smoothing"]
    assert found["difference"].isna().all()
    assert study.means(metric="balance")["mean"].notna().all()
    undefined = study.means(by="smoothing", where="classifier=line", metric="skill", sort="n")
    assert (
        undefined["undefined"].sum()
        == study.results().query("classifier == 'line' and state == 'done'")["skill"].isna().sum()
    )


def test_few_rows_of_a_class_are_said(study, monkeypatch):
    """An interval of folds with hardly any row of a class has the note of comparison.csv."""
    monkeypatch.setattr(study._pipeline, "class_counts", {"hit": ("hits",)})
    smallest = study.results().groupby(["smoothing", "classifier"])["hits"].min()
    for row in study.means(metric="loss").to_dict("records"):
        if row["smoothing"] != "mean":
            place = min(smallest[name, row["classifier"]] for name in ("flat", "upper", "mean"))
            assert row["note"].startswith("a class has fewer") == (place < 10)


def test_the_best_null_model_of_the_same_rows_is_said(tmp_path, capsys):
    """Of each metric that null models have, over the blocks and folds that are asked for."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    opened = open_toy(directory, null_models=True)
    opened.run(backend="inprocess")
    with opened.study.paths.null_models_csv.open(newline="") as handle:
        rows = [one for one in csv.DictReader(handle) if one["coding"] == "levels"]
    losses = [float(one["loss"]) for one in rows if one["fold"] == "2"]
    frame = opened.means(where=["coding=levels", "fold=2"], metric=["loss", "balance"])
    said = [note for note in frame.attrs["notes"] if "null model" in note]
    assert len(losses) == 2
    assert [f"a mean loss of: guess {sum(losses) / 2:.3f}. " in note for note in said] == [
        True,
        False,
    ]
    write_means(frame, 2, "table", None)
    assert "the best null model of these blocks and folds" in " ".join(
        capsys.readouterr().out.split()
    )


def test_while_parts_wait_n_is_of_how_many(tmp_path, capsys):
    """Two of four folds are there: each mean says so, and in a finished study none does."""
    directory = write_study(tmp_path / "study", {**GRID, "row_share": [1.0]}, folds=4)
    opened = open_toy(directory)
    opened.run(backend="inprocess", folds=2)
    for folds, expected in ((4, "4/8"), (2, "4")):
        write_means(opened.means(folds=folds), 2, "table", None)
        rows = [line for line in capsys.readouterr().out.split("\n") if " tree " in line]
        assert rows
        assert all(line.split("tree")[1].split("  0 ")[0].strip() == expected for line in rows)


def test_a_notebook_shows_tables(study, usual):
    """Means are a frame, which notebooks show, and so is a summary, not the fields of a class."""
    assert "<td>upper</td>" in usual._repr_html_()
    shown = study.summary()._repr_html_()
    assert "<th>mean_skill</th>" in shown
    assert "<td>upper</td>" in shown


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"by": "smoothin"}, 'unknown parameter "smoothin"'),
        ({"by": "fold"}, 'unknown parameter "fold"'),
        ({"metric": "skil"}, 'did you mean "skill"'),
        ({"sort": "-meen"}, 'did you mean "mean"'),
        ({"where": "smoothing=uper"}, 'did you mean "upper"'),
        ({"where": "clasifier=tree"}, 'did you mean "classifier"'),
        ({"where": "tree"}, "write --where PARAMETER=VALUE"),
        ({"failures": "worse"}, 'did you mean "worst"'),
        ({"failures": "worst", "metric": "balance"}, "metric of which failures have a value"),
        ({"pivot": "orign"}, 'did you mean "origin"'),
        ({"pivot": "origin", "metric": ["loss", "skill"]}, "name one metric"),
        ({"pivot": "origin", "sort": "evry"}, 'did you mean "every"'),
    ],
)
def test_names_that_there_are_not_are_refused(study, asked, said):
    """The option, the name, and the nearest that there is."""
    with pytest.raises(UserError) as error:
        study.means(**asked)
    assert said in error.value.text()


def test_formats_say_the_same(study, usual, tmp_path):
    """CSV and Parquet hold the frame, JSON its records; a file's ending says which it is."""
    lines = [line.split(",") for line in written(usual, "csv", tmp_path).decode().splitlines()]
    assert lines[0] == list(usual.columns)
    assert [float(line[7]) for line in lines[1:]] == list(usual["mean"])
    assert "NA" in lines[-1]
    options = ["--metric", "loss", "--by", "smoothing,classifier", "--where", "smoothing=upper"]
    said = printed(study, *options, "-o", str(tmp_path / "means.json")).stdout
    assert said == f"2 rows: {tmp_path / 'means.json'}\n"
    records = json.loads((tmp_path / "means.json").read_text())
    assert [record["n"] for record in records] == [14, 14]
    records = json.loads(written(usual, "json", tmp_path))
    assert records[0] == usual.to_dict("records")[0]
    assert records[-1]["difference"] is None
    file = tmp_path / "means.parquet"
    written(usual, "parquet", tmp_path)
    assert pq.read_table(file).to_pydict()["mean"] == list(usual["mean"])
    kinds = {field.name: str(field.type) for field in pq.read_schema(file)}
    assert (kinds["folds"], kinds["n"], kinds["smoothing"]) == ("int64", "int64", "string")
    for form, target, said in (
        (None, tmp_path / "means", "does not say which format"),
        ("csw", None, 'did you mean "csv"'),
        ("table", file, "a table is printed only"),
    ):
        with pytest.raises(UserError) as error:
            format_of(form, target)
        assert said in error.value.text()


def test_the_table_is_readable_at_eighty_columns(usual, capsys, tmp_path):
    """Every line of table and title fits; failed stands beside n, and who is the reference."""
    write_means(usual, 2, "table", None)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "loss: mean ± SD over folds, difference to mean with 95 % interval"
    upper = next(line for line in lines if "upper" in line).split()
    assert upper[:4] == ["upper", "tree", "14", "2"]
    assert next(line for line in lines if " mean " in line[:8]).split()[-1] == "reference"
    write_means(usual[usual["smoothing"] == "upper"].copy(), 2, "table", None)
    alone = capsys.readouterr().out.splitlines()
    assert alone[0].startswith("loss (smoothing upper): mean ± SD")
    assert ["classifier", "n", "failed"] in [line.split()[:3] for line in alone]
    marked = written(usual, "md", tmp_path).decode()
    assert "| smoothing | classifier | n | failed | mean ± SD | difference (95 %) |" in marked


@pytest.mark.parametrize("failures", ["scored", "fallback", "worst"])
def test_failures_count_as_is_asked(study, failures):
    """Mean, difference and interval are those of the view in comparison.csv; nothing is mixed."""
    known = Known(study.state(), study.summary())
    write_comparison(Compared(known, known.comparison))
    table = pd.read_csv(study.study.paths.comparison_csv, keep_default_na=False, na_values=["NA"])
    view = {"scored": "scored only", "worst": "worst case"}.get(failures, failures)
    table = table[table["failures"] == view].set_index(["metric", "method", "classifier"])
    found = study.means(metric=["loss", "skill"], failures=failures)
    assert found.attrs["notes"][0].startswith("parts that failed count as: ")
    for row in found.to_dict("records"):
        expected = table.loc[(row["metric"], row["smoothing"], row["classifier"])]
        assert (row["failed"], row["note"]) == (expected["failed"], expected["note"])
        for name in ("mean", "difference", "lower", "upper"):
            assert row[name] == pytest.approx(expected[name], abs=1e-12, nan_ok=True), name
    by_origin = study.means(by="origin", metric="loss", failures=failures)["mean"]
    assert (by_origin != study.means(by="origin", metric="loss")["mean"]).any() == (
        failures != "scored"
    )


def test_a_parameter_becomes_columns(study, capsys):
    """Each cell is the mean of its group, with what failed beside it, in any format."""
    plain = study.means(by=["smoothing", "origin"], metric="loss")
    wide = study.means(by=["smoothing"], pivot="origin", metric="loss", sort="-every")
    assert list(wide.columns) == ["smoothing", "first", "every"]
    assert list(wide["every"]) == sorted(wide["every"], reverse=True)
    for row in plain.to_dict("records"):
        (cell,) = wide[wide["smoothing"] == row["smoothing"]][row["origin"]]
        assert cell == row["mean"]
    write_means(wide, 0, "table", None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "loss: mean by origin; in brackets how many parts failed"
    upper = next(line for line in lines if "upper" in line)
    assert "(4)" in upper
    assert json.loads(printed(study, "--pivot", "origin", "--format", "json").stdout)[0]["first"]
    assert "| smoothing | first | every |" in "\n".join(
        printed(study, "--by", "smoothing", "--pivot", "origin", "--format", "md").stdout.split(
            "\n"
        )
    )


def test_wide_tables_fit_eighty_columns(study, capsys):
    """Three names stand beside their numbers; what was shortened is said in whole."""
    found = study.means(by=["smoothing", "classifier", "origin"], metric="loss")
    found["smoothing"] = found["smoothing"].map(lambda name: f"without_conservation_{name}")
    names = ["training_data_sampling", "hyperparameter_search", "feature_groups"]
    found.columns = [*names, *found.columns[3:]]
    write_means(found, 3, "table", None)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "reference" in "".join(lines)
    shortened = [line.split(" = ") for line in lines if " = " in line]
    assert {whole for _, whole in shortened} >= {*found[names[0]]}
    short = {name.strip() for name, whole in shortened if whole in {*found[names[0]]}}
    assert len(short) == 3
    assert all(any(line.strip().startswith(name) for line in lines) for name in short)


def test_what_cannot_fit_is_cut_into_tables_or_said():
    """Columns of values go into several tables with the names in each; else there is advice."""
    heads = [("imputation", "left"), *((f"value_{at}", "right") for at in range(30))]
    rows = [[f"method {row}", *(f"0.{at:03} (2)" for at in range(30))] for row in range(3)]
    parts = list(fit((heads, rows), 80, 1))
    assert len(parts) > 3
    assert [cell for part in parts for cell in part.rows[1][1:]] == rows[1][1:]
    assert all(part.rows[2][0] == "method 2" and not part.advice for part in parts)
    wide = ([("a", "left"), ("mean ± SD", "right")], [["x" * 90, "y" * 75], ["z" * 90, "y"]])
    (one,) = fit(wide, 80, 1)
    assert "wider than 80 columns" in one.advice
    assert one.rows[0][1] == "y" * 75


def test_a_model_is_given_the_scores_of_its_folds(study):
    """Each fold's mean over test tables as in the final table, with what failed and is left."""
    table = study.results().query("classifier == 'tree'")
    number = int(table[table["state"] == "failed"]["combination"].iloc[0])
    table = table[table["combination"] == number]
    chosen = chosen_of(study.state(), number, "tree")
    found = fold_scores(study.state(folds=5, combinations=number), chosen)
    assert (found.done, found.failed, found.waiting) == (3, 1, 1)
    means = table[table["state"] == "done"].groupby("fold")["skill"].mean().dropna()
    known = [value for value in found.metrics["skill"] if value is not None]
    assert known == pytest.approx([*means])
    said = found.sentence()
    assert f"skill {means.mean():.3f}" in said
    assert said.endswith("(mean ± SD over 3 of 5 folds, 1 failed, 1 not run)")
    nothing = fold_scores(study.state(rows=3, combinations=number), chosen)
    assert nothing.sentence() == "none of 4 folds of the study is done: nothing says how good"


def test_every_column_has_a_meaning(quickstart_state):
    """The dictionary has the type and meaning of each column of the final table and of means."""
    found = dictionary(quickstart_state)
    assert {each["column"] for each in found} >= {"imputation", "MCC", "sd", "shared_with"}
    assert [each["column"] for each in found if not each["meaning"]] == []
    types = {each["column"]: each["type"] for each in found}
    assert (types["TP"], types["MCC"], types["reason"]) == ("integer", "number", "text")


def test_names_and_values_are_completed(study):
    """Behind --where values and classifiers, behind --by names that are not there yet."""
    command = typer.main.get_command(app)
    context = command.make_context("gridrun", [], resilient_parsing=True)
    words = [str(study.study.paths.directory), "--pipeline", TOY]
    at = command.get_command(context, "results").make_context(
        "results", words, parent=context, resilient_parsing=True
    )
    assert places(at, "classifier=t") == ["classifier=tree"]
    assert places(at, "smoothing=up") == ["smoothing=upper"]
    assert groups(at, "smoothing,cla") == ["smoothing,classifier"]
    assert groups(at, "smoothing,smoo") == []
