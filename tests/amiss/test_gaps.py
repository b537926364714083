"""No imputed table that still has missing values reaches a classifier or a score."""

import math

import numpy as np
import pytest

from amiss_tasks.methods import METHODS, own_method
from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.r.session import RObject
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks.r_stages import RStages
from gridrun.pipeline import TaskFailure

NA = math.nan
RANDOM = np.random.default_rng(4)
PLAIN = RANDOM.normal(size=(40, 2))
LEFT = "missing values remain after imputation in the"


@pytest.fixture(scope="module")
def stages() -> RStages:
    return RStages()


def table_of(stages, **columns) -> RObject:
    numeric = np.array(list(columns.values()), dtype=float).T
    positive = np.zeros(len(numeric), dtype=bool)
    return stages.table(BlockTable([], positive, numeric, tuple(columns), {}))


def outcome_of(stages, rows: int) -> RObject:
    positive = np.arange(rows) % 2 == 0
    return stages.outcome(BlockTable([], positive, np.empty((rows, 0)), (), {}))


def generator(stages) -> RObject:
    return stages.draw_sample(
        table_of(stages, a=PLAIN[:, 0]),
        outcome_of(stages, 40),
        predraw={},
        downsampling=False,
        feature_share=1.0,
        row_share=1.0,
    ).generator


def doubled() -> dict[str, np.ndarray]:
    """A feature that mice finds collinear with another, and leaves as it is."""
    twice = 2 * PLAIN[:, 0] + 1
    twice[:7] = NA
    return {"a": PLAIN[:, 0], "b": PLAIN[:, 1], "twice": twice}


def emptied() -> dict[str, list[float]]:
    """A feature without a value in the first 40 of its rows."""
    return {"a": [*PLAIN[:, 0], 1.0], "b": [*[NA] * 40, 2.0]}


CASES = [
    *((name, doubled, "twice \\(7 rows\\)") for name in ("pmm", "norm", "norm.predict", "rf")),
    *((name, emptied, "b \\(40 rows\\)") for name in ("mean_imp", "median_imp")),
]


@pytest.mark.parametrize(("name", "columns", "named"), CASES)
def test_a_training_table_with_gaps_is_a_failed_row(stages, name, columns, named):
    """Whatever method left them, with the features and the numbers of their rows."""
    method = METHODS[name]
    table = stages.cut(table_of(stages, **columns()), np.arange(40), list(columns()))
    rows = [method.row(1)] if method.axes else [{}]
    with pytest.raises(TaskFailure, match=f"{LEFT} training table: {named}"):
        stages.impute_train(method, table, rows, generator(stages))


def test_a_far_row_of_knn_has_no_score(stages):
    """Each neighbour's weight underflows to 0, so what kNN imputes is not a number."""
    near = np.arange(40) / 1000
    table = table_of(stages, a=near, b=near, c=[NA, *np.sin(near[1:])])
    imputed = stages.impute_train(METHODS["knnImputation"], table, [{"k": 1}])
    trained = stages.train("lr", imputed, outcome_of(stages, 40))
    far = table_of(stages, a=[1e6, 0], b=[NA, 0], c=[0, 0])
    found = stages.impute_test(METHODS["knnImputation"], far, imputed.states.at(0), learnt=True)
    with pytest.raises(TaskFailure, match=rf"^{LEFT} test table: b \(1 row\)$"):
        stages.predict("lr", trained.models.at(0), found.tables.at(0))


OWN = """
impute_train <- function(data, params, seed) {
  list(completed = zero(data), state = NULL)
}
impute_test <- function(data, state, seed) {
  data
}
zero <- function(data) {
  for (name in names(data)) data[[name]][is.na(data[[name]])] <- 0
  data
}
"""


def test_an_own_method_that_leaves_gaps_has_no_score(stages):
    """Its file and function are named, in training and test alike."""
    method = own_method(OwnFile("mine", "mine.R", OWN))
    table = table_of(stages, **doubled())
    state = stages.impute_train(method, table, [{}]).states.at(0)
    with pytest.raises(TaskFailure, match=r"impute_test of mine\.R: .*7 missing values.*twice"):
        stages.impute_test(method, table, state)
    idle = own_method(OwnFile("idle", "idle.R", OWN.replace("zero(data)", "data", 1)))
    with pytest.raises(TaskFailure, match=r"impute_train of idle\.R: .*7 missing values.*twice"):
        stages.impute_train(idle, table, [{}])


@pytest.mark.parametrize("classifier", ["rf", "lr", "xgboost"])
def test_a_test_table_with_gaps_has_no_score(stages, classifier, monkeypatch):
    """Every classifier refuses it with the same words; of the rows without a gap, too."""
    monkeypatch.setattr("amiss_tasks.classifiers.xgboost.FOLDS", 2)
    method = METHODS["norm.predict"]
    whole = {"a": PLAIN[:, 0], "b": PLAIN[:, 1], "twice": PLAIN[::-1, 0].copy()}
    trained_on = stages.impute_train(method, table_of(stages, **whole), [{}], generator(stages))
    trained = stages.train(classifier, trained_on, outcome_of(stages, 40))
    found = stages.impute_test(method, table_of(stages, **doubled()), trained_on.states.at(0))
    for rows in (None, np.arange(10)):
        with pytest.raises(TaskFailure, match=rf"^{LEFT} test table: twice \(7 rows\)$"):
            stages.predict(classifier, trained.models.at(0), found.tables.at(0), rows)
    # a table of rows that have their values is one without gaps
    stages.predict(classifier, trained.models.at(0), found.tables.at(0), np.arange(10, 40))
