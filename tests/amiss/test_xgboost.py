"""XGBoost piece by piece: R's folds, seeds and columns, and what is left out of upstream's work."""

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from amiss_tasks.classifiers import IN_PYTHON, load
from amiss_tasks.classifiers._boosting import Boosting, Setting, any_split, matrix
from amiss_tasks.classifiers._columns import FIRST_DRAWS, sample_columns
from amiss_tasks.classifiers._early_stopping import limits
from amiss_tasks.classifiers._fit_deduplication import same_fit
from amiss_tasks.classifiers._tuning import SETTINGS, InnerFold, best, mean_over_folds
from amiss_tasks.classifiers.contract import Resamples
from amiss_tasks.classifiers.xgboost import XGBoost, _Compared
from amiss_tasks.r import session as r_session
from amiss_tasks.tasks import python_classifiers
from amiss_tasks.tasks.r_stages import RStages
from gridrun.pipeline import TaskFailure

SEED = 42


class Table:
    """A training table without R: values as they are, whatever scaling is asked for."""

    def __init__(self, values, positive):
        self.values, self.positive = values, positive

    def scaled(self, learnt_on=None):
        return self.values


class Numbers:
    """Seeded numbers without R; every tenth row is held out in turn."""

    def __init__(self, rows, folds=10):
        self.rows, self.folds = rows, folds

    def resamples(self, folds, settings):
        rng = np.random.default_rng(self.rows)
        held_out = [np.arange(first, self.rows, self.folds) for first in range(self.folds)]
        seeds = rng.integers(1, 10**6, (self.folds, settings))
        return Resamples(held_out, seeds, 7)

    def uniforms(self, seed, size):
        return np.random.default_rng(seed).random(size)


def made_table(rows, columns, share=0.5, seed=1) -> Table:
    """Noisy outcome of three columns; some columns have few values, as dummies have."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, columns))
    values[:, columns // 2 :] = values[:, columns // 2 :] > 0.5
    score = values[:, 0] + values[:, 1] - values[:, -1] + rng.normal(size=rows)
    return Table(values, score > np.quantile(score, 1 - share))


# what R draws


@pytest.fixture(scope="module")
def stages() -> RStages:
    return RStages()


@pytest.fixture(scope="module")
def helpers(stages):
    session = r_session.start()
    environment = session.environment(session.shared)
    for file in ("helpers.R", "caret_resamples.R"):
        session.source_text(Path(__file__).with_name(file).read_text(), environment)
    return environment


OUTCOMES = [(83, 83), (40, 9), (7, 6), (5, 3), (100, 31)]
"""Positive and negative rows: balanced, a small class, small classes, fewer rows than folds."""


def test_folds_and_seeds_equal_caret(stages, helpers):
    """Folds and seeds of tables trained one after another are those that caret itself draws."""
    session = r_session.start()
    if not session.call(helpers, "has_package", "caret").value.python()[0]:
        # caret is the oracle of this test and no part of gridrun
        pytest.skip("the R package caret is not installed")
    settings, draws = 5, 37
    outcomes = [session.call(helpers, "mixed_outcome", *counts).value for counts in OUTCOMES]
    together = session.call(helpers, "as_list", *outcomes).value
    expected = session.call(
        helpers, "caret_resamples", together, SEED, settings, draws
    ).value.python()
    state = None
    for outcome, want in zip(outcomes, expected, strict=True):
        drawer = python_classifiers.RDraws(stages._call, outcome, SEED, state)
        got = drawer.resamples(10, settings)
        assert [rows.tolist() for rows in got.held_out] == [
            (rows - 1).tolist() for rows in want["held_out"]
        ]
        assert [*got.seeds.ravel().tolist(), got.final_seed] == want["seeds"].tolist()
        state = session.call(session.shared, "state_after", got.final_seed, draws).value
    assert [len(want["held_out"]) for want in expected] == [10, 10, 8, 8, 10]


def compared(accuracies):
    """A fold of an inner cross-validation with accuracies that are made up."""
    return _Compared(accuracies, np.zeros(0, np.int64), {})


class Recorder(XGBoost):
    """Keeps the draws it is given; its accuracies are made up, so that 400 trees are chosen."""

    def __init__(self, asked, fails=()):
        super().__init__()
        self._asked, self._fails = asked, fails

    def _cross_validate(self, table, resamples, draws, settings):
        self._asked.append(resamples)
        if len(self._asked) in self._fails:
            return [], 0, ["refused"]
        return [compared(np.tile(np.arange(2.0), (len(settings), 1)))], 0, []


@pytest.fixture
def two_tables(stages):
    """A small table twice, once with its outcome in it, and the outcome; in R."""
    session = r_session.start()
    table = made_table(24, 4)
    names = [f"f{i}" for i in range(4)]
    clear = table.values.copy()
    clear[:, 0] = table.positive
    return [
        session.call(session.shared, "fold_table", values, names, None).value
        for values in (table.values, clear)
    ], session.call(session.shared, "outcome_factor", table.positive).value


@pytest.fixture
def train_rows(stages, helpers, two_tables, monkeypatch):
    """Trains a classifier on rows of tables: 0 and 1 name the two, None is a row without."""
    session = r_session.start()
    tables, outcome = two_tables

    def train(classifier, *rows):
        monkeypatch.setattr(python_classifiers, "load", lambda name: classifier)
        lists = [
            session.call(helpers, "as_list", *(tables[index] for index in row)).value
            if row is not None
            else None
            for row in rows
        ]
        together = session.call(helpers, "as_list", *lists).value
        return python_classifiers.train(stages._call, "xgboost", together, outcome, SEED)

    return train


@pytest.mark.parametrize("fails", [False, True], ids=["trained", "failed"])
def test_tables_go_on_where_the_one_before_stopped(stages, two_tables, train_rows, fails):
    """A second completed table meets the numbers behind the first one's last fit."""
    session = r_session.start()
    asked = []
    if fails:
        # neither row has an MCC, so the first is chosen
        with pytest.raises(TaskFailure, match="refused"):
            train_rows(Recorder(asked, (1,)), (0,), None, (1,))
    else:
        found = train_rows(Recorder(asked), (0,), None, (1,))
        settings = found.facts[0]["settings"]
        assert (settings["nrounds"], settings["eta"]) == (400, 0)
        assert settings["colsample_bytree"] == 0.5
    first, second = asked
    assert first.final_seed != second.final_seed
    # a setting that does not learn draws all the same: with 4 columns two numbers
    # for each of 400 trees, and one before
    last, drawn = (int(first.seeds[-1, -1]), 0) if fails else (first.final_seed, 1 + 400 * 2)
    state = session.call(session.shared, "state_after", last, drawn).value
    again = python_classifiers.RDraws(stages._call, two_tables[1], SEED, state)
    resamples = again.resamples(10, len(SETTINGS))
    assert resamples.final_seed == second.final_seed
    assert (resamples.seeds == second.seeds).all()


class Stump(XGBoost):
    """One setting that learns, chosen without a comparison."""

    def __init__(self, fails=()):
        super().__init__()
        self._fails, self._count = fails, 0

    def _cross_validate(self, table, resamples, draws, settings):
        self._count += 1
        if self._count in self._fails:
            return [], 0, ["refused"]
        accuracy = np.zeros((len(SETTINGS), 2))
        accuracy[SETTINGS.index(Setting(0.5, 5, 1.0, 1.0)), 0] = 1
        return [compared(accuracy)], 0, []


def test_the_best_row_is_chosen(train_rows):
    """The row with the largest mean MCC wins, the first of equal ones; its models are kept."""
    alone = train_rows(Stump(), (0,))
    assert 0 < alone.mcc[0] < 1
    both = train_rows(Stump(), (0,), (1,), None, (1,), (0, 1))
    assert both.row == 1
    assert both.mcc[0] == alone.mcc[0]
    assert both.mcc[1] == both.mcc[3] == 1
    assert both.mcc[2] == -math.inf
    assert both.mcc[4] == (both.mcc[0] + 1) / 2
    assert both.fits == {"boosted models": 5}
    assert len(both.models) == len(both.facts) == 1
    assert both.facts[0]["selection_mcc"] == 1


def test_a_failed_model_is_the_worst_of_its_row(train_rows):
    """A failure loses to any model, and fails the task where it is chosen or alone."""
    found = train_rows(Stump(fails=(2,)), (0,), (1,))
    assert (found.row, found.mcc[1]) == (0, -math.inf)
    with pytest.raises(TaskFailure, match=r"every fold .* failed: refused"):
        train_rows(Stump(fails=(1,)), (0,), None)
    with pytest.raises(TaskFailure, match="refused"):
        train_rows(Stump(fails=(1, 2)), (0,), (1,))


def test_columns_missing_from_a_test_table_are_named(stages, two_tables, train_rows):
    """A test table without a training column fails with its name; other columns do no harm."""
    session = r_session.start()
    model = train_rows(XGBoost(), (0,)).models.at(0)
    values = made_table(6, 4, seed=3).values

    def predict(names):
        order = [0, 1, 2, 3][: len(names)]
        data = session.call(session.shared, "fold_table", values[:, order], names, None).value
        return stages.predict("xgboost", model, data)[0].probability.tolist()

    with pytest.raises(TaskFailure, match="lacks features of the training table: f2"):
        predict(["f0", "f1", "x", "f3"])
    expected = predict(["f0", "f1", "f2", "f3"])
    assert len(expected) == 6
    part = session.call(session.shared, "fold_table", values, ["f0", "f1", "f2", "f3"], None).value
    some = stages.predict("xgboost", model, part, np.array([4, 1]))[0].probability.tolist()
    assert some == [expected[4], expected[1]]


def shuffled_one_by_one(numbers, columns):
    """libstdc++'s std::shuffle as a loop over R's numbers; order, and numbers taken."""
    words = iter(math.floor(number * 4294967295.0) for number in numbers)
    taken = 0

    def below(bound):
        nonlocal taken
        while True:
            taken += 1
            product = next(words) * bound
            if product % 2**32 >= (2**32 - bound) % bound:
                return product // 2**32

    order = list(range(columns))
    at = 1
    if columns % 2 == 0:
        other = below(2)
        order[1], order[other] = order[other], order[1]
        at = 2
    while at < columns:
        one, other = divmod(below((at + 1) * (at + 2)), at + 2)
        order[at], order[one] = order[one], order[at]
        order[at + 1], order[other] = order[other], order[at + 1]
        at += 2
    return order, taken


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 13, 22, 59])
@pytest.mark.parametrize("rejected", [False, True])
def test_columns_are_those_of_a_shuffle(columns, rejected):
    """The first half of a shuffled order, tree by tree, a refused number included."""
    rounds = 30
    numbers = np.random.default_rng(columns).random(2000)
    if rejected and columns > 2:
        numbers[5] = 0.0  # a word of 0 is refused by every range but a power of two
    got = sample_columns(lambda size: numbers[:size], rounds, columns, 0.5)
    at, expected = FIRST_DRAWS, np.zeros((rounds, columns), dtype=bool)
    for step in range(rounds):
        order, taken = shuffled_one_by_one(numbers[at:], columns)
        expected[step, order[: max(1, columns // 2)]] = True
        at += taken
    assert (got.chosen == expected).all()
    assert got.draws == at


def test_more_numbers_are_asked_for_when_many_are_refused():
    """Refused numbers beyond what was asked for at first are made up by asking again."""
    numbers = np.random.default_rng(3).random(500)
    numbers[10:30] = 0.0
    asked = []

    def uniforms(size):
        asked.append(size)
        return numbers[:size]

    got = sample_columns(uniforms, 10, 5, 0.5)
    assert len(asked) > 1
    assert got.draws == FIRST_DRAWS + 10 * 2 + 20


@pytest.mark.parametrize("columns", [2, 7, 20])
def test_trees_use_the_columns_drawn(columns):
    """No tree splits on a column that was not drawn for it, and the columns change."""
    table = made_table(120, columns)
    rows = matrix(table.values, table.positive)
    uniforms = Numbers(1).uniforms
    growing = Boosting(rows, Setting(0.5, 5, 0.0, 0.5), lambda size: uniforms(5, size))
    growing.grow(100)
    chosen = sample_columns(lambda size: uniforms(5, size), 100, columns, 0.5).chosen
    splits = growing.model.trees_to_dataframe().query("Feature != 'Leaf'")
    used = {(tree, int(name[1:])) for tree, name in zip(splits.Tree, splits.Feature, strict=True)}
    assert {(t, c) for t, c in used if not chosen[t, c]} == set()
    assert len({column for _, column in used}) > columns // 2


def test_xgboost_draws_no_zero_of_its_own():
    """With seed 0, xgboost's generator has no 0 in 200,000 numbers: it would undo a weight."""
    bits = np.random.MT19937()
    bits._legacy_seeding(0)  # as C++'s mt19937 is seeded
    assert bits.random_raw(200_000).min() > 0


# what is left out


@pytest.mark.parametrize(
    ("rows", "columns", "share"),
    [
        pytest.param(30, 6, 0.5, id="small"),
        pytest.param(80, 9, 0.3, id="larger", marks=pytest.mark.slow),
    ],
)
def test_accuracies_are_the_same_without_shortcuts(rows, columns, share):
    """Each of the 96 accuracies of a fold is equal, and fewer than half the trees are grown."""
    table, numbers = made_table(rows, columns, share), Numbers(rows)
    resamples = numbers.resamples(10, len(SETTINGS))
    for fold in (0, 1):
        held_out, seeds = resamples.held_out[fold], resamples.seeds[fold]
        whole = InnerFold(table, held_out, numbers, shortcuts=False)
        short = InnerFold(table, held_out, numbers, shortcuts=True)
        assert short.accuracies(seeds).tolist() == whole.accuracies(seeds).tolist()
        assert whole.fitted == len(SETTINGS)
        assert short.fitted <= 26


def test_result_is_the_same_without_shortcuts():
    """Choice, classes and probabilities are equal to those of all 481 fits."""
    table, numbers = made_table(20, 5), Numbers(20, folds=3)
    short = XGBoost().fit(table, numbers)
    whole = XGBoost(shortcuts=False).fit(table, numbers)
    assert whole.fits == {"boosted models": 3 * 48 + 1}
    assert short.fits["boosted models"] < 3 * 27
    assert short.settings == whole.settings
    assert (short.final_seed, short.final_draws) == (whole.final_seed, whole.final_draws)
    assert short.fitted_positive.tolist() == whole.fitted_positive.tolist()
    test = made_table(50, 5, seed=2).values
    ours = XGBoost().predict_positive(short.model, test)
    assert ours.tolist() == XGBoost().predict_positive(whole.model, test).tolist()


def test_a_model_that_does_not_learn_predicts_one_half():
    """With eta = 0 one tree and 200 give the same: one half everywhere."""
    table = made_table(20, 5)
    for rounds in (1, 200):
        rows = matrix(table.values, table.positive)
        growing = Boosting(rows, Setting(0.0, 5, 0.0, 1.0), np.zeros)
        growing.grow(rounds)
        found = XGBoost().predict_positive(growing.model, table.values)
        assert found.tolist() == [0.5] * 20


def test_which_fits_are_the_same():
    """A deep tree is no twin; a shallow one is, and one without splits stands for stricter ones."""
    deep = Setting(0.5, 10, 1.0, 1.0)
    assert same_fit(Setting(0.5, 5, 1.0, 1.0), {deep: 6}) is None
    assert same_fit(Setting(0.5, 5, 1.0, 1.0), {deep: 5}) == deep
    assert same_fit(Setting(1.0, 5, 1.0, 1.0), {deep: 5}) is None
    assert same_fit(Setting(0.5, 5, 1.0, 0.5), {deep: 5}) is None
    assert same_fit(Setting(0.5, 5, 10.0, 1.0), {deep: 1}) is None
    assert same_fit(Setting(0.5, 5, 100.0, 0.5), {deep: 0}) == deep
    assert same_fit(Setting(0.5, 5, 0.0, 0.5), {deep: 0}) is None
    assert same_fit(Setting(0.5, 5, 100.0, 0.5), {Setting(0.5, 10, 1.0, 0.5): 0}) is None


@pytest.mark.parametrize("gamma", [1.0, 10.0])
@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_what_is_settled_stays(gamma, eta):
    """Where the certificate holds, no later tree splits or moves a margin beyond its bound."""
    table = made_table(90, 8, 0.4)
    setting = Setting(eta, 5, gamma, 1.0)
    rows = matrix(table.values, table.positive)
    growing = Boosting(rows, setting, np.zeros)
    far = np.array([5.0, -5.0], dtype=np.float32)
    for rounds in (16, 32, 64, 128):
        growing.grow(rounds)
        margin = growing.margin()
        least = limits(setting, margin, table.positive, far, 400 - rounds)
        probed = matrix(table.values, table.positive)
        if least is not None and not any_split(probed, margin, 5, least):
            break
    else:
        pytest.fail("never settled")
    assert 0.5 * gamma < least.gamma < gamma
    assert 0.9 < least.min_child_weight < 1
    splits = growing.model.get_score()
    growing.grow(400)
    assert growing.model.get_score() == splits
    moved = float(np.abs(growing.margin() - margin).max())
    assert moved <= -math.log(least.min_child_weight / 0.999)


def test_nothing_is_certain_too_early():
    """Large gradients, and a held-out row on the boundary, give no certificate."""
    positive = np.array([True] * 30 + [False] * 10)
    setting = Setting(1.0, 5, 1.0, 1.0)
    zero = np.zeros(40, dtype=np.float32)
    far = np.array([3.0], dtype=np.float32)
    assert limits(setting, zero, positive, far, 384) is None
    fitting = np.full(40, math.log(3), dtype=np.float32)
    assert limits(setting, fitting, positive, far, 384) is not None
    assert limits(setting, fitting, positive, np.array([1e-7], dtype=np.float32), 384) is None


# the choice


def test_ties_go_to_the_first_in_caret_s_order():
    """Fewer rounds, then less depth, eta, gamma and columns win among equals."""
    level = np.zeros((len(SETTINGS), 2))
    assert best(level) == (Setting(0.0, 5, 0.0, 0.5), 200)
    level[:, 1] = 1
    assert best(level) == (Setting(0.0, 5, 0.0, 0.5), 400)
    level[SETTINGS.index(Setting(1.0, 10, 1.0, 1.0)), 0] = 1
    assert best(level) == (Setting(1.0, 10, 1.0, 1.0), 200)


def test_means_are_rounded_once():
    """The mean of ten accuracies is the double next to the exact one, as colMeans gives it."""
    accuracies = np.array([k / 17 for k in (11, 12, 9, 16, 17, 3, 5, 8, 13, 14)])
    exact = sum(Fraction(float(value)) for value in accuracies) / 10
    got = mean_over_folds(accuracies[:, None, None])
    assert got[0, 0] == float(exact)


# refusals


def test_a_value_that_is_too_large_fails_with_its_reason():
    """A value beyond single precision fails the task in xgboost's words, without its paths."""
    table = made_table(20, 4)
    table.values[0, 0] = 1e39
    with pytest.raises(TaskFailure, match=r"every fold .*Input data contains `inf`") as failure:
        XGBoost().fit(Table(table.values[:2], np.array([True, False])), Numbers(2, folds=1))
    assert ".cc" not in failure.value.message
    assert "\n" not in failure.value.message


def test_a_large_test_value_fails_with_its_reason():
    """Predicting a value beyond single precision fails with the same words."""
    table = made_table(20, 4)
    model = XGBoost().fit(table, Numbers(20, folds=2)).model
    with pytest.raises(TaskFailure, match=r"^Input data contains `inf`"):
        XGBoost().predict_positive(model, np.array([[1e39, 0, 0, 0]]))


def test_xgboost_is_imported_when_it_is_needed():
    """Neither the pipeline nor a worker that never trains XGBoost pays for its import."""
    code = "import sys, amiss_tasks, amiss_tasks.tasks.runner; print('xgboost' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_classifier_is_found_by_name():
    """Each classifier in Python is loaded by its name and has both functions."""
    for name in IN_PYTHON:
        assert callable(load(name).fit)
        assert callable(load(name).predict_positive)
