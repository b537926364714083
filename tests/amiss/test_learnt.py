"""Test rows completed from what training learnt: each row by itself, by every method."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from amiss_tasks.methods import METHODS, Method
from amiss_tasks.models._r import ModelCalls
from amiss_tasks.r import session as r_session
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.stage_results import Imputed, ImputedTest

NA = math.nan
MICE = ("pmm", "norm", "norm.predict", "rf")
ROWS = {
    "knnImputation": {"k": 2},
    "bpca": {"nPcs": 2, "maxSteps": 60, "center": True},
    "missForest": {"mtry": 2, "ntree": 20},
    "gower_knn": {"k": 3},
    "missForest_ranger": {"mtry": 2, "ntree": 20},
}


@pytest.fixture(scope="module")
def stages(two_completions) -> RStages:
    del two_completions
    return RStages()


@pytest.fixture(scope="module")
def bytes_of(stages):
    """A value of R as the bytes it would be saved as."""
    session = r_session.start()
    helpers = session.environment(session.shared)
    session.source_text(Path(__file__).with_name("helpers.R").read_text(), helpers)
    return lambda value: session.call(helpers, "bytes_of", value).value.python().tolist()


def related(rows: int, seed: int):
    """Five features of two factors and some noise, and the same with gaps."""
    random = np.random.default_rng(seed)
    loadings = np.array([[3, 0], [2, 1], [0, 2], [-2, 1], [1, -1]])
    whole = 5 + random.normal(size=(rows, 2)) @ loadings.T + random.normal(0, 0.3, (rows, 5))
    gaps = whole.copy()
    # some rows stay complete, none has fewer than three values
    for row in range(0, rows, 2):
        gaps[row, random.choice(5, size=random.integers(1, 3), replace=False)] = NA
    return whole, gaps


def table(stages, numeric):
    numeric = np.asarray(numeric)
    names = tuple("abcde"[: numeric.shape[1]])
    positive = np.zeros(len(numeric), dtype=bool)
    return stages.table(BlockTable([], positive, numeric, names, {}))


def values(found) -> np.ndarray:
    return np.array([np.asarray(v, dtype=float) for v in found.python().values()]).T


def completions(found: ImputedTest) -> list[np.ndarray]:
    return [values(found.tables.at(number)) for number in range(found.count)]


def trained(stages, method: Method, numeric) -> Imputed:
    row = ROWS.get(method.name, {"minbucket": 5} if method.name == "cart" else {})
    generator = stages.draw_sample(
        table(stages, numeric),
        stages.outcome(
            BlockTable([], np.arange(len(numeric)) % 2 == 0, np.empty((len(numeric), 0)), (), {})
        ),
        predraw={},
        downsampling=False,
        feature_share=1.0,
        row_share=1.0,
    ).generator
    return stages.impute_train(method, table(stages, numeric), [row], generator)


@pytest.fixture(scope="module")
def state_of(stages):
    """What a method has learnt from 60 rows, which no test changes; learnt once."""
    return cache(lambda name: trained(stages, METHODS[name], related(60, 1)[1]).states.at(0))


FORESTS = pytest.param("rf", marks=pytest.mark.slow)
OF_TODAY = [pytest.param(m, marks=pytest.mark.slow) for m in ("cart", "midastouch", "lasso.norm")]
NOT_HERE = {"rf", "cart", "midastouch", "lasso.norm", "none"}
EACH = [*(m for m in METHODS if m not in NOT_HERE), FORESTS]
EACH += OF_TODAY
"""The methods; mice's forests take as long as all others, and differ in R's package only, as its
trees do and its further regressions, which test_methods_of_today.py has every time. What imputes
nothing is in test_no_imputation.py."""


@pytest.mark.parametrize("name", EACH)
def test_a_test_row_says_nothing_about_another(stages, state_of, bytes_of, name):
    """Changing values and gaps of one test row changes no other row, and no state."""
    method, state = METHODS[name], state_of(name)
    before = bytes_of(state)
    tested = related(8, 2)[1]
    changed = tested.copy()
    changed[6] = [NA, 9, NA, 7, -3]
    changed[7] = [1, NA, 2, NA, NA]
    others = np.arange(6)
    first = stages.impute_test(method, table(stages, tested), state, learnt=True)
    second = stages.impute_test(method, table(stages, changed), state, learnt=True)
    assert bytes_of(state) == before
    assert first.count == second.count
    for ours, theirs in zip(completions(first), completions(second), strict=True):
        np.testing.assert_array_equal(ours[others], theirs[others])
        assert (ours[[6, 7]] != theirs[[6, 7]]).any()
        np.testing.assert_array_equal(ours[:, :5][~np.isnan(tested)], tested[~np.isnan(tested)])
        assert not np.isnan(ours).any()


@pytest.mark.parametrize("name", EACH)
def test_rows_below_do_not_matter(stages, state_of, name):
    """The first test rows by themselves are completed as in the whole table."""
    method, state = METHODS[name], state_of(name)
    tested = related(8, 2)[1]
    whole = stages.impute_test(method, table(stages, tested), state, learnt=True)
    part = stages.impute_test(method, table(stages, tested[:4]), state, learnt=True)
    for ours, theirs in zip(completions(whole), completions(part), strict=True):
        np.testing.assert_array_equal(ours[:4], theirs)


@pytest.mark.parametrize("name", EACH)
def test_rows_completed_alone_are_what_they_are_by_themselves(stages, state_of, name):
    """Each row of a table completed for a model gets what it gets as a table of its own."""
    method, state = METHODS[name], state_of(name)
    # every second row lacks values: one of them does not stand in the first place
    tested = related(3, 2)[1]
    calls = ModelCalls(stages)
    found = calls.complete(method, table(stages, tested), state, 42)
    together = [values(found.at(number)) for number in range(len(found))]
    for row in range(3):
        one = table(stages, tested[[row]])
        alone = completions(stages.impute_test(method, one, state, learnt=True))
        assert len(alone) == len(together)
        for ours, theirs in zip(together, alone, strict=True):
            np.testing.assert_array_equal(ours[[row]], theirs)


def test_a_method_without_a_way_of_its_own_is_given_rows_one_by_one(stages, state_of):
    """A file without impute_alone completes each row by impute_test_learnt, all the same."""
    session = r_session.start()
    state = state_of("norm")
    tested = related(3, 2)[1]
    calls = ModelCalls(stages)
    wanted = calls.complete(METHODS["norm"], table(stages, tested), state, 42).python()
    file = stages.calls.file("norm", "imputation", METHODS["norm"].helpers)
    helpers = session.environment(session.shared)
    session.source_text(Path(__file__).with_name("helpers.R").read_text(), helpers)
    plain = session.call(helpers, "without", file, "impute_alone").value
    found = stages.calls(
        "complete_alone",
        plain,
        table(stages, tested),
        state,
        42,
        where=stages.calls.file("models", "models"),
    ).value.python()
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        for name in theirs:
            np.testing.assert_array_equal(ours[name], theirs[name])


@pytest.mark.parametrize("name", [*ROWS, *MICE[:3], FORESTS, *OF_TODAY[1:]])
def test_learnt_values_are_nearer_than_means(stages, name):
    """Where features are related, each method does better than the training means."""
    whole, tested = related(40, 2)
    training = related(80, 1)[1]
    state = trained(stages, METHODS[name], training).states.at(0)
    found = stages.impute_test(METHODS[name], table(stages, tested), state, learnt=True)
    gaps = np.isnan(tested)
    means = np.broadcast_to(np.nanmean(training, axis=0), tested.shape)
    far = np.sqrt(np.mean((means - whole)[gaps] ** 2))
    # completions that are drawn are averaged, as a prediction would be
    near = np.sqrt(np.mean((np.mean(completions(found), axis=0) - whole)[gaps] ** 2))
    assert near < 0.7 * far


def test_bpca_gives_the_conditional_mean(stages):
    """Missing values are the mean of a normal distribution given the row's other values."""
    state = trained(stages, METHODS["bpca"], related(80, 1)[1]).states.at(0)
    tested = related(20, 2)[1]
    found = stages.impute_test(METHODS["bpca"], table(stages, tested), state, learnt=True)
    learnt = state.python()
    loadings, means = learnt["loadings"], learnt["means"]
    covariance = loadings @ loadings.T + learnt["noise"][0] * np.eye(5)
    # the noise that was put in has a variance of 0.09
    assert learnt["noise"][0] == pytest.approx(0.09, rel=0.5)
    for row, got in zip(tested, completions(found)[0], strict=True):
        seen = ~np.isnan(row)
        inner = np.linalg.solve(covariance[np.ix_(seen, seen)], row[seen] - means[seen])
        want = means[~seen] + covariance[np.ix_(~seen, seen)] @ inner
        np.testing.assert_allclose(got[~seen], want, rtol=1e-9)


def test_bpca_without_centring_varies_around_zero_in_training_and_test_alike(stages):
    """Upstream's setting leaves the means out of fitted values; learnt rows follow suit."""
    row = {"nPcs": 2, "maxSteps": 60}
    training, tested = related(80, 1)[1], related(20, 2)[1]
    gaps, missing = np.isnan(training), np.isnan(tested)
    fitted = {}
    for center in (False, True):
        imputed = stages.impute_train(
            METHODS["bpca"], table(stages, training), [row | {"center": center}]
        )
        found = stages.impute_test(
            METHODS["bpca"], table(stages, tested), imputed.states.at(0), learnt=True
        )
        completed = values(imputed.tables.at(0).at(0))
        fitted[center] = completed[gaps], completions(found)[0][missing]
    for plain, centred, where in zip(fitted[False], fitted[True], (gaps, missing), strict=True):
        means = np.broadcast_to(np.nanmean(training, axis=0), where.shape)[where]
        np.testing.assert_allclose(plain + means, centred, atol=0.2)


def test_missforest_applies_the_forests_of_training(stages):
    """The training table as a test table comes out as training completed it."""
    training = related(60, 1)[1]
    imputed = trained(stages, METHODS["missForest"], training)
    found = stages.impute_test(
        METHODS["missForest"], table(stages, training), imputed.states.at(0), learnt=True
    )
    assert found.count == 1
    np.testing.assert_array_equal(completions(found)[0], values(imputed.tables.at(0).at(0)))


def test_missforest_has_the_mean_where_training_lacked_nothing(stages):
    """A feature that no training row lacks has no forest, so its training mean is taken."""
    training = related(60, 1)[1]
    training[:, 4] = np.arange(60)
    state = trained(stages, METHODS["missForest"], training).states.at(0)
    tested = related(4, 2)[0]
    tested[0, 4] = NA
    found = stages.impute_test(METHODS["missForest"], table(stages, tested), state, learnt=True)
    assert completions(found)[0][0, 4] == 29.5


def test_knn_finds_neighbours_among_training_rows(stages):
    """A test row that equals a training row but for a gap gets that row's value."""
    training = related(60, 1)[0]
    training[0, 0] = NA
    method = METHODS["knnImputation"]
    imputed = stages.impute_train(method, table(stages, training), [{"k": 1}])
    tested = training[10:12].copy()
    tested[:, 2] = NA
    found = stages.impute_test(method, table(stages, tested), imputed.states.at(0), learnt=True)
    np.testing.assert_array_equal(completions(found)[0], training[10:12])


@pytest.mark.parametrize("name", ["pmm", FORESTS, *OF_TODAY[:2]])
def test_donors_are_training_rows(stages, state_of, name):
    """Every imputed value of a test row was observed in a training row."""
    training, tested = related(60, 1)[1], related(8, 2)[1]
    found = stages.impute_test(METHODS[name], table(stages, tested), state_of(name), learnt=True)
    assert found.count == 2
    for completed in completions(found):
        for column in range(5):
            gaps = np.isnan(tested[:, column])
            assert set(completed[gaps, column]) <= set(training[:, column])


@pytest.mark.slow  # test_protocols has the switch every time
def test_hyperparameters_reach_mice_when_told_to(stages):
    """With reach_mice a row of pmm matters to training and test table, without it does not (D5)."""
    method, training, tested = METHODS["pmm"], related(60, 1)[1], related(8, 2)[1]

    def completed(**row):
        imputed = stages.impute_train(method, table(stages, training), [row])
        found = stages.impute_test(method, table(stages, tested), imputed.states.at(0), learnt=True)
        return values(imputed.tables.at(0).at(0)).tolist(), completions(found)[0].tolist()

    one, many = method.row(1), method.row(10)
    assert (one["donors"], many["donors"]) == (1, 37)
    assert completed(**one) == completed(**many)
    for ours, theirs in zip(
        completed(**one, reach_mice=True), completed(**many, reach_mice=True), strict=True
    ):
        assert ours != theirs


def test_text_features_predict_but_are_not_completed(stages):
    """MICE uses text as it uses factors; a level that training lacks changes no other row."""
    training, tested = related(60, 1)[1], related(20, 2)[1]
    words = np.where(np.nan_to_num(training[:, 1]) > 5, "high", "low").tolist()

    def with_text(numeric, text):
        positive = np.zeros(len(numeric), dtype=bool)
        return stages.table(BlockTable([], positive, numeric, tuple("abcde"), {"t": text}))

    method = METHODS["norm.predict"]
    imputed = stages.impute_train(method, with_text(training, words), [{}])
    plain = ["low"] * 20
    odd = ["low"] * 19 + ["a word of its own"]
    found = [
        stages.impute_test(method, with_text(tested, text), imputed.states.at(0), learnt=True)
        for text in (plain, odd)
    ]
    ours, theirs = (one.tables.at(0).python() for one in found)
    assert theirs["t"] == odd
    for name in "abcde":
        assert list(ours[name][:19]) == list(theirs[name][:19])


@pytest.mark.parametrize("trees", [1, 12])
def test_values_from_leaves_are_those_of_the_definition(stages, trees):
    """Forests of MICE draw what going through all donors of each row draws, and no more numbers."""
    session = r_session.start()
    helpers = session.environment(session.shared)
    session.source_text(Path(__file__).with_name("leaf_values.R").read_text(), helpers)
    method = stages.method_file(METHODS["rf"])
    found = session.call(helpers, "leaf_values_twice", method, trees).value.python()
    assert found["found"].tolist() == found["plain"].tolist()
    assert found["again"].tolist() == found["once_more"].tolist() == found["plain"][:-1].tolist()


def test_test_rows_that_go_through_with_training_are_as_those_that_come_after(stages, bytes_of):
    """Test rows get what missForest's forests give when grown again, and change no training."""
    method, training, tested = METHODS["missForest"], related(60, 1)[1], related(8, 2)[1]
    rows = [{"mtry": 2, "ntree": 20}, {"mtry": 4, "ntree": 5}]
    together = stages.impute_rows(
        method, table(stages, training), rows, test=table(stages, tested)
    ).handle
    alone = stages.impute_rows(method, table(stages, training), rows).handle
    for part in ("tables", "states"):
        assert bytes_of(together[part]) == bytes_of(alone[part])
    for row in range(2):
        later = stages.impute_test(
            method, table(stages, tested), alone["states"].at(row), learnt=True
        )
        assert bytes_of(together["tested"].at(row)) == bytes_of(later.tables)
        assert len(alone["tested"].at(row)) == 0
