"""Under corrected features may have any name, be few or rare, and rows may lack all values."""

import numpy as np
import pytest

from amiss_tasks.methods import METHODS, Method
from amiss_tasks.protocols import AMISS, CORRECTED, Protocol
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks.r_stages import RStages
from gridrun.pipeline import TaskFailure

NAMES = ("missense_variant&splice", "GERP++_RS", "M-CAP [<0.5]", "1000Gp3", "if", "a.b", "a_b")
"""As R's formulas and regular expressions do not take them, or take one for another."""

RANDOM = np.random.default_rng(8)
SLOW_HERE = {"missForest", "missForest_ranger", "pmm", "norm", "rf", "cart", "midastouch"}
SLOW_HERE |= {"lasso.norm"}
EACH = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW_HERE else ())
    for name in METHODS
    if name != "none"
]


def with_gaps(rows: int, features: int) -> np.ndarray:
    values = RANDOM.normal(size=(rows, 2)) @ RANDOM.normal(size=(2, features))
    values += RANDOM.normal(0, 0.3, values.shape)
    values[::7, 1] = values[3::7, -1] = np.nan
    return values


@pytest.fixture(scope="module")
def corrected(two_completions) -> RStages:
    del two_completions
    return RStages(protocol=Protocol(CORRECTED))


def completed(stages: RStages, method: Method, number: int, values, names) -> list[np.ndarray]:
    """The training table, and every completion of a test table."""
    training, tested = values[:-12], values[-12:]
    positive = np.zeros(len(training), dtype=bool)
    table = stages.table(BlockTable([], positive, training, names, {}))
    row = method.row(number) if method.axes else {}
    trained = stages.impute_train(method, table, [row])
    table = stages.table(BlockTable([], positive[:12], tested, names, {}))
    found = stages.impute_test(method, table, trained.states.at(0), fold=1)
    tables = [trained.tables.at(0).at(0), *(found.tables.at(n) for n in range(found.count))]
    for one in tables:
        assert list(one.python())[: len(names)] == list(names)
    return [np.array([*one.python().values()], float).T for one in tables]


@pytest.mark.parametrize("name", EACH)
def test_names_change_no_value(corrected, name):
    """Values are those of the same features under the names a, b, c and so on."""
    values = with_gaps(50, len(NAMES))
    odd = completed(corrected, METHODS[name], 2, values, NAMES)
    plain = completed(corrected, METHODS[name], 2, values, tuple("abcdefg"))
    for ours, theirs in zip(odd, plain, strict=True):
        assert not np.isnan(ours).any()
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", EACH)
def test_few_features_and_rows_without_values(corrected, name):
    """Two features are completed by the largest hyperparameters, as are rows that lack both."""
    values = with_gaps(50, 2)
    values[[5, -2]] = np.nan
    method = METHODS[name]
    for table in completed(corrected, method, max(1, method.rows), values, ("a", "b")):
        assert not np.isnan(table).any()


@pytest.mark.parametrize("others", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [name for name in METHODS if name != "none"])
def test_a_feature_with_one_value_that_differs(corrected, name, others):
    """A feature is completed whose known values are alike but for one or two: a rare level."""
    values = with_gaps(50, 4)
    values[:, 3] = 0
    values[4 : 4 + others, 3] = 1
    values[[2, 9, 20, -3], 3] = np.nan
    method = METHODS[name]
    for table in completed(corrected, method, 1, values, ("a", "b", "c", "rare")):
        assert np.isfinite(table).all()


def test_bpca_gives_a_row_without_values_the_means(corrected):
    """Means are those of the training rows; amiss stops there, as upstream does."""
    values = with_gaps(50, 3)
    values[[5, -2]] = np.nan
    means = np.nanmean(values[:-12], axis=0)
    training, tested = completed(corrected, METHODS["bpca"], 1, values, ("a", "b", "c"))
    np.testing.assert_allclose(training[5], means)
    np.testing.assert_allclose(tested[-2], means)
    with pytest.raises(TaskFailure, match="row without any value, there are 1"):
        completed(RStages(protocol=Protocol(AMISS)), METHODS["bpca"], 1, values, ("a", "b", "c"))


@pytest.mark.parametrize(
    "classifier", ["rf", "lr", "pattern_lr", pytest.param("xgboost", marks=pytest.mark.slow)]
)
def test_names_change_no_probability(corrected, classifier):
    """A classifier predicts the same by features of any name."""
    values = RANDOM.normal(size=(60, len(NAMES)))
    positive = values[:, 0] + RANDOM.normal(size=60) > 0
    found = []
    for names in (NAMES, tuple("abcdefg")):
        block = BlockTable([], positive, values, names, {})
        table = corrected.table(block)
        imputed = corrected.impute_train(METHODS["mean_imp"], table, [{}])
        trained = corrected.train(classifier, imputed, corrected.outcome(block))
        found.append(corrected.predict(classifier, trained.models.at(0), table)[0].probability)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("method", ["pmm", "cart"])
def test_a_name_is_not_run_as_code(method, tmp_path):
    """Under amiss mice evaluates names; a name that calls something is refused before it does."""
    names = ("a", "b", "c", f'file.create("{tmp_path}/ran")')
    stages = RStages(protocol=Protocol(AMISS))
    table = stages.table(BlockTable([], np.zeros(50, dtype=bool), with_gaps(50, 4), names, {}))
    with pytest.raises(TaskFailure, match="would run the name of this feature as code: file"):
        stages.impute_train(METHODS[method], table, [METHODS[method].row(1)])
    assert not (tmp_path / "ran").exists()
