"""The metrics against upstream's, and against one another."""

import math
from collections import defaultdict

import numpy as np
import pytest
from golden_tables import GOLDEN, csv_rows

from amiss_tasks.stages.evaluate import Prediction, evaluate, groups_of
from amiss_tasks.stages.metrics import matthews, metrics

VECTORS = defaultdict(list)
for vector in csv_rows(GOLDEN / "metrics" / "vectors.csv"):
    VECTORS[vector["case"]].append(vector)


@pytest.mark.parametrize(
    "expected", csv_rows(GOLDEN / "metrics" / "metrics.csv"), ids=lambda row: row["case"]
)
def test_metrics_equal_upstream(expected):
    """Every metric that upstream has, in every golden case, NA and NaN told apart."""
    rows = VECTORS[expected["case"]]
    positive = np.array([row["outcome"] == "positive" for row in rows])
    texts = [row["prob"] for row in rows]
    probability = np.array([math.nan if text in {"NA", ""} else float(text) for text in texts])
    found = metrics(positive, probability)
    assert {"case", "rows", *found} == expected.keys()
    for name, value in found.items():
        if expected[name] == "NA":
            assert value is None, name
        elif expected[name] == "NaN":
            assert value is not None, name
            assert math.isnan(value), name
        else:
            assert value == pytest.approx(float(expected[name]), abs=1e-12), name


def test_missing_probabilities_rank_last_together():
    """Several missing probabilities tie above all others in the AUC (ModelMetrics 1.2.2.2)."""
    positive = np.array([True, False, False, True, False, False])
    probability = np.array([math.nan, 0.2, 0.1, math.nan, math.nan, 0.3])
    assert metrics(positive, probability)["AUC"] == pytest.approx(0.875)


def test_one_half_is_negative_in_the_counts_and_positive_in_mcc():
    """A probability of exactly 0.5 is counted negative, positive in ModelMetrics' MCC."""
    positive = np.array([True, False, True, False])
    got = metrics(positive, np.array([0.5, 0.2, 0.7, 0.3]))
    assert (got["TP"], got["FN"]) == (1, 1)
    assert got["MCC"] == 1.0


def test_consequences_come_in_order_of_first_appearance():
    """Groups follow the table, hold all its rows once, and their counts add up."""
    groups = groups_of(["B", "A", "B", "C", "A"])
    assert [(group.consequence, group.rows.tolist()) for group in groups] == [
        ("B", [0, 2]),
        ("A", [1, 4]),
        ("C", [3]),
    ]
    positive = np.array([True, False, True, False, True])
    whole = Prediction(np.array([0.9, 0.8, 0.1, 0.2, 0.7]), 0.0)
    result = evaluate(positive, groups, whole)
    for count in ("TP", "FP", "FN", "TN"):
        assert sum(row[count] for row in result.per_consequence) == result.overall[count]


def test_groups_are_predicted_again_when_asked():
    """With a second prediction the groups use it and the whole table does not."""
    groups = groups_of(["A", "B"])
    positive = np.array([True, True])
    result = evaluate(
        positive,
        groups,
        Prediction(np.array([0.9, 0.9]), 0.0),
        lambda rows: Prediction(np.full(len(rows), 0.1), 1.5),
    )
    assert result.overall["TP"] == 2
    assert [row["FN"] for row in result.per_consequence] == [1, 1]
    assert [row["te_time"] for row in result.per_consequence] == [1.5, 1.5]


def test_one_threshold_for_counts_and_mcc():
    """D29: for upstream one half is positive in the MCC and negative in the counts of a row."""
    positive = np.array([True, True, False, False, True])
    probability = np.array([0.9, 0.5, 0.5, 0.1, 0.2])
    theirs = metrics(positive, probability)
    ours = metrics(positive, probability, half_is_positive=False)
    assert ours["MCC"] == matthews(*(ours[name] for name in ("TP", "FP", "FN", "TN")))
    assert theirs["MCC"] == matthews(2, 1, 1, 1)
    assert {**ours, "MCC": theirs["MCC"]} == theirs
