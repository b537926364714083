"""The methods that impute from other features, one by one, against upstream's tables."""

import math
from pathlib import Path

import numpy as np
import pytest
from golden_tables import GOLDEN, csv_rows

from amiss_tasks.methods import METHODS
from amiss_tasks.parameters import MODEL_BASED_METHODS
from amiss_tasks.r import session as r_session
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.stage_results import Imputed
from gridrun.pipeline import TaskFailure

IMPUTE = GOLDEN / "impute"
NA = math.nan


@pytest.fixture(scope="module")
def stages() -> RStages:
    return RStages()


@pytest.fixture(scope="module")
def session(stages) -> r_session.RSession:
    return r_session.start()


@pytest.fixture(scope="module")
def helpers(session):
    environment = session.environment(session.shared)
    session.source_text(Path(__file__).with_name("helpers.R").read_text(), environment)
    return environment


@pytest.fixture(scope="module")
def call(session, helpers):
    """Call a function of the tests' own R file."""
    return lambda name, *args: session.call(helpers, name, *args).value


def golden(name: str) -> BlockTable:
    """A table of the imputation goldens."""
    rows = csv_rows(IMPUTE / f"{name}.csv.gz")
    names = [column for column in rows[0] if column != "row"]
    return table_of(**{n: [float(row[n]) if row[n] else NA for row in rows] for n in names})


def table_of(text=None, **columns: list[float]) -> BlockTable:
    numeric = np.array(list(columns.values()), dtype=float).T
    positive = np.zeros(len(numeric), dtype=bool)
    return BlockTable([], positive, numeric, tuple(columns), text or {})


def columns_of(table) -> dict[str, list[float]]:
    return {name: [float(x) for x in values] for name, values in table.python().items()}


def assert_equal(table, expected: BlockTable, rtol: float = 0.0) -> None:
    got = columns_of(table)
    assert tuple(got) == expected.numeric_names
    for column, name in enumerate(expected.numeric_names):
        want = expected.numeric[:, column]
        np.testing.assert_allclose(got[name], want, rtol=rtol, atol=0, err_msg=name)


KNN_ROWS = [METHODS["knnImputation"].row(number) for number in range(1, 6)]


def test_knn_equals_upstream(stages):
    """A table completed from its own complete rows is DMwR's for every k."""
    imputed = stages.impute_train(METHODS["knnImputation"], stages.table(golden("train")), KNN_ROWS)
    assert imputed.count == 5
    for row in range(5):
        expected = golden(f"knn_k{row + 1}_train")
        assert_equal(imputed.tables.at(row).at(0), expected, rtol=1e-9)


@pytest.mark.parametrize("k", range(1, 6))
def test_knn_from_other_rows_equals_dmwr(stages, call, k):
    """Test rows completed from the completed training table are DMwR's with distData."""
    method = stages.method_file(METHODS["knnImputation"])
    donors = stages.table(golden(f"knn_k{k}_train"))
    got = call("knn_from", method, stages.table(golden("test")), donors, k)
    assert_equal(got, golden(f"knn_k{k}_test_olddata"), rtol=1e-9)


def test_knn_on_a_test_table_with_a_constant_feature_fails(stages):
    """Length is constant in the golden's test table, so no row counts as complete, as upstream."""
    method = METHODS["knnImputation"]
    imputed = stages.impute_train(method, stages.table(golden("train")), KNN_ROWS)
    for row in range(5):
        with pytest.raises(TaskFailure, match=r"Not sufficient complete cases.*: 0 complete rows"):
            stages.impute_test(method, stages.table(golden("test")), imputed.states.at(row))


def test_a_row_of_hyperparameters_may_fail_alone(stages):
    """Three complete rows are enough for k up to 3; the other rows have no table."""
    table = table_of(a=[1, 2, 4, NA], b=[1, 3, 2, 5], c=[9, 7, 8, 7])
    imputed = stages.impute_train(METHODS["knnImputation"], stages.table(table), KNN_ROWS)
    assert [len(imputed.tables.at(row)) for row in range(5)] == [1, 1, 1, 0, 0]
    assert imputed.count == 3


def test_every_row_failing_fails_with_upstream_s_words_and_r_s(stages, capfd):
    """The failure has upstream's sentence and the first row's message, the log every row's."""
    table = table_of(a=[1, 2, 4, NA], b=[1, 3, NA, 5], c=[9, NA, 8, 7])
    with pytest.raises(
        TaskFailure,
        match=r"^No imputation method succeeded, cannot continue: .* 1 complete rows, 2 needed",
    ) as failure:
        stages.impute_train(METHODS["knnImputation"], stages.table(table), KNN_ROWS)
    assert failure.value.kind == "error"
    said = capfd.readouterr().err
    assert all(f"imputation row {k} (k={k}) failed: Not sufficient" in said for k in range(1, 6))


def test_knn_with_one_observed_value_fails(stages):
    """A row with a single value cannot be compared: upstream's arithmetic stops there."""
    table = table_of(a=[1, 2, 4, NA], b=[1, 3, 2, NA], c=[9, 7, 8, 7])
    with pytest.raises(TaskFailure, match="row that has a single value"):
        stages.impute_train(METHODS["knnImputation"], stages.table(table), KNN_ROWS)


@pytest.mark.parametrize(
    ("components", "steps"),
    [
        (2, 20),
        (5, 160),
        *(pytest.param(*pair, marks=pytest.mark.slow) for pair in [(2, 160), (5, 20)]),
    ],
)
def test_bpca_equals_upstream(stages, components, steps):
    """Training and test tables, each by itself, are pcaMethods'."""
    method, row = METHODS["bpca"], {"nPcs": components, "maxSteps": steps}
    imputed = stages.impute_train(method, stages.table(golden("train")), [row])
    tested = stages.impute_test(method, stages.table(golden("test")), imputed.states.at(0))
    name = f"bpca_pc{components}_steps{steps}"
    assert_equal(imputed.tables.at(0).at(0), golden(f"{name}_train"), rtol=1e-6)
    assert tested.count == 1
    assert_equal(tested.tables.at(0), golden(f"{name}_test_alone"), rtol=1e-6)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (table_of(a=[1, 2, NA], b=[NA, NA, NA], c=[1, 2, 1]), "feature without any value: b"),
        (table_of(a=[1, 2, NA], b=[3, 4, NA], c=[1, 2, NA]), "row without any value, there are 1"),
        (table_of({"t": ["x", "y", "x"]}, a=[1, 2, NA], b=[3, 4, 5]), "given text: t"),
    ],
)
def test_bpca_stops_at_the_first_failing_row(stages, table, message):
    """What BPCA cannot take fails with a reason, and fails the fold (D16)."""
    rows = [{"nPcs": 2, "maxSteps": 20}, {"nPcs": 3, "maxSteps": 20}]
    with pytest.raises(TaskFailure, match=f"^BPCA .*{message}"):
        stages.impute_train(METHODS["bpca"], stages.table(table), rows)


@pytest.mark.parametrize("name", ["pmm", "norm", "norm.predict", "rf"])
def test_mice_equals_upstream(stages, call, name):
    """One completion after five iterations from seed 123 is mice's, value by value."""
    method = stages.method_file(METHODS[name])
    table = stages.table(golden("train"))
    got = call("seeded", 123, method, ".mice_complete", table, name, 1, {}, 5)
    assert_equal(got.at(0), golden(f"mice_{name}_seed123_train"))


def test_missforest_equals_upstream(stages, call):
    """The loop of forests from seed 123 is the package's, value by value."""
    method = stages.method_file(METHODS["missForest"])
    params = {"mtry": 5, "ntree": 50}
    table = stages.table(golden("train"))
    got = call("seeded", 123, method, "impute_train", table, params, 1)
    expected = golden("missforest_mtry5_ntree50_seed123_train")
    assert_equal(got["completed"].at(0), expected)


def test_missforest_refuses_text_and_leaves_empty_features_out(stages):
    """Text stops it as upstream's package does; a feature without any value is not imputed."""
    method, rows = METHODS["missForest"], [{"mtry": 5, "ntree": 50}]
    text = table_of({"t": ["x", "y", "x"]}, a=[1, 2, NA], b=[3, 4, 5])
    with pytest.raises(TaskFailure, match="column t must be factor or numeric, is character"):
        stages.impute_train(method, stages.table(text), rows)
    values = np.linspace(0, 3, 20).tolist()
    empty = table_of(a=[NA, *values], b=[NA] * 21, c=[5, *values])
    imputed = stages.impute_train(method, stages.table(empty), rows)
    assert list(columns_of(imputed.tables.at(0).at(0))) == ["a", "c"]


STEPS = np.arange(60)
SMALL = {
    name: np.where(place == STEPS % 5, NA, values).tolist()
    for place, (name, values) in enumerate(
        {
            "a": np.sin(STEPS),
            "b": np.sin(STEPS) + np.cos(7 * STEPS),
            "c": np.cos(3 * STEPS),
        }.items()
    )
}
"""A table that every method can complete."""


@pytest.mark.parametrize("name", MODEL_BASED_METHODS)
def test_rows_draw_from_streams_of_their_own(stages, name):
    """A row of hyperparameters gives the same table alone as beside others, if it is the first."""
    method, table = METHODS[name], stages.table(table_of(**SMALL))
    rows = [method.row(1), method.row(2)] if method.axes else [{}]
    generator = _generator(stages)
    together = stages.impute_train(method, table, rows, generator)
    alone = stages.impute_train(method, table, rows[:1], generator)
    first = columns_of(together.tables.at(0).at(0))
    assert first == columns_of(alone.tables.at(0).at(0))
    assert not any(np.isnan(values).any() for values in first.values())
    for column, values in SMALL.items():
        kept = ~np.isnan(values)
        np.testing.assert_array_equal(np.array(first[column])[kept], np.array(values)[kept])


def test_hyperparameters_never_reach_mice_but_the_stream_does(stages):
    """Any row of pmm in the first place gives the same table, in the second another (D5)."""
    method, table = METHODS["pmm"], stages.table(table_of(**SMALL))
    low, high = method.row(1), method.row(180)
    forth = stages.impute_train(method, table, [low, high])
    back = stages.impute_train(method, table, [high, low])
    for place in (0, 1):
        assert columns_of(forth.tables.at(place).at(0)) == columns_of(back.tables.at(place).at(0))
    assert columns_of(forth.tables.at(0).at(0)) != columns_of(forth.tables.at(1).at(0))


def _generator(stages, predraw: int = 0):
    """The generator as preparing a small table leaves it."""
    table = BlockTable([], np.arange(60) % 3 == 0, np.zeros((60, 1)), ("a",), {})
    return stages.draw_sample(
        stages.table(table),
        stages.outcome(table),
        predraw={"pmm": predraw} if predraw else {},
        downsampling=True,
        feature_share=1.0,
        row_share=1.0,
    ).generator


@pytest.mark.parametrize("name", ["norm", "norm.predict"])
def test_methods_without_rows_go_on_where_preparing_ended(stages, name):
    """The generator's state matters to norm and norm.predict, not to a method with rows."""
    table = stages.table(table_of(**SMALL))
    ours, other = _generator(stages), _generator(stages, predraw=180)

    def completed(method, rows, generator):
        return columns_of(stages.impute_train(method, table, rows, generator).tables.at(0).at(0))

    assert completed(METHODS[name], [{}], ours) == completed(METHODS[name], [{}], ours)
    assert completed(METHODS[name], [{}], ours) != completed(METHODS[name], [{}], other)
    pmm = METHODS["pmm"]
    assert completed(pmm, [pmm.row(1)], ours) == completed(pmm, [pmm.row(1)], other)


@pytest.mark.parametrize(
    ("name", "count"),
    [("knnImputation", 1), ("bpca", 1), ("missForest", 10), ("pmm", 10), ("norm.predict", 10)],
)
def test_completions_of_a_test_table(stages, name, count):
    """MICE and missForest complete a test table ten times, each time differently; others once."""
    method, table = METHODS[name], stages.table(table_of(**SMALL))
    rows = [method.row(1)] if method.axes else [{}]
    imputed = stages.impute_train(method, table, rows, _generator(stages))
    tested = stages.impute_test(method, table, imputed.states.at(0))
    assert tested.count == count
    found = {repr(columns_of(tested.tables.at(number))) for number in range(count)}
    assert len(found) == count


def _labelled(stages, count: int):
    """Outcome of the first rows of SMALL."""
    table = BlockTable([], np.sin(STEPS[:count]) > 0, np.zeros((count, 1)), ("a",), {})
    return stages.outcome(table)


def test_a_row_without_a_table_draws_nothing_in_training(stages, call):
    """Forests on the second of two tables are the same when a failed row stands between."""
    table = stages.table(table_of(**SMALL))
    imputed = stages.impute_train(METHODS["knnImputation"], table, KNN_ROWS[:2])
    one, two = imputed.tables.at(0), imputed.tables.at(1)
    nothing = call("echo", None)
    plain = stages.train(
        "rf", Imputed(call("as_list", one, two), two, 2, (), [()] * 2), _labelled(stages, 60)
    )
    between = call("as_list", one, nothing, two)
    gap = stages.train("rf", Imputed(between, two, 2, (), [()] * 3), _labelled(stages, 60))
    assert gap.mcc == (plain.mcc[0], -math.inf, plain.mcc[1])
    assert gap.facts[0]["selection_mcc"] == plain.facts[0]["selection_mcc"]
    assert gap.fits == plain.fits == {"forests": 12}


def test_the_first_of_equally_good_rows_is_chosen(stages, call):
    """Equal tables give a regression equal MCC, and the first row's model is kept."""
    table = stages.table(table_of(**SMALL))
    one = stages.impute_train(METHODS["knnImputation"], table, KNN_ROWS[:1]).tables.at(0)
    nothing = call("echo", None)
    tables = call("as_list", nothing, one, one)
    trained = stages.train("lr", Imputed(tables, one, 2, (), [()] * 3), _labelled(stages, 60))
    assert trained.row == 1
    assert trained.mcc[0] == -math.inf
    assert trained.mcc[1] == trained.mcc[2]


def test_a_failing_model_is_the_worst_of_its_row(stages, call):
    """A table that cannot be trained on leaves the choice to the others."""
    table = stages.table(table_of(**SMALL))
    good = stages.impute_train(METHODS["knnImputation"], table, KNN_ROWS[:1]).tables.at(0)
    bad = call("as_list", stages.table(table_of(**SMALL, d=[NA] * 60)))
    tables = call("as_list", bad, good)
    trained = stages.train("lr", Imputed(tables, good, 2, (), [()] * 2), _labelled(stages, 60))
    assert (trained.row, trained.mcc[0]) == (1, -math.inf)
    two_bad = Imputed(call("as_list", bad, bad), good, 2, (), [()] * 2)
    with pytest.raises(TaskFailure, match=r"0 \(non-NA\) cases"):
        stages.train("lr", two_bad, _labelled(stages, 60))


def test_what_mice_leaves_out_is_named(stages, capfd):
    """A collinear feature stays incomplete: the log says why, the failure which, as upstream's."""
    draws = np.random.default_rng(1).normal(size=(2, 50))
    doubled = 2 * draws[0]
    doubled[:10] = NA
    table = stages.table(table_of(a=list(draws[0]), b=list(draws[1]), twice=list(doubled)))
    with pytest.raises(
        TaskFailure,
        match=r"^No imputation method succeeded, .*: missing values remain after imputation in the "
        r"training table: twice \(10 rows\)$",
    ):
        stages.impute_train(METHODS["pmm"], table, [{}])
    assert "mice leaves missing values in twice (collinear)" in capfd.readouterr().err
