"""The R pieces one by one: draws, feature checks, imputations, scaling, the session."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from golden_tables import GOLDEN, csv_rows, golden_block

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.methods import METHODS, predraws
from amiss_tasks.parameters import SINGLE_VALUE_METHODS
from amiss_tasks.protocols import AMISS as AS_AMISS
from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.r import session as r_session
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.stages.fold import fold_rows
from amiss_tasks.tasks.r_stages import RStages
from gridrun.pipeline import TaskFailure

PIECES, IMPUTE = GOLDEN / "pieces", GOLDEN / "impute"


@pytest.fixture(scope="module")
def stages() -> RStages:
    return RStages()


@pytest.fixture(scope="module")
def session() -> r_session.RSession:
    return r_session.start()


@pytest.fixture(scope="module")
def helpers(stages, session):
    """R functions of the tests, above those of the stages."""
    environment = session.environment(session.shared)
    session.source_text(Path(__file__).with_name("helpers.R").read_text(), environment)
    return environment


def whole() -> BlockTable:
    return golden_block("canonical", "onestar", "all", "exclude", "dummy").train


@pytest.fixture(scope="module")
def fold1(stages):
    """Training table and outcome of fold 1 in R."""
    table = whole().take(fold_rows(whole().rows, 1).train)
    return stages.table(table), stages.outcome(table)


SAMPLES = csv_rows(PIECES / "sampling_seed42_fold1.csv.gz")
DRAWN = csv_rows(PIECES / "imputation_hp_rows_seed42.csv")


@pytest.mark.parametrize(
    "expected",
    SAMPLES,
    ids=lambda row: f"{row['method']}-{row['downsampling']}-{row['feature_pct']}-{row['row_pct']}",
)
def test_samples_equal_upstream(stages, fold1, expected):
    """Rows kept, in order, and features drawn are upstream's for all settings and methods."""
    train, outcome = fold1
    method = METHODS[expected["method"]]
    sampled = stages.draw_sample(
        train,
        outcome,
        predraw=predraws(method, all_methods=False),
        downsampling=expected["downsampling"] == "on",
        feature_share=float(expected["feature_pct"]),
        row_share=float(expected["row_pct"]),
    )
    drawn_rows = [int(row["grid_row"]) for row in DRAWN if row["method"] == method.name]
    assert list(sampled.hyperparameter_rows.get(method.name, ())) == drawn_rows
    value = sampled.handle.python()
    assert value["rows"].tolist() == [int(row) for row in expected["rows"].split()]
    if float(expected["feature_pct"]) == 1:
        assert value["columns"] == list(whole().columns)
        return
    drawn = expected["features"].split()
    assert len(drawn) == int(expected["n_features"])
    columns = [name for name in drawn if name in AMISS.numeric]
    for feature in drawn:
        if feature not in AMISS.numeric:
            columns += [name for name in whole().columns if name.startswith(feature)]
    assert value["columns"] == columns


def test_all_samples_are_compared():
    """Both kinds of downsampling with three shares of features and rows, five kinds of method."""
    assert len(SAMPLES) == 5 * 18
    assert {row["method"] for row in SAMPLES} == {"zero_imp", "pmm", "rf", "bpca", "missForest"}


@pytest.mark.parametrize("expected", DRAWN, ids=lambda row: f"{row['method']}-{row['grid_row']}")
def test_hyperparameters_equal_upstream(expected):
    """A row of a method's grid has upstream's values under upstream's names."""
    row = METHODS[expected["method"]].row(int(expected["grid_row"]))
    wanted = dict(text.split("=") for text in expected["values"].split())
    assert row == {name: float(text) for name, text in wanted.items()}


def test_hyperparameter_grids_have_upstream_s_sizes():
    """Rows of each method's grid; four methods have more than eight, and draw first."""
    sizes = {name: method.rows for name, method in METHODS.items() if method.axes}
    upstream = {"knnImputation": 5, "bpca": 112, "missForest": 12, "pmm": 180, "rf": 36}
    assert sizes == upstream | {"gower_knn": 5, "missForest_ranger": 3, "cart": 3}
    predraws = {name for name, method in METHODS.items() if method.predraw}
    assert predraws == {"bpca", "missForest", "pmm", "rf"}


@cache
def variance_rows(matrix: str) -> dict[str, dict[str, str]]:
    rows = csv_rows(PIECES / "near_zero_variance.csv")
    return {row["feature"]: row for row in rows if row["matrix"] == matrix}


@pytest.mark.parametrize("matrix", ["fold1_training", "whole_training"])
def test_variance_figures_equal_caret(session, stages, fold1, matrix):
    """Frequency ratio, share of distinct values and verdict of each feature are caret's."""
    names = {row["matrix"] for row in csv_rows(PIECES / "near_zero_variance.csv")}
    assert matrix in names
    train = fold1[0] if matrix == "fold1_training" else stages.table(whole())
    expected = variance_rows(matrix)
    assert set(expected) == set(whole().columns)
    for name, row in expected.items():
        figures = session.call(session.shared, "variance_figures", train[name]).value.python()
        assert figures["ratio"][0] == pytest.approx(float(row["freqRatio"]), rel=1e-12)
        assert figures["percent"][0] == pytest.approx(float(row["percentUnique"]), rel=1e-12)
        assert figures["constant"][0] == (row["zeroVar"] == "TRUE")
    flagged = session.call(session.shared, "near_zero_variance", train).value.python()
    assert flagged == [name for name, row in expected.items() if row["nzv"] == "TRUE"]


@pytest.mark.parametrize("matrix", ["fold1", "whole"])
def test_correlations_equal_upstream(session, stages, fold1, matrix):
    """Pairwise correlations of the numeric features are upstream's within 1e-12."""
    rows = csv_rows(PIECES / f"correlation_{matrix}.csv.gz")
    names = [row["feature"] for row in rows]
    train = fold1[0] if matrix == "fold1" else stages.table(whole())
    count = len(whole().take(fold_rows(whole().rows, 1).train).row_ids)
    every = np.arange(count if matrix == "fold1" else whole().rows)
    numbers = stages.cut(train, every, names)
    got = session.call(session.shared, "correlations", numbers).value.python()
    expected = np.array([[float(row[name]) for name in names] for row in rows])
    np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize(
    "expected",
    csv_rows(PIECES / "find_correlation.csv"),
    ids=lambda row: f"{row['matrix']}-{row['cutoff']}",
)
def test_correlated_features_equal_caret(session, helpers, expected):
    """Features removed at each cutoff, in caret's order."""
    rows = csv_rows(PIECES / f"correlation_{expected['matrix']}.csv.gz")
    names = [row["feature"] for row in rows]
    values = np.array([[float(row[name]) for name in names] for row in rows])
    matrix = session.call(helpers, "named_square", values, names).value
    got = session.call(
        session.shared, "correlated_features", matrix, float(expected["cutoff"])
    ).value.python()
    assert got == expected["features_removed_in_order"].split()
    assert len(got) == int(expected["n"])


@cache
def unit_table(name: str) -> BlockTable:
    """A table of the imputation goldens."""
    rows = csv_rows(IMPUTE / f"{name}.csv.gz")
    names = tuple(column for column in rows[0] if column != "row")
    cells = [[float(row[column]) if row[column] else math.nan for column in names] for row in rows]
    return BlockTable([], np.zeros(len(rows), dtype=bool), np.array(cells), names, {})


def impute(stages, method: str, table):
    """A table completed by a method without hyperparameters."""
    return stages.impute_train(METHODS[method], table, [{}])


def columns_of(table) -> dict[str, list[float]]:
    return {name: [float(x) for x in values] for name, values in table.python().items()}


@pytest.mark.parametrize("method", SINGLE_VALUE_METHODS)
def test_imputations_equal_upstream(stages, method):
    """Completed training and test tables of each method are upstream's."""
    imputed = impute(stages, method, stages.table(unit_table("train")))
    state = imputed.states.at(0)
    tested = stages.impute_test(METHODS[method], stages.table(unit_table("test")), state)
    for part, completed in (("train", imputed.tables.at(0)), ("test", tested.tables)):
        expected = unit_table(f"{method}_{part}")
        got = columns_of(completed.at(0))
        assert tuple(got) == expected.numeric_names
        for column, name in enumerate(expected.numeric_names):
            want = expected.numeric[:, column]
            np.testing.assert_allclose(got[name], want, rtol=1e-12, err_msg=name)


def test_removed_indicators_equal_upstream():
    """The only column without an indicator is the one whose pattern came before."""
    removed = (IMPUTE / "missingness_indicators_removed.txt").read_text().split()
    names = unit_table("train").numeric_names
    kept = unit_table("missingness_indicators_train").numeric_names[len(names) :]
    assert [name for name in names if f"{name}_missing" not in kept] == removed


def table_of(**columns: list[float]) -> BlockTable:
    numeric = np.array(list(columns.values()), dtype=float).T
    return BlockTable([], np.zeros(len(numeric), dtype=bool), numeric, tuple(columns), {})


NA = math.nan


@pytest.mark.parametrize("method", SINGLE_VALUE_METHODS)
def test_feature_without_values_stops(stages, method):
    """A feature wholly missing in a fold's file comes back logical and stops every method."""
    table = table_of(a=[1, 2, NA], b=[NA, NA, NA])
    with pytest.raises(
        TaskFailure, match="All columns with missingness must be numeric: b"
    ) as failure:
        impute(stages, method, stages.table(table))
    assert failure.value.kind == "error"


def test_feature_emptied_by_row_sampling_does_not_stop(stages):
    """A feature that loses its values to row sampling stays numeric: max gives -Inf."""
    table = stages.table(table_of(a=[1, 2, 3], b=[NA, NA, 7]))
    cut = stages.cut(table, np.array([0, 1]), ["a", "b"])
    imputed = impute(stages, "max_imp", cut)
    assert columns_of(imputed.tables.at(0).at(0))["b"] == [-math.inf, -math.inf]
    assert any("-Inf" in note for note in imputed.notes)
    outcome = stages.outcome(BlockTable([], np.array([True, False]), np.empty((2, 0)), (), {}))
    with pytest.raises(TaskFailure, match="NA not permitted in predictors"):
        stages.train("rf", imputed, outcome)
    with pytest.raises(TaskFailure, match=r"0 \(non-NA\) cases: .*\(b\)"):
        stages.train("lr", imputed, outcome)


@pytest.mark.parametrize(
    "table", [table_of(a=[1, 2, 3], b=[4, 5, 6]), table_of(a=[1, NA, 3], b=[4, NA, 6])]
)
def test_single_pattern_of_missingness_is_a_defect(stages, table):
    """Complete data, or columns missing together, stop the indicators as upstream does."""
    with pytest.raises(
        TaskFailure, match=r"^attempt to set 'colnames'.*D13.*; to run it, set "
    ) as failure:
        impute(stages, "missingness_indicators", stages.table(table))
    assert failure.value.kind == "upstream-defect"


def test_balanced_downsampling_is_a_defect(stages):
    """Equal classes lose every row (D8)."""
    table = table_of(a=[1, 2, 3, 4])
    balanced = BlockTable([], np.array([True, False, True, False]), table.numeric, ("a",), {})
    with pytest.raises(TaskFailure, match=r"D8.+\{balanced_downsampling: corrected\}") as failure:
        stages.draw_sample(
            stages.table(balanced),
            stages.outcome(balanced),
            predraw={},
            downsampling=True,
            feature_share=1.0,
            row_share=1.0,
        )
    assert failure.value.kind == "upstream-defect"


@pytest.mark.parametrize("classifier", ["rf", "lr"])
def test_classifiers_say_why_they_cannot(stages, classifier):
    """A table of one row and a table of one class fail with caret's words."""
    one_row = table_of(a=[1])
    pair = table_of(a=[1, 2])
    for table, positive, message in (
        (one_row, [True], "nrow"),
        (pair, [True, True], "no data: 'negative'"),
        (pair, [False, False], "no data: 'positive'"),
    ):
        labelled = BlockTable([], np.array(positive), table.numeric, ("a",), {})
        imputed = impute(stages, "zero_imp", stages.table(labelled))
        with pytest.raises(TaskFailure, match=message):
            stages.train(classifier, imputed, stages.outcome(labelled))


def test_columns_are_read_back_as_upstream_does(session, helpers):
    """Whole numbers become integer unless one is written with an exponent; empty is logical."""
    columns = {
        "integer": [1, 2, NA],
        "double": [1.5, 2, NA],
        "logical": [NA, NA, NA],
        "exponent": [1, 100000, NA],
        "large": [123456, 1, NA],
        "huge": [2**31, 1, NA],
    }
    table = session.call(
        session.shared, "fold_table", np.array(list(columns.values())).T, list(columns), None
    ).value
    types = session.call(helpers, "column_types", table).value.python()
    assert dict(zip(columns, types, strict=True)) == {
        "integer": "integer",
        "double": "double",
        "logical": "logical",
        "exponent": "double",
        "large": "integer",
        "huge": "double",
    }


@pytest.mark.parametrize(("rows", "is_flagged"), [(200, False), (599, False), (600, True)])
def test_near_zero_variance_takes_one_percent_of_distinct_values_at_most(
    stages, session, rows, is_flagged
):
    """Caret's uniqueCut: 6 values in 200 or 599 rows are enough, whatever the frequent one's."""
    column = np.zeros(rows)
    column[:5] = np.arange(1, 6)
    table = BlockTable(["x"] * rows, column > 0, column[:, None], ("score",), {})
    flagged = session.call(session.shared, "near_zero_variance", stages.table(table))
    assert (list(flagged.value.python()) == ["score"]) is is_flagged


def test_a_row_sample_of_each_class_keeps_a_row_of_it():
    """D22: of two positives a third is none, yet one is drawn; upstream looks at no class."""
    corrected = RStages(protocol=Protocol(AS_AMISS, {"sampling": CORRECTED}))
    positive = np.arange(20) < 2
    names = AMISS.numeric[:2]
    table = BlockTable(["x"] * 20, positive, np.arange(40.0).reshape(20, 2), names, {})
    for fold in range(1, 6):
        sampled = corrected.draw_sample(
            corrected.table(table),
            corrected.outcome(table),
            predraw={},
            downsampling=False,
            feature_share=1.0,
            row_share=0.33,
            fold=fold,
        )
        drawn = positive[sampled.handle.python()["rows"].astype(int) - 1]
        assert (int(drawn.sum()), int((~drawn).sum())) == (1, 5)
