"""Descriptive statistics: each number against R's own function, or counted again."""

import math
from pathlib import Path

import numpy as np
import pytest

from amiss_tasks.describe._correlations import MISSINGNESS, MIXED, VALUES, correlation_rows
from amiss_tasks.describe._data import BlockData, data_of
from amiss_tasks.describe._features import feature_rows
from amiss_tasks.describe._missing import block_row, consequence_rows, level_rows, missingness_rows
from amiss_tasks.features.feature_set import CATEGORICAL, Feature, FeatureSet
from amiss_tasks.r import session as r_session
from amiss_tasks.stages.label import label
from amiss_tasks.stages.preprocess import parts_of
from amiss_tasks.stages.table import VariantTable

FEATURES = FeatureSet(
    (
        Feature("score", "vep", ("score",)),
        Feature("frequency", "vep", ("frequency",), a_priori=0.0),
        Feature("length", "cadd", ("length",)),
        Feature("empty", "cadd", ("empty",)),
        Feature("call", "vep", ("call",), CATEGORICAL),
    )
)
ROWS = 120


@pytest.fixture(scope="module")
def data() -> BlockData:
    random = np.random.default_rng(5)
    positive = random.random(ROWS) < 0.4
    score = random.normal(positive * 1.0, 1.0).round(1)
    score[random.random(ROWS) < np.where(positive, 0.1, 0.4)] = np.nan
    frequency = random.random(ROWS) / 100 + np.nan_to_num(score) / 1000
    frequency[random.random(ROWS) < 0.6] = np.nan
    numeric = {
        "score": score,
        "frequency": frequency,
        "length": np.ones(ROWS),
        "empty": np.full(ROWS, np.nan),
    }
    calls = [(None, "D", "N", "U")[k] for k in random.choice(4, ROWS, p=[0.2, 0.3, 0.4, 0.1])]
    kinds = [("MISSENSE", "SYNONYMOUS")[k] for k in random.choice(2, ROWS, p=[0.7, 0.3])]
    variants = [f"1:{row // 2}:A:C" for row in range(ROWS)]
    return BlockData(FEATURES, numeric, {"call": calls}, positive, kinds, variants)


@pytest.fixture(scope="module")
def ask():
    """Call a function of R's own statistics."""
    session = r_session.start()
    home = session.environment(session.shared)
    session.source_text(Path(__file__).with_name("describe_oracle.R").read_text(), home)

    def call(function, *arguments):
        return np.atleast_1d(session.call(home, function, *arguments).value.python())

    return call


def by_name(rows):
    return {row["feature"]: row for row in rows}


def test_distributions_are_those_of_r(data, ask):
    """Quartiles, mean and standard deviation of known values; NA where there is none."""
    rows = by_name(feature_rows(data))
    for name in ("score", "frequency"):
        row, values = rows[name], data.numeric[name]
        found = [row[column] for column in ("min", "q1", "median", "q3", "max")]
        assert found == pytest.approx(ask("quartiles", values), rel=1e-12)
        assert row["mean"] == pytest.approx(np.nanmean(values))
        assert row["sd"] == pytest.approx(np.nanstd(values, ddof=1))
        assert row["distinct"] == len(set(values[~np.isnan(values)]))
        assert row["median_positive"] == np.nanmedian(values[data.positive])
    assert (rows["length"]["sd"], rows["length"]["distinct"]) == (0.0, 1)
    empty = rows["empty"]
    assert (empty["missing"], empty["missing_share"], empty["distinct"]) == (ROWS, 1.0, 0)
    assert {empty[c] for c in ("mean", "sd", "median", "class_p", "missingness_p")} == {None}
    assert rows["frequency"]["a_priori"] == 0.0


def test_differences_between_the_classes_are_tested_as_r_does(data, ask):
    """Fisher for missingness, Mann-Whitney for numbers, chi-squared for levels, adjusted by BH."""
    rows = by_name(feature_rows(data))
    for name in ("score", "frequency", "call"):
        p = ask("missing_p", data.missing(name), data.positive)[0]
        assert rows[name]["missingness_p"] == pytest.approx(p, rel=1e-6)
        assert rows[name]["missing_share_positive"] == data.missing(name)[data.positive].mean()
    for name in ("score", "frequency"):
        values = data.numeric[name]
        of_class = [values[(data.positive == side) & ~np.isnan(values)] for side in (True, False)]
        assert rows[name]["class_p"] == pytest.approx(ask("rank_p", *of_class)[0], rel=1e-9)
        r = ask("pairwise", values, data.positive.astype(float))[0]
        assert rows[name]["class_correlation"] == pytest.approx(r, abs=1e-12)
    p = ask("level_p", data.text["call"], data.positive)[0]
    assert rows["call"]["class_p"] == pytest.approx(p, rel=1e-9)
    for column in ("missingness_p", "class_p"):
        known = [row for row in rows.values() if row[column] is not None]
        adjusted = ask("adjusted", np.array([row[column] for row in known]))
        assert [row[f"{column}_adjusted"] for row in known] == pytest.approx(adjusted, rel=1e-12)
    # a constant and a feature without gaps have nothing to test
    assert rows["length"]["class_p"] is rows["length"]["missingness_p"] is None


def test_correlations_are_pairwise_complete_as_in_r(data, ask):
    """Values, missingness, and one with the other, over all rows and within each class."""
    rows = list(correlation_rows(data))
    numbers = len(data.numeric)
    pairs = numbers * (numbers - 1) // 2
    assert len(rows) == 3 * (2 * pairs + 2 * pairs)
    sides = {"all": np.ones(ROWS, bool), "positive": data.positive, "negative": ~data.positive}
    defined = 0
    for row in rows:
        some = sides[row["class"]]
        first, second = (data.numeric[row[end]][some] for end in ("feature", "other"))
        gaps = [np.isnan(values).astype(float) for values in (first, second)]
        x, y, n = {
            VALUES: (first, second, (~np.isnan(first) & ~np.isnan(second)).sum()),
            MISSINGNESS: (*gaps, some.sum()),
            MIXED: (gaps[0], second, (~np.isnan(second)).sum()),
        }[row["kind"]]
        expected = ask("pairwise", x, y)[0]
        assert row["n"] == n
        if row["correlation"] is None:
            assert expected is None or math.isnan(expected)
        else:
            defined += 1
            assert row["correlation"] == pytest.approx(expected, abs=1e-9)
    assert defined > 10


def test_sizes_and_gaps_add_up(data):
    """Consequences add up to the block, gaps by consequence to those of the feature."""
    block = block_row(data)
    assert (block["rows"], block["variants"]) == (ROWS, ROWS // 2)
    assert block["positive"] + block["negative"] == ROWS
    assert block["complete_rows"] == block["filled_complete_rows"] == 0
    gaps = {name: int(data.missing(name).sum()) for name in data.names}
    assert block["missing_share"] == pytest.approx(sum(gaps.values()) / (5 * ROWS))
    # frequency is known a priori, call is no number
    filled = gaps["score"] + gaps["empty"]
    assert block["filled_missing_share"] == pytest.approx(filled / (4 * ROWS))
    consequences = list(consequence_rows(data))
    assert [row["consequence"] for row in consequences] == ["MISSENSE", "SYNONYMOUS"]
    assert sum(row["rows"] for row in consequences) == ROWS
    by_feature = dict.fromkeys(gaps, 0)
    for row in missingness_rows(data):
        by_feature[row["feature"]] += row["missing"]
        assert row["missing_share"] == row["missing"] / row["rows"]
    assert by_feature == gaps


def test_levels_are_counted_with_the_missing_ones(data):
    """Each level, NA included, with its classes, the most frequent first."""
    rows = list(level_rows(data))
    assert [row["rows"] for row in rows] == sorted((row["rows"] for row in rows), reverse=True)
    for row in rows:
        chosen = np.array([value == row["level"] for value in data.text["call"]])
        assert row["rows"] == chosen.sum()
        assert row["positive"] == (chosen & data.positive).sum()
    assert sum(row["rows"] for row in rows) == ROWS
    assert None in {row["level"] for row in rows}


def test_one_class_alone_has_no_test():
    """Where every row is positive there is nothing to compare, and no error."""
    numeric = {"score": np.array([1.0, np.nan, 2.0])}
    features = FeatureSet(FEATURES.features[:1])
    variants = [f"1:{row}:A:C" for row in range(3)]
    data = BlockData(features, numeric, {}, np.ones(3, bool), ["X"] * 3, variants)
    (row,) = feature_rows(data)
    assert {row[c] for c in ("missingness_p", "class_p", "missing_share_negative")} == {None}
    assert row["missing_share_positive"] == 1 / 3
    assert {r["n"] for r in correlation_rows(data)} == set()


def test_parts_are_those_that_are_trained_on_and_values_are_as_read():
    """Training and test part make up all; a-priori values are not filled in yet."""
    rows = 40
    text = {
        name: [str(row) for row in range(rows)]
        for name in ("X.Chrom", "Pos", "Ref", "Alt", "FeatureID")
    }
    text |= {"Consequence.x": ["X"] * rows, "call": ["D"] * rows}
    text["Consequence.y"] = ["missense_variant"] * rows
    text["CLNSIG"] = ["Benign", "Pathogenic"] * (rows // 2)
    numeric = {name: np.arange(rows, dtype=float) for name in FEATURES.numeric}
    numeric["frequency"][:10] = np.nan
    table = VariantTable(text, numeric, rows)
    labelled = label(table, "exclude", "factor", FEATURES)
    divided = parts_of(labelled)
    parts = {p: data_of(labelled, divided, FEATURES, p) for p in ("training", "test", "all")}
    assert parts["training"].rows + parts["test"].rows == parts["all"].rows == rows
    assert parts["all"].missing("frequency").sum() == 10
    assert parts["training"].positive.tolist() == labelled.positive[divided["train"]].tolist()
