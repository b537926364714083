"""Predictions of every test row: packed, pooled, asked for, and the same numbers as the table."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from amissstudies import amiss_values, golden_study

import gridrun
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.stages.metrics import POOLED_COLUMNS, metrics
from amiss_tasks.stages.predictions import (
    COLUMNS,
    MEAN_PROBABILITY,
    ONE_TABLE,
    Predictions,
    columns,
    pack,
    pooled_row,
    unpack,
)
from gridrun.errors import InputError, UserError
from gridrun.pipeline import names_of
from gridrun.report.rows import parts
from gridrun.report.statistics import recalibrated

IDS = [" 1:14969256:T:C:ENST1:NON_SYNONYMOUS", "1:2:AC:A:ENST2:INTRONIC", "X:3:G:T:ENST1:é"]


def predictions(tables: int = 2) -> Predictions:
    values = np.array([[0.1, 0.9, math.nan], [1 / 3, 1e-300, 1.0]])[:tables]
    names = [("model_1", f"imp_{number}") for number in range(1, tables + 1)]
    return Predictions(IDS, np.array([True, False, True]), names, values)


def test_packed_predictions_come_back():
    """Ids, outcomes, names and probabilities survive to the last bit, NaN included."""
    found = predictions()
    back = unpack(pack(found))
    assert list(back.row_ids) == IDS
    assert back.positive.tolist() == found.positive.tolist()
    assert back.tables == found.tables
    assert back.probability.tobytes() == found.probability.tobytes()


def test_columns_are_the_declared_ones():
    """Table after table, with the parts of the id that people ask for."""
    found = columns(pack(predictions()))
    assert tuple(found) == names_of(COLUMNS)
    assert {len(values) for values in found.values()} == {6}
    assert found["variant"][:2] == ["1:14969256:T:C", "1:2:AC:A"]
    assert found["consequence"][3:] == ["NON_SYNONYMOUS", "INTRONIC", "é"]
    assert found["outcome"][:3] == ["positive", "negative", "positive"]
    assert found["test_completion_ix"] == ["imp_1"] * 3 + ["imp_2"] * 3
    assert found["pooled"][0] == found["pooled"][3] == pytest.approx((0.1 + 1 / 3) / 2, abs=1e-16)
    assert math.isnan(found["pooled"][2])


def test_one_table_is_its_own_pool():
    """With one completed table the pooled metrics are that table's; with more they say so."""
    one = predictions(tables=1)
    row = pooled_row(one, math.nan)
    assert tuple(row) == names_of(POOLED_COLUMNS)
    assert (row["tables"], row["how"]) == (1, ONE_TABLE)
    own = metrics(one.positive, one.probability[0])
    assert repr([row[name] for name in own]) == repr(list(own.values()))
    assert (pooled_row(predictions(), 0.0)["how"]) == MEAN_PROBABILITY


FEW = "".join(
    f"- {{name: {name}, source: {{cadd: {name}}}, type: numeric}}\n"
    for name in ("GC", "CpG", "minDistTSS", "minDistTSE", "EncodeH3K4me1-sum", "RawScore")
)


def study(directory: Path, *lines: str, method: Sequence[str] = ("zero_imp",)) -> Path:
    grid = amiss_values(
        quality="onestar",
        imputation=method,
        downsampling="on",
        nonzero_variance_check="on",
    )
    directory.mkdir(exist_ok=True)
    (directory / "few.yaml").write_text(FEW)
    return golden_study(directory, grid, "classifiers: [lr]", *lines, "features: few.yaml")


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    """A study of two repeated hold-outs that keeps its predictions, run."""
    place = tmp_path_factory.mktemp("held-out") / "study"
    lines = ("evaluate: repeated hold-out", "predictions: yes", "folds: 2")
    opened = gridrun.open_study(study(place, *lines, method=("zero_imp", "norm.predict")))
    assert opened.run(backend="inprocess").state == "done"
    return opened


@pytest.fixture(scope="module")
def kept(held_out):
    return pd.read_parquet(held_out.study.paths.predictions / "lr.parquet")


def differing(row, found: dict, tolerance: float = 1e-12) -> list[str]:
    """Metrics that differ by more than a tolerance; missing ones are equal."""
    names = []
    for name, value in found.items():
        missing = value is None or math.isnan(value)
        same = pd.isna(row[name]) if missing else abs(row[name] - value) <= tolerance
        if not same:
            names.append(name)
    return names


def test_the_table_s_metrics_follow_from_the_predictions(held_out, kept):
    """Every row of the final table is that of its probabilities, to 1e-12."""
    table = held_out.results()
    key = ["combination", "fold", "model_ix", "test_completion_ix"]
    groups = dict(tuple(kept.groupby(key)))
    assert len(table) == len(groups) == 2 * (1 + 10)
    for _, row in table.iterrows():
        own = groups[tuple(row[name] for name in key)]
        found = metrics((own["outcome"] == "positive").to_numpy(), own["probability"].to_numpy())
        assert differing(row, found) == []


def test_pooled_metrics_are_those_of_the_mean_probability(held_out, kept):
    """The pooled table has one row a part, of probabilities averaged over its completions."""
    pooled = pd.read_parquet(held_out.study.paths.pooled_parquet)
    assert pooled[["method", "fold", "tables", "how"]].to_numpy().tolist() == [
        ["zero_imp", 1, 1, ONE_TABLE],
        ["zero_imp", 2, 1, ONE_TABLE],
        ["norm.predict", 1, 10, MEAN_PROBABILITY],
        ["norm.predict", 2, 10, MEAN_PROBABILITY],
    ]
    for _, row in pooled.iterrows():
        own = kept[(kept["combination"] == row["combination"]) & (kept["fold"] == row["fold"])]
        by_row = own.groupby("row_id", sort=False)
        assert (by_row.size() == row["tables"]).all()
        mean = by_row["probability"].mean()
        assert np.allclose(mean, by_row["pooled"].first(), rtol=0, atol=1e-15)
        positive = (by_row["outcome"].first() == "positive").to_numpy()
        assert differing(row, metrics(positive, by_row["pooled"].first().to_numpy())) == []


def test_methods_are_tested_on_the_same_rows_and_repeats_on_others(kept):
    """Within a repeat all methods predict the same variants; the label says what was done."""
    rows = kept.groupby(["fold", "method"])["row_id"].agg(frozenset)
    for fold in (1, 2):
        assert rows[fold, "zero_imp"] == rows[fold, "norm.predict"]
    assert rows[1, "zero_imp"] != rows[2, "zero_imp"]
    assert set(kept["protocol"]) == {"amiss (repeated hold-out)"}


def test_null_models_are_tested_on_the_rows_of_the_methods(held_out, kept):
    """In each repeat their counts of both classes are those of the rows that methods predict."""
    nulls = pd.read_parquet(held_out.study.paths.null_models_parquet)
    one = kept[kept["method"] == "zero_imp"]
    assert set(nulls["null_model"]) >= {"prevalence", "consequence", "gene", "pattern with AF"}
    for fold, rows in one.groupby("fold"):
        own = nulls[nulls["fold"] == fold]
        positive = int((rows["outcome"] == "positive").sum())
        assert set(own["TP"] + own["FN"]) == {positive}
        assert set(own["TN"] + own["FP"]) == {len(rows) - positive}
        assert set(own["test_rows"]) == {len(rows)}
    # before any task they are known by the share of the test part
    state = held_out.state()
    source = state.open_source()
    combination = state.study.grid.combination(0)
    about = source.class_rows(source.artifact({name: combination[name] for name in PIPELINE.block}))
    assert sum(about.values()) == pytest.approx(len(rows), rel=0.2)
    missing = pd.read_csv(held_out.study.paths.block_table("missingness", "csv"))
    whole = missing[missing["consequence"] == "all"]
    assert list(whole["feature"])[:2] == ["GC", "CpG"]
    labelled = set(nulls["training_rows"] + nulls["test_rows"])
    assert set(whole["rows_positive"] + whole["rows_negative"]) == labelled


def test_a_report_calibrates_what_is_kept_and_draws_genes(held_out, kept):
    """Both tables are of the pooled probabilities; genes are drawn though rows split by variant."""
    held_out.report()
    paths = held_out.study.paths
    table = pd.read_csv(paths.calibration_csv)
    assert table["method"].tolist() == ["zero_imp", "norm.predict"]
    for _, row in table.iterrows():
        one = kept[(kept["method"] == row["method"]) & (kept["test_completion_ix"] == "imp_1")]
        positive = (one["outcome"] == "positive").to_numpy()
        fit = recalibrated(one["pooled"].to_numpy(), positive, 10)
        assert (row["rows"], row["positive"]) == (len(one), positive.sum())
        assert row["slope"] == pytest.approx(fit.slope, nan_ok=True)
        assert row["in_the_large"] == pytest.approx(fit.in_the_large, nan_ok=True)
    bootstrap = pd.read_csv(paths.group_bootstrap_csv)
    # mean_imp, the reference, is not in this study
    assert bootstrap["groups"].tolist() == [0] * 4
    state, pooled = held_out.state(), pd.read_parquet(paths.pooled_parquet)
    for part in parts(state, state.view):
        found = PIPELINE.predicted(state.settings, part.payloads, state.view.payload)
        assert len(found.group) == len(found.positive)
        assert 1 < len(set(found.group.tolist())) < len(found.group)
        (own,) = pooled[
            (pooled["combination"] == part.combination) & (pooled["fold"] == part.fold)
        ].to_dict("records")
        assert (found.called & found.positive).sum() == own["TP"]
        assert (found.called & ~found.positive).sum() == own["FP"]


def test_a_study_that_asks_later_runs_again(held_out, tmp_path):
    """Asked for, predictions are part of the fingerprint, and a plan names them as the reason."""
    path = held_out.study.path
    text = path.read_text()
    try:
        path.write_text(text.replace("predictions: yes", "predictions: no"))
        plan = gridrun.open_study(path.parent).plan()
        assert plan.pending == plan.tasks
        assert any("predictions" in reason.text for reason in plan.why)
    finally:
        path.write_text(text)
    assert gridrun.open_study(path.parent).plan().pending == 0
    key = PIPELINE.study_keys["predictions"]
    assert key.fingerprint(False) is key.fingerprint(None) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("evaluate: holdout", ['has the text "holdout"', 'did you mean "hold-out"?', "cv"]),
        ("evaluate: 5", ["has the number 5", "known values: cv, hold-out, repeated hold-out"]),
        ("evaluate: [cv]", ["has a list"]),
        ("predictions: maybe", ['has the text "maybe"', "allowed: yes, no"]),
        ("predictions: 1", ["has the number 1", "allowed: yes, no"]),
        (
            "evaluate: hold-out\nfolds: 3",
            ['key "folds" has the number 3', "at most 1", "evaluate: repeated hold-out"],
        ),
    ],
)
def test_a_wrong_key_says_what_is_allowed(tmp_path, line, words):
    """One fault with its line, what was found and what may stand there."""
    with pytest.raises(InputError) as caught:
        gridrun.open_study(study(tmp_path / "study", *line.split("\n")))
    (fault,) = caught.value.faults
    assert fault.line == 3 + line.count("\n") + 1
    for word in words:
        assert word in fault.text()


def test_more_splits_than_one_are_refused_with_what_to_do(tmp_path):
    """`--folds 2` on a hold-out names the value of the key that has folds."""
    opened = gridrun.open_study(study(tmp_path / "s", "evaluate: hold-out"))
    assert opened.plan().folds == 1
    with pytest.raises(UserError, match="--folds 2: at most 1") as caught:
        opened.plan(folds=2)
    assert "repeated hold-out" in caught.value.todo
