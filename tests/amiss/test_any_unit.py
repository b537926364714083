"""Under corrected MICE and kNN impute features of any unit, constant, collinear, hardly known."""

import math

import numpy as np
import pytest

from amiss_tasks.methods import METHODS
from amiss_tasks.models._r import ModelCalls
from amiss_tasks.protocols import AMISS, CORRECTED, NAMES, Protocol
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks.r_stages import RStages
from gridrun.pipeline import TaskFailure

NA = math.nan
MICE = ("pmm", "norm", "norm.predict", "rf", "cart", "midastouch", "lasso.norm")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in MICE[1:]]
RANDOM = np.random.default_rng(8)
FACTORS = RANDOM.normal(size=(90, 3))


def odd(first: int = 0, last: int = 60, more: int = 3) -> dict[str, np.ndarray]:
    """Features that mice finds constant, useless or collinear, or that have few values."""
    a, b, c = FACTORS[first:last].T
    rows = np.arange(len(a))
    columns = {
        "a": a,
        "b": np.where(rows % 4 == 0, NA, 2 * a + b),
        "tiny": np.where(rows % 5 == 1, NA, 1e-8 * (a - c)),
        "vast": np.where(rows % 7 == 2, NA, 1e9 + 1e6 * c),
        "same": np.where(rows % 6 == 3, NA, 0.25),
        "twice": np.where(rows % 3 == 1, NA, 2 * a + 1),
        "rare": np.where(rows % 15 == 0, c, NA),
    }
    return columns | {f"x{n}": a * (n + 1) + np.sin(n * b) + c / (n + 1) for n in range(more)}


def table_of(stages, columns):
    numeric = np.array(list(columns.values()), dtype=float).T
    positive = np.zeros(len(numeric), dtype=bool)
    return stages.table(BlockTable([], positive, numeric, tuple(columns), {}))


def columns_of(table) -> dict[str, np.ndarray]:
    return {name: np.asarray(column, float) for name, column in table.python().items()}


def row_of(name: str):
    return METHODS[name].row(2) if METHODS[name].axes else {}


def stages_with(*switches: str) -> RStages:
    return RStages(protocol=Protocol(AMISS, dict.fromkeys(switches, CORRECTED)))


@pytest.fixture(scope="module")
def corrected(two_completions) -> RStages:
    del two_completions
    return RStages(protocol=Protocol(CORRECTED))


@pytest.mark.parametrize("name", ["knnImputation", "gower_knn", "pmm", *SLOW])
def test_every_value_is_imputed(corrected, name):
    """Training and test rows, in the unit of their feature; what is known stays to the last bit."""
    given, tested = odd(), odd(60, 90)
    imputed = corrected.impute_train(METHODS[name], table_of(corrected, given), [row_of(name)])
    found = corrected.impute_test(
        METHODS[name], table_of(corrected, tested), imputed.states.at(0), fold=1
    )
    pairs = [(given, imputed.tables.at(0).at(0))]
    pairs += [(tested, found.tables.at(number)) for number in (0, found.count - 1)]
    for before, table in pairs:
        after = columns_of(table)
        assert list(after) == list(before)
        for feature, values in before.items():
            gaps = np.isnan(values)
            np.testing.assert_array_equal(after[feature][~gaps], values[~gaps])
            imputed_values = after[feature][gaps]
            known = given[feature][~np.isnan(given[feature])]
            spread = np.ptp(known)
            assert (imputed_values >= known.min() - 3 * spread).all(), feature
            assert (imputed_values <= known.max() + 3 * spread).all(), feature
            if name in {"pmm", "rf", "cart", "midastouch"} and feature != "same":
                assert set(imputed_values) <= set(known), feature
        np.testing.assert_array_equal(after["same"], 0.25)


PART = {
    "mice_units": ("a", "b", "tiny"),
    "mice_constants": ("a", "b", "same"),
    "mice_collinear": ("b", "a", "twice"),
}


@pytest.mark.parametrize("switch", PART)
@pytest.mark.parametrize("name", ["norm.predict", "pmm"])
def test_what_stays_missing_without_a_switch(name, switch):
    """Each of the first three by itself: upstream leaves the feature missing, it does not."""
    columns = {feature: odd()[feature] for feature in PART[switch]}
    plain, switched = stages_with(), stages_with(switch)
    with pytest.raises(TaskFailure, match=f"missing values remain.*: {PART[switch][-1]} "):
        plain.impute_train(METHODS[name], table_of(plain, columns), [row_of(name)])
    found = switched.impute_train(METHODS[name], table_of(switched, columns), [row_of(name)])
    assert not np.isnan(columns_of(found.tables.at(0).at(0))[PART[switch][-1]]).any()


@pytest.mark.parametrize(("switches", "ridge"), [((), 0.0), (("mice_ridge",), 0.01)])
def test_regressions_have_the_ridge(switches, ridge):
    """Values are those of the normal equations with a hundredth of their diagonal added, or not."""
    columns = {name: odd()[name] for name in ("a", "x1", "b")}
    stages = stages_with(*switches)
    found = stages.impute_train(METHODS["norm.predict"], table_of(stages, columns), [{}])
    gaps = np.isnan(columns["b"])
    x = np.column_stack([np.ones(60), columns["a"], columns["x1"]])
    products = x[~gaps].T @ x[~gaps]
    products += ridge * np.diag(np.diag(products))
    wanted = x[gaps] @ np.linalg.solve(products, x[~gaps].T @ columns["b"][~gaps])
    got = columns_of(found.tables.at(0).at(0))["b"][gaps]
    np.testing.assert_allclose(got, wanted, rtol=1e-8)


def test_units_have_no_say(corrected):
    """A feature in another unit is imputed by the same values in that unit."""
    scale = {"b": 1e-9, "tiny": 1e12, "a": 1e-5, "x2": 1e7}

    def completed(factors):
        given = {name: values * factors.get(name, 1) for name, values in odd().items()}
        table = table_of(corrected, given)
        imputed = corrected.impute_train(METHODS["norm.predict"], table, [{}])
        return columns_of(imputed.tables.at(0).at(0))

    plain, scaled = completed({}), completed(scale)
    for name in ("b", "tiny", "twice", "rare"):
        np.testing.assert_allclose(scaled[name], plain[name] * scale.get(name, 1), rtol=1e-6)


def test_predictors_are_the_most_correlated(corrected):
    """At most 15, at most one for three known values, by |r| over the rows that have both."""
    given = odd(more=20)
    method = METHODS["norm.predict"]
    state = corrected.impute_train(method, table_of(corrected, given), [{}]).states.at(0).python()
    chosen = state["plan"]["predictors"]
    names = [name for name in given if name != "same"]
    assert list(chosen) == names
    for target in names:
        strengths = {}
        for other in names:
            both = ~np.isnan(given[target]) & ~np.isnan(given[other])
            if other != target and both.sum() >= 3:
                strengths[other] = abs(np.corrcoef(given[target][both], given[other][both])[0, 1])
        most = min(15, int((~np.isnan(given[target])).sum() / 3))
        wanted = sorted(strengths, key=lambda name: -round(strengths[name], 12))[:most]
        assert list(chosen[target] or []) == wanted
    assert len(chosen["rare"]) == 1
    assert len(chosen["b"]) == 15


def knn(row, donors, k, mean, spread):
    """An imputed row by hand: k nearest rows that have the value, over common features."""
    filled = row.copy()
    z, pool = (row - mean) / spread, (donors - mean) / spread
    for j in np.flatnonzero(np.isnan(row)):
        found = []
        for donor, own in zip(pool, donors, strict=True):
            both = ~np.isnan(z) & ~np.isnan(donor)
            if not np.isnan(own[j]) and both.any():
                share = (~np.isnan(z)).sum() / both.sum()
                found.append((math.sqrt(((z - donor)[both] ** 2).sum() * share), own[j]))
        found = sorted(found)[:k]
        weights = [math.exp(found[0][0] - distance) for distance, _ in found]
        filled[j] = sum(w * v for w, (_, v) in zip(weights, found, strict=True)) / sum(weights)
    return filled


@pytest.mark.parametrize("k", [1, 3])
def test_knn_takes_neighbours_that_have_the_value(corrected, k):
    """Rows are those of an implementation by hand; no training row is complete."""
    given, tested = np.array(list(odd().values())).T, np.array(list(odd(60, 90).values())).T
    tested[3, :5] += 1e6  # far from all others
    method = METHODS["knnImputation"]
    imputed = corrected.impute_train(method, table_of(corrected, odd()), [{"k": k}])
    named = dict(zip(odd(), tested.T, strict=True))
    found = corrected.impute_test(method, table_of(corrected, named), imputed.states.at(0))
    mean, spread = np.nanmean(given, axis=0), np.nanstd(given, axis=0, ddof=1)
    spread[spread == 0] = 1
    for before, table in ((given, imputed.tables.at(0).at(0)), (tested, found.tables.at(0))):
        after = np.array(list(columns_of(table).values())).T
        for row, got in zip(before, after, strict=True):
            np.testing.assert_allclose(got, knn(row, given, k, mean, spread), rtol=1e-9)


@pytest.mark.parametrize(
    "name", ["knnImputation", "gower_knn", pytest.param("pmm", marks=pytest.mark.slow), *SLOW]
)
def test_a_test_row_by_itself_is_what_it_is_beside_others(corrected, name):
    """Under the corrections, too, no test row has a say in another; nor in a kept model."""
    given, tested = odd(), odd(60, 70)
    method = METHODS[name]
    imputed = corrected.impute_train(method, table_of(corrected, given), [row_of(name)])
    state = imputed.states.at(0)
    last = np.arange(10) == 9
    changed = {n: np.where(last, NA if n != "a" else 5.0, v) for n, v in tested.items()}
    first = corrected.impute_test(method, table_of(corrected, tested), state)
    second = corrected.impute_test(method, table_of(corrected, changed), state)
    ours, theirs = columns_of(first.tables.at(0)), columns_of(second.tables.at(0))
    for feature in tested:
        np.testing.assert_array_equal(ours[feature][:9], theirs[feature][:9])
    one = {feature: values[:1] for feature, values in tested.items()}
    kept = ModelCalls(corrected).complete(method, table_of(corrected, tested), state, 42)
    alone = ModelCalls(corrected).complete(method, table_of(corrected, one), state, 42)
    for feature in tested:
        assert columns_of(kept.at(0))[feature][0] == columns_of(alone.at(0))[feature][0]


def test_the_switches_concern_their_methods_alone():
    """So that results of other methods stay valid."""
    for name in ("mice_units", "mice_constants", "mice_collinear", "mice_predictors"):
        assert NAMES[name].methods == MICE
    assert set(NAMES["mice_ridge"].methods) == set(MICE) - {"rf", "cart", "lasso.norm"}
    assert NAMES["knn_distances"].methods == ("knnImputation",)
    flags = Protocol(CORRECTED).corrections_for("norm")
    assert flags == dict.fromkeys(
        ("own_units", "fill_constants", "keep_collinear", "choose_predictors", "use_ridge"), True
    )
    assert Protocol(AMISS).corrections_for("norm") == {}


def test_a_feature_that_was_trained_without_is_named(corrected):
    """A forest has nothing to learn it from, and says so in the notes of the outcome."""
    given = {"a": FACTORS[:30, 0], "b": np.where(np.arange(30) % 4 == 0, NA, FACTORS[:30, 1])}
    given |= {"c": FACTORS[:30, 2], "none": np.full(30, NA)}
    imputed = corrected.impute_train(
        METHODS["missForest"], table_of(corrected, given), [{"mtry": 1, "ntree": 5}]
    )
    assert "none" not in columns_of(imputed.tables.at(0).at(0))
    assert imputed.notes == (
        "trained without features that have no value in the training rows: none",
    )
