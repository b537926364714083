"""Comparisons of methods: every number by R, degenerate data met with a reason and no number."""

from __future__ import annotations

import itertools
import math
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from gridrun.report.statistics import (
    WEIGHTED,
    Columns,
    Design,
    GroupedRows,
    Question,
    Scale,
    View,
    best_shares,
    differences,
    fallen_back,
    group_weights,
    holm,
    interactions,
    is_lacking,
    letters_of,
    main_effects,
    method_groups,
    recalibrated,
    reliability,
    variance_factor,
)
from gridrun.report.statistics._calibration import CLIP

COLUMNS = Columns("value", by=("classifier",))
QUESTION = Question("mean", Scale(-1.0, 1.0), equivalence=0.02)
METHODS = ("zero", "mean", "knn", "lasso")


def long_frame(folds=6, cells=4, classifiers=("line", "tree"), seed=3):
    """Results with an effect of method, cell and fold; fold sizes differ."""
    draws = np.random.default_rng(seed)
    rows = [
        {
            "classifier": classifier,
            "cell": f"{classifier} {cell}",
            "method": method,
            "fold": fold,
            "state": "done",
            "value": 0.5 + 0.02 * at + 0.01 * cell + draws.normal(0, 0.03),
            "training_rows": 100 + 20 * fold + cell,
            "test_rows": 60 - 4 * fold,
        }
        for classifier in classifiers
        for cell in range(cells)
        for at, method in enumerate(METHODS)
        for fold in range(1, folds + 1)
    ]
    return pd.DataFrame(rows)


def fail(frame, state="failed", **where):
    """The frame with some parts failed, or done without a value."""
    chosen = np.logical_and.reduce([frame[name].isin(those) for name, those in where.items()])
    return frame.assign(
        value=frame["value"].mask(chosen), state=frame["state"].mask(chosen, other=state)
    )


def row_of(table, method, classifier="tree"):
    """One row of a comparison."""
    return table[(table["method"] == method) & (table["classifier"] == classifier)].iloc[0]


def told_probabilities():
    """Probabilities that are too extreme, and shares of trees with zeros, ones and ends of bins."""
    draw = np.random.default_rng(5)
    truth = draw.normal(0.5, 1.2, 400)
    positive = draw.random(400) < 1 / (1 + np.exp(-truth))
    extreme = 1 / (1 + np.exp(-(2.2 * truth - 0.4)))
    trees = np.round(np.clip(1 / (1 + np.exp(-3 * truth)), 0, 1) * 20) / 20
    return pd.concat(
        pd.DataFrame({"name": name, "probability": probability, "positive": positive})
        for name, probability in (("extreme", extreme), ("trees", trees))
    )


def grid_frame():
    """A grid of three parameters, a tenth of it without a value."""
    draws = np.random.default_rng(8)
    rows = [
        {"method": method, "b": b, "c": c, "fold": fold, "state": "done"}
        for method in ("knn", "mean", "zero")
        for b in ("no", "yes")
        for c in ("high", "low", "middle")
        for fold in range(1, 6)
    ]
    frame = pd.DataFrame(rows)
    frame["value"] = draws.normal(0, 0.03, len(frame)) + (frame["b"] == "yes") * 0.1
    return frame[draws.random(len(frame)) > 0.1]


DESIGN = Design(("method", "b", "c"), "value", 3 / 7)


def test_every_number_is_that_of_base_r(tmp_path):
    """Differences, intervals, p values, Holm's, posterior and effects of a grid equal R's."""
    frame = long_frame()
    frame = fail(frame, method=["knn"], fold=[2, 5], cell=["tree 1", "tree 2"])
    frame = fail(frame, "done", method=["zero"], fold=[1], classifier=["line"])
    frame = fail(frame, method=["lasso"], fold=[3], classifier=["line"])
    frame.to_csv(tmp_path / "long.csv", index=False)
    script = Path(__file__).with_name("statistics_by_hand.R")
    grid_frame().to_csv(tmp_path / "grid.csv", index=False)
    files = [
        str(tmp_path / name)
        for name in (
            *("long.csv", "by_r.csv", "grid.csv", "effects.csv", "p.csv"),
            *("told.csv", "fits.csv", "bins.csv"),
        )
    ]
    told = told_probabilities()
    told.astype({"positive": int}).to_csv(files[5], index=False)
    subprocess.run(["Rscript", "--vanilla", str(script), *files], check=True)
    expected = pd.read_csv(files[1])
    ours = differences(frame, COLUMNS, QUESTION, tuple(View))
    found = ours[ours["method"] != "mean"]
    keys = ["failures", "classifier", "method"]
    both = expected.merge(found, on=keys, suffixes=("_r", ""), validate="one_to_one")
    assert len(both) == len(found) == 18
    numbers = [name for name in expected.columns if name not in keys]
    assert len(numbers) == 11
    for name in numbers:
        np.testing.assert_allclose(both[name], both[f"{name}_r"], rtol=1e-8, atol=1e-9)
    assert (found["note"] == "").all()
    np.testing.assert_allclose(found[["p_worse", "p_equivalent", "p_better"]].sum(axis=1), 1)
    counted = ours[(ours["method"] == "knn") & (ours["classifier"] == "tree")]
    assert (counted["failed"] == 4).all()
    assert (counted["n"] == 20).all()
    assert (found["family"] == 6).all()
    pairs = interactions(grid_frame(), DESIGN)
    is_first = (pairs["parameter"] == "method") & (pairs["parameter_2"] == "b")
    # R varies the first parameter of a pair fastest
    pair = pairs[is_first].sort_values(["value_2", "value"])
    effects = pd.concat([main_effects(grid_frame(), DESIGN), pair], ignore_index=True)
    expected = pd.read_csv(files[3])
    for name in ("effect", "lower", "upper"):
        np.testing.assert_allclose(effects[name], expected[name], rtol=1e-8, atol=1e-12)
    assert (effects["note"] == "").all()
    found = method_groups(frame, COLUMNS, QUESTION)
    both = pd.read_csv(files[4]).merge(
        found.tests, on=["classifier", "first", "second"], suffixes=("_r", ""), validate="1:1"
    )
    assert len(both) == len(found.tests) == 12
    for name in ("difference", "p_value", "p_holm"):
        np.testing.assert_allclose(both[name], both[f"{name}_r"], rtol=1e-8, atol=1e-12)
    assert (found.methods["family"] == 6).all()
    fits, bins = pd.read_csv(files[6]).set_index("name"), pd.read_csv(files[7])
    for name, part in told.groupby("name"):
        given = part["probability"].to_numpy(), part["positive"].to_numpy()
        fit = recalibrated(*given, 10)
        assert fit.note == ""
        for number in ("slope", "intercept", "in_the_large", "clipped"):
            assert getattr(fit, number) == pytest.approx(fits.loc[name, number], rel=1e-7)
        binned = reliability(*given)
        for number in ("n", "predicted", "observed"):
            by_r = bins[bins["name"] == name][number]
            np.testing.assert_allclose(binned[number], by_r, rtol=1e-12)


def test_the_variance_is_that_of_correlated_folds():
    """The factor is Var(mean) / E(variance between folds) of folds with that correlation."""
    ratio = np.array([0.2, 0.43, 1.5, 2.0, 0.7])
    root = np.sqrt(ratio / (1 + ratio))
    covariance = np.outer(root, root)
    np.fill_diagonal(covariance, 1.0)
    of_mean = covariance.mean()
    between = (np.trace(covariance) - covariance.sum() / 5) / 4
    assert variance_factor(ratio) == pytest.approx(of_mean / between, rel=1e-12)
    for test, training, times in ((3, 7, 2.3), (7, 3, 4.93)):
        equal = np.full(10, test / training)
        assert variance_factor(equal) == pytest.approx(0.1 + test / training, rel=1e-12)
        assert math.sqrt(variance_factor(equal) / 0.1) == pytest.approx(times, abs=0.005)
    assert np.isnan(variance_factor(np.array([0.4, np.nan])))


def test_a_fold_without_a_pair_does_not_count():
    """A method that failed in all of a fold has that fold's sizes in neither mean nor variance."""
    frame = fail(long_frame(), method=["knn"], fold=[6], classifier=["tree"])
    part = frame[frame["fold"] != 6]
    found, expected = (
        row_of(differences(one, COLUMNS, QUESTION, [View.SCORED]), "knn") for one in (frame, part)
    )
    assert found["folds"] == 5
    names = ["difference", "lower", "upper", "p_value", "variance_factor"]
    np.testing.assert_allclose(
        found[names].to_numpy(float), expected[names].to_numpy(float), rtol=1e-12
    )


def test_where_less_is_better_worse_and_better_change_places():
    """The posterior follows the metric's direction, the difference does not."""
    more = row_of(differences(long_frame(), COLUMNS, QUESTION), "lasso")
    loss = Question("mean", Scale(1.0, 0.0), equivalence=0.02)
    less = row_of(differences(long_frame(), COLUMNS, loss), "lasso")
    assert more["difference"] == less["difference"] > 0
    assert (more["p_better"], more["p_worse"]) == (less["p_worse"], less["p_better"])


HIDDEN = ["lower", "upper", "p_value", "p_holm", "p_worse", "p_equivalent", "p_better"]

DEGENERATE = {
    "one fold": (long_frame(folds=1), View.FALLBACK, "one fold has no spread"),
    "equal in every fold": (
        long_frame().assign(value=lambda f: (f["method"] == "knn") * 0.1),
        View.FALLBACK,
        "the same in every fold",
    ),
    "the reference's values": (
        long_frame().assign(value=0.3),
        View.FALLBACK,
        "those of mean in every fold",
    ),
    "no value": (
        fail(long_frame(), method=["knn"]),
        View.SCORED,
        "no cell and fold has a value of this method and one of mean",
    ),
    "the reference failed": (
        fail(long_frame(), method=["mean"], fold=[2], cell=["tree 1"]),
        View.FALLBACK,
        "has no value in 1 part that this method was run in: there is nothing to fall back on",
    ),
    "no reference": (
        long_frame()[lambda f: f["method"] != "mean"],
        View.SCORED,
        "mean, the reference, is not among the methods of the study",
    ),
    "no sizes": (
        long_frame().drop(columns="test_rows"),
        View.FALLBACK,
        "numbers of training and test rows are not known",
    ),
    "one block of the reference only": (
        long_frame()[lambda f: (f["method"] == "mean") ^ (f["cell"] != "tree 0")],
        View.FALLBACK,
        "no cell and fold has a value of this method and one of mean",
    ),
}


@pytest.mark.parametrize(("frame", "view", "reason"), DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.filterwarnings("error")
def test_what_cannot_be_said_has_a_reason_and_no_number(frame, view, reason):
    """No interval, p value or posterior where there is none to be had; the note says why."""
    found = row_of(differences(frame, COLUMNS, QUESTION, [view]), "knn")
    assert reason in found["note"]
    assert found[HIDDEN].isna().all()


def test_the_view_by_fallback_says_of_the_reference_that_it_failed():
    """Its own mean would leave its failures out, so there is none; others keep theirs."""
    frame = fail(long_frame(), method=["mean"], fold=[2], cell=["tree 1"])
    table = differences(frame, COLUMNS, QUESTION)
    assert "failed in 1 part: there is nothing to fall back on" in row_of(table, "mean")["note"]
    assert np.isnan(row_of(table, "mean")["mean"])
    assert row_of(table, "knn", "line")["note"] == ""
    worst = differences(frame, COLUMNS, QUESTION, [View.WORST])
    assert row_of(worst, "knn")["pairs"] == 24
    assert (worst["note"].isin(["", "it is the reference"])).all()


def test_a_method_that_is_missing_in_a_block_is_compared_where_it_is():
    """Its pairs are counted, and those of other methods are all there; waiting is no failure."""
    frame = long_frame()
    gone = (frame["method"] == "knn") & (frame["cell"] == "tree 3")
    for one in (frame[~gone], frame.assign(state=frame["state"].mask(gone, "waiting"))):
        found = differences(one, COLUMNS, QUESTION)
        assert row_of(found, "knn")[["pairs", "n", "failed"]].tolist() == [18, 18, 0]
        assert row_of(found, "lasso")["pairs"] == 24


def test_two_rows_of_one_part_are_refused():
    """A frame with a part twice is an error of its maker, not a mean."""
    frame = long_frame()
    with pytest.raises(ValueError, match="two rows"):
        differences(pd.concat([frame, frame.head(1)]), COLUMNS, QUESTION)


def test_tests_that_could_not_be_made_are_no_part_of_the_family():
    """Holm's adjustment counts the p values that there are."""
    np.testing.assert_allclose(holm(np.array([0.01, np.nan, 0.04])), [0.02, np.nan, 0.04])
    assert np.isnan(holm(np.array([np.nan]))).all()


EFFECTS = {
    "one value": (grid_frame().assign(b="yes"), "b", "b has one value"),
    "one fold": (grid_frame()[lambda f: f["fold"] == 1], "b", "one fold has no spread"),
    "equal in every fold": (
        grid_frame().assign(value=lambda f: (f["b"] == "yes") * 0.5),
        "b",
        "the same in every fold",
    ),
    "two parameters that vary together": (
        grid_frame().assign(c=lambda f: f["b"]),
        "b",
        "cannot tell it from other effects",
    ),
    "nothing done": (grid_frame().assign(state="failed"), "b", "no part with this value"),
    "a value that failed": (
        fail(grid_frame(), b=["yes"]),
        "b",
        "one value, so|no part with this value",
    ),
}


@pytest.mark.parametrize(("frame", "parameter", "reason"), EFFECTS.values(), ids=EFFECTS)
@pytest.mark.filterwarnings("error")
def test_an_effect_that_cannot_be_said_has_a_reason_and_no_interval(frame, parameter, reason):
    """One value, one fold, no spread, parameters that cannot be told from each other."""
    found = main_effects(frame, DESIGN)
    assert len(interactions(frame, DESIGN).columns) == 11
    assert interactions(frame.assign(b="yes", c="low"), DESIGN).empty
    rows = found[found["parameter"] == parameter]
    assert len(rows) > 0
    assert rows["note"].str.contains(reason).all()
    assert rows[["lower", "upper"]].isna().all(axis=None)


def test_what_failed_has_the_value_of_the_reference_in_its_cell_and_fold():
    """One by one, by a walk over the rows; where the reference has none there is none."""
    frame = grid_frame()
    frame = frame.assign(cell=frame.groupby(["b", "c"]).ngroup())
    frame = fail(frame, method=["knn"], fold=[2, 3])
    frame = fail(frame, "done", method=["zero"], fold=[4])
    frame = fail(frame, method=["mean"], fold=[2], b=["yes"]).reset_index(drop=True)
    waiting = frame.index[:1]
    frame.loc[waiting, ["value", "state"]] = [np.nan, "waiting"]
    found, left = fallen_back(frame, "value", "mean")
    known = {
        (row.cell, row.fold): row.value
        for row in frame.itertuples()
        if row.method == "mean" and row.state == "done"
    }
    expected, without = [], 0
    for row in frame.itertuples():
        value = row.value
        if np.isnan(value) and row.state != "waiting":
            value = known.get((row.cell, row.fold), np.nan)
            without += np.isnan(value)
        expected.append(value)
    assert found["value"].tolist() == pytest.approx(expected, nan_ok=True)
    assert (found["state"] == "done").tolist() == np.isfinite(expected).tolist()
    assert left == without > 0
    assert is_lacking(frame, "value").sum() > without


def test_two_methods_share_a_letter_if_and_only_if_they_do_not_differ_significantly():
    """So in a hundred random sets of tests; the first method has the first letter."""
    draws = np.random.default_rng(5)
    for _ in range(100):
        many = int(draws.integers(2, 9))
        differ = np.triu(draws.random((many, many)) < draws.random(), 1)
        differ |= differ.T
        letters = [set(text.split()) for text in letters_of(differ)]
        assert "a" in letters[0]
        for one, other in itertools.combinations(range(many), 2):
            assert bool(letters[one] & letters[other]) == (not differ[one, other])


def test_methods_are_grouped_by_the_adjusted_tests_of_all_pairs():
    """The best comes first, whichever direction is better; far ones share no letter."""
    shift = {"zero": 0.0, "mean": 0.3, "knn": 0.31, "lasso": 0.6}
    frame = long_frame(folds=10).assign(value=lambda f: f["value"] + f["method"].map(shift))
    found = method_groups(frame, COLUMNS, QUESTION)
    tree = found.methods[found.methods["classifier"] == "tree"].set_index("method")
    assert tree["letters"].to_dict() == {"lasso": "a", "knn": "b", "mean": "b", "zero": "c"}
    assert [*tree.index] == ["lasso", "knn", "mean", "zero"]
    assert tree["best_share"].tolist() == [1, 0, 0, 0]
    loss = method_groups(frame, COLUMNS, Question("mean", Scale(1.0, 0.0))).methods
    assert loss["method"].tolist()[:4] == ["zero", "mean", "knn", "lasso"]
    assert loss["best_share"].tolist()[:4] == [1, 0, 0, 0]


@pytest.mark.filterwarnings("error")
def test_groups_are_refused_with_a_reason_where_folds_or_values_are_too_few():
    """Below five folds, without the reference's value or another method: no letter, no share."""
    few = method_groups(long_frame(folds=4), COLUMNS, QUESTION)
    assert (
        few.methods["note"]
        .str.contains("a value in 4 folds, and groups are made from 5 folds on")
        .all()
    )
    assert few.tests[["p_value", "p_holm"]].isna().all(axis=None)
    alone = method_groups(long_frame()[lambda f: f["method"] == "mean"], COLUMNS, QUESTION)
    assert alone.methods["note"].str.contains("no other method").all()
    gone = method_groups(fail(long_frame(), method=["mean"], fold=[2]), COLUMNS, QUESTION)
    assert gone.methods["note"].str.contains("no value to fall back on").all()
    for found in (few, alone, gone):
        assert found.methods["best_share"].isna().all()
        assert (found.methods["letters"] == "").all()


def test_shares_of_draws_are_those_of_all_draws_that_there_can_be():
    """Of 3,125 ways to draw five folds each counts alike; equal methods share a draw."""
    means = np.random.default_rng(2).normal(0, 1, (3, 5))
    every = [means[:, list(at)].mean(axis=1) for at in itertools.product(range(5), repeat=5)]
    expected = np.bincount(np.argmax(every, axis=1), minlength=3) / 5**5
    assert best_shares(means) == pytest.approx(expected, abs=0.015)
    assert best_shares(np.vstack([means[0], means[0]])).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("wrong", [(1, 1), (7, 2), (2, 50)])
def test_probabilities_at_their_ends_run_away_from_no_intercept(wrong, recwarn):
    """A diverged regression has 0 and 1 alone: as many positive rows are expected as there are."""
    positive = np.arange(164) < 105
    probability = np.where(positive, 1 - 2e-16, 2e-16)
    missed, false = wrong
    probability[:missed] = 2e-16
    probability[105 : 105 + false] = 1 - 2e-16
    found = recalibrated(probability, positive, 10)
    logits = np.log(CLIP / (1 - CLIP)) * np.where(probability < 0.5, 1, -1)
    expected = (1 / (1 + np.exp(-logits - found.in_the_large))).sum()
    assert expected == pytest.approx(105, abs=1e-6)
    # with two probabilities the fit goes through the shares of both
    shares = [positive[probability < 0.5].mean(), positive[probability > 0.5].mean()]
    fitted = found.intercept + found.slope * np.array([logits.min(), logits.max()])
    np.testing.assert_allclose(1 / (1 + np.exp(-fitted)), shares, atol=1e-6)
    assert [str(one.message) for one in recwarn.list] == []


@pytest.mark.parametrize(
    ("probability", "positives", "reason"),
    [
        (np.full(40, 0.3), 20, "all probabilities are equal"),
        (np.linspace(1, 0, 40), 20, "separate the classes completely"),
        (np.repeat([0.2, 0.5, 0.5, 0.8], 10)[::-1], 20, "separate the classes completely"),
        (np.linspace(0, 1, 40), 4, "4 positive rows, fewer than 10"),
        (np.linspace(0, 1, 40), 31, "9 negative rows, fewer than 10"),
        (np.empty(0), 0, "0 positive rows"),
    ],
)
def test_a_calibration_that_cannot_be_fitted_has_a_reason_and_no_number(
    probability, positives, reason
):
    """Equal or separating probabilities have no slope, nor has a class with hardly any rows."""
    found = recalibrated(probability, np.arange(len(probability)) < positives, 10)
    assert reason in found.note
    assert np.isnan([found.slope, found.intercept, found.in_the_large]).all()


def test_rows_without_a_probability_do_not_count_for_calibration():
    """A missing probability is neither in a fit nor in a bin."""
    told = told_probabilities()
    part = told[told["name"] == "extreme"]
    probability, positive = part["probability"].to_numpy(), part["positive"].to_numpy()
    more = np.append(probability, [np.nan, np.nan]), np.append(positive, [True, False])
    assert recalibrated(*more, 10) == recalibrated(probability, positive, 10)
    assert reliability(*more)["n"].sum() == len(probability)


def grouped_rows(draw, rows=90, groups=12, trees=20):
    """Rows of groups that are alike, with probabilities that tie and others."""
    group = draw.integers(groups, size=rows)
    truth = draw.normal(size=groups)[group] + draw.normal(size=rows)
    positive = truth + draw.normal(size=rows) > 0
    probability = np.round(trees / (1 + np.exp(-truth))) / trees
    return GroupedRows(probability, probability > 0.5, positive, group)


@pytest.mark.parametrize("trees", [4, 20, 10**9])
def test_metrics_of_a_draw_are_those_of_its_rows_written_out(trees):
    """Each draw's MCC and AUC equal scikit-learn's on rows repeated as often as drawn."""
    rows = grouped_rows(np.random.default_rng(trees), trees=trees)
    weights = group_weights(12, 25, 3)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 12).all()
    found = {name: compute(rows, weights) for name, compute in WEIGHTED.items()}
    for at, weight in enumerate(weights):
        often = np.repeat(np.arange(90), weight[rows.group].astype(int))
        positive = rows.positive[often]
        matthews = matthews_corrcoef(positive, rows.called[often])
        auc = roc_auc_score(positive, rows.probability[often])
        assert found["matthews"][at] == pytest.approx(matthews, abs=1e-12)
        assert found["auc"][at] == pytest.approx(auc, abs=1e-12)


def test_a_draw_without_a_class_has_no_area_and_no_correlation():
    """AUC is NaN and MCC 0 where the groups that were drawn have one class."""
    rows = GroupedRows(*map(np.array, ([0.2, 0.9], [False, True], [False, True], [0, 1])))
    weights = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    assert WEIGHTED["matthews"](rows, weights).tolist() == [1, 0, 0]
    np.testing.assert_equal(WEIGHTED["auc"](rows, weights), [1, np.nan, np.nan])


def test_two_probabilities_with_both_classes_are_not_taken_for_one():
    """Ties count half, and rows of another probability do not tie."""
    told = ([0.2, 0.2, 0.8, 0.8], [False] * 4, [False, True, False, True], range(4))
    found = WEIGHTED["auc"](GroupedRows(*map(np.array, told)), np.array([[3.0, 1.0, 1.0, 1.0]]))
    assert found == pytest.approx((3 / 2 + 3 + 1 / 2) / 8)


def test_draws_of_groups_differ_more_than_draws_of_rows_where_rows_are_alike():
    """Ten copies of each row say no more than one, and draws of the ten together know it."""
    one = grouped_rows(np.random.default_rng(1), rows=60)
    often, ten = np.repeat(np.arange(60), 10), group_weights(60, 400, 1)
    rows = GroupedRows(one.probability[often], one.called[often], one.positive[often], often)
    single = GroupedRows(rows.probability, rows.called, rows.positive, np.arange(600))
    for compute in WEIGHTED.values():
        wide = compute(rows, ten)[1:].std()
        alone = GroupedRows(one.probability, one.called, one.positive, np.arange(60))
        assert wide == pytest.approx(compute(alone, ten)[1:].std())
        assert wide > 2 * compute(single, group_weights(600, 400, 1))[1:].std()
