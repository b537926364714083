"""Under protocol corrected nothing that is learnt looks at test rows."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from amissstudies import amiss_values, is_trained
from toyblock import toy_part

from amiss_tasks.classifiers._tuning import SETTINGS
from amiss_tasks.methods import BEYOND_AMISS, METHODS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.fold import FoldRows
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings, TaskSpec

pytestmark = pytest.mark.usefixtures("two_completions")
CORRECTED = Settings({}, "corrected", 1)
TRAIN, TEST = np.arange(60), np.arange(60, 90)
FEW = {
    # eight of their own rows cost minutes and show no more
    "missForest": ({"mtry": 2, "ntree": 10}, {"mtry": 3, "ntree": 10}),
    "pmm": (METHODS["pmm"].row(1), METHODS["pmm"].row(180)),
    "rf": (METHODS["rf"].row(1), METHODS["rf"].row(2)),
    # its own rows mostly have more components than the toy has features
    "bpca": ({"nPcs": 2, "maxSteps": 20}, {"nPcs": 3, "maxSteps": 20}),
    "missForest_ranger": ({"mtry": 2, "ntree": 10}, {"mtry": 3, "ntree": 10}),
}
"""Rows of hyperparameters in place of those that a method would draw."""

FACTS = (
    "features",
    "n_rows",
    "low_variance",
    "correlated",
    "dropped_after_imputation",
    "selection_mcc",
    "imputation_row",
    "imputation_hp",
    "imputation_rows",
    "fits",
    "mtry",
    "max_depth",
    "nrounds",
)


def changed_test_rows(part):
    """The part with other values, gaps and labels in its test rows."""
    random = np.random.default_rng(9)
    numeric, positive = part.numeric.copy(), part.positive.copy()
    numeric[TEST] = random.permuted(numeric[TEST] * 3 + 100, axis=0)
    positive[TEST] = ~positive[TEST]
    return replace(part, numeric=numeric, positive=positive)


def learnt(part, path, classifier: str, method: str):
    """Facts of a task, P(positive) of the training rows by its model, and its metrics."""
    BlockTables(part, part).save(path)
    return learnt_from(path, classifier, method)


def learnt_from(path, classifier: str, method: str, settings: Settings = CORRECTED):
    """The same of a block's artifact."""
    own = AmissRunner(settings, lambda *_: None)
    given = amiss_values(
        transcript="keep_all",
        imputation=method,
        downsampling="on",
        hyperparameter_search_type="random",
        nonzero_variance_check="on",
        correlation_check="on",
        training_data_sampling_percentage=0.66,
    )
    reads = PIPELINE.classifier_reads(classifier)
    task = TaskSpec(0, 0, 1, classifier, {name: given[name] for name in reads})
    result = own.run(task, path)
    cell = own.chain.cell(task, path)
    accepts = own.chain.r.accepts_missing(classifier, cell.method)
    checked = own.chain.checked(cell, task.values, accepts_missing=accepts)
    search = str(task.values.get("hyperparameter_search_type", ""))
    trained = own.chain.train(cell, classifier, checked, search, "again")
    table = checked.tables.at(trained.row).at(0)
    model = trained.models.at(0)
    found = own.chain.r.predict(classifier, model, table, method=cell.method)[0]
    fitted = found.probability
    facts = {name: result.facts[name] for name in FACTS if name in result.facts}
    metrics = [row["Brier"] for row in result.rows]
    return facts, cell.prepared.rows.tolist(), fitted.tolist(), metrics


def few_fits(monkeypatch) -> None:
    """Boosted trees of two settings, in three inner folds."""
    # in this order, for the first patch of a module imports it, with what the others have then
    for module in ("xgboost", "_tuning"):
        monkeypatch.setattr(f"amiss_tasks.classifiers.{module}.ROUNDS", (3, 6))
    monkeypatch.setattr("amiss_tasks.classifiers._tuning._CHECKPOINTS", (2,))
    monkeypatch.setattr("amiss_tasks.classifiers.xgboost.SETTINGS", SETTINGS[-2:])
    monkeypatch.setattr("amiss_tasks.classifiers.xgboost.FOLDS", 3)


DEAR = {"pmm", "norm", "norm.predict", "rf", "missForest"}
"""Methods that are tried with regression every time, since what they learn needs no classifier."""


def pairs() -> list:
    """Each method with each classifier."""
    found = []
    for method in METHODS:
        for classifier in filter(partial(is_trained, method), PIPELINE.classifiers):
            is_slow = method == "rf" or (method in DEAR and classifier != "lr")
            is_slow |= method in BEYOND_AMISS and (method, classifier) != ("gower_knn", "lr")
            found.append(
                pytest.param(method, classifier, marks=[pytest.mark.slow] if is_slow else [])
            )
    return found


@pytest.mark.parametrize(("method", "classifier"), pairs())
def test_other_test_rows_change_nothing_learnt(method, classifier, tmp_path, monkeypatch):
    """Other values and labels of test rows leave rows, features, choices and model as they are."""
    if method in FEW:
        monkeypatch.setattr("amiss_tasks.tasks.fold_tables.Cell.rows", FEW[method])
    if classifier == "xgboost":
        few_fits(monkeypatch)
    # which rows are tested is drawn by their variants and classes; here it is given
    monkeypatch.setattr(
        "amiss_tasks.tasks.fold_tables.rows_of_fold", lambda *_: FoldRows(TRAIN, TEST)
    )
    part = toy_part()
    before = learnt(part, tmp_path / "before.npz", classifier, method)
    after = learnt(changed_test_rows(part), tmp_path / "after.npz", classifier, method)
    assert before[:3] == after[:3]
    # boosted trees find no split here, so that every row gets one half whatever its label
    is_constant = (method, classifier) == ("missingness_indicators", "xgboost")
    assert (before[3] == after[3]) is is_constant
