"""What the runner shares, remembers and refuses."""

import math
import pickle
import platform

import numpy as np
import pytest
from amissstudies import amiss_values
from golden_tables import golden_block
from toyblock import toy_block

from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.stages.block_tables import BlockTable, BlockTables
from amiss_tasks.tasks._memo import Memo
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings, TaskFailure, TaskSpec, names_of

SETTINGS = Settings(inputs={}, protocol="amiss", seed=1)
VALUES = amiss_values(restriction="missense", downsampling="on", feature_sampling_percentage=0.33)


@pytest.fixture
def told():
    """Stages that a runner announced."""
    return []


@pytest.fixture
def own(told):
    return AmissRunner(SETTINGS, lambda stage, key: told.append((stage, key)))


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("runner") / "block.npz"
    golden_block("canonical", "clingen", "missense", "exclude", "dummy").save(path)
    return path


def task(classifier: str, fold: int = 1, **changes) -> TaskSpec:
    values = VALUES | changes
    if classifier == "lr":
        values = {k: v for k, v in values.items() if k != "hyperparameter_search_type"}
    return TaskSpec(context=0, code=0, fold=fold, classifier=classifier, values=values)


def test_result_has_the_pipeline_s_columns_and_can_be_sent(own, artifact):
    """Rows have the declared columns in order, plain values, and survive pickling."""
    result = own.run(task("rf"), artifact)
    columns = names_of(PIPELINE.result_columns)
    assert tuple(result.rows[0]) == columns
    assert all(tuple(row) == ("consequence", *columns) for row in result.details)
    assert {type(value) for value in result.rows[0].values()} <= {str, int, float, type(None)}
    assert pickle.loads(pickle.dumps(result)).rows[0].keys() == result.rows[0].keys()
    assert result.facts["n_rows"] > 0
    assert result.facts["mtry"] in {7, 15, 23, 31, 39}


def test_stages_are_announced_once(own, told, artifact):
    """Each stage is announced before it is computed, and not when it is shared."""
    own.run(task("rf"), artifact)
    names = [stage for stage, _ in told]
    assert names == [
        "fold",
        "prepare",
        "prepare",
        "impute",
        "train",
        "impute-test",
        "evaluate",
    ]
    del told[:]
    own.run(task("lr"), artifact)
    assert [stage for stage, _ in told] == ["train", "evaluate"]


def test_check_that_drops_nothing_costs_nothing(own, told, artifact):
    """A correlation check without effect leads to the same content and a shared result."""
    first = own.run(task("rf"), artifact)
    made = dict(told)["impute"]
    del told[:]
    second = own.run(task("rf", correlation_check="on"), artifact)
    assert second.shared
    assert not first.shared
    assert first.shares == second.shares == made
    assert second.content_key == first.content_key
    assert second.rows == first.rows
    assert [stage for stage, _ in told] == ["prepare"]


def test_content_keys_differ_where_results_may(own, artifact):
    """Method, classifier, fold and rows change the key; the search type does not for LR."""
    tasks = [
        task("rf"),
        task("lr"),
        task("lr", imputation="max_imp"),
        task("lr", fold=2),
        task("lr", training_data_sampling_percentage=0.66),
    ]
    assert len({own.run(each, artifact).content_key for each in tasks}) == len(tasks)
    searched = TaskSpec(0, 0, 1, "lr", VALUES | {"hyperparameter_search_type": "random"})
    assert own.run(searched, artifact).shared


MICE = {"imputation": "norm.predict", "feature_sampling_percentage": 1.0}


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """Rows enough for mice, and few features."""
    path = tmp_path_factory.mktemp("larger") / "block.npz"
    toy_block().save(path)
    return path


def test_test_tables_are_completed_once_where_they_are_equal(own, told, larger):
    """Both classifiers and other training rows share the ten tables that only mice's run makes."""
    first = own.run(task("rf", **MICE), larger)
    names = [row["test_completion_ix"] for row in first.rows]
    assert names == [f"imp_{number}" for number in range(1, 11)]
    del told[:]
    second = own.run(task("lr", **MICE), larger)
    assert [stage for stage, _ in told] == ["train", "evaluate"]
    del told[:]
    own.run(task("lr", **MICE, training_data_sampling_percentage=0.66), larger)
    assert [s for s, _ in told] == ["prepare", "prepare", "impute", "train", "evaluate"]
    # a runner that completes the tables anew finds the same
    alone = AmissRunner(SETTINGS, lambda *_: None, memo_bytes=1)
    assert untimed(alone.run(task("lr", **MICE), larger).rows) == untimed(second.rows)
    assert len({repr(row) for row in untimed(second.rows)}) > 1


def test_classifiers_choose_their_own_row_of_hyperparameters(own, told, larger):
    """KNN's test table is completed anew only where another row of hyperparameters is chosen."""
    knn = {"imputation": "knnImputation", "feature_sampling_percentage": 1.0}
    first = own.run(task("rf", **knn), larger)
    del told[:]
    second = own.run(task("lr", **knn), larger)
    stages = [stage for stage, _ in told]
    chosen = [result.facts["imputation_row"] for result in (first, second)]
    assert stages.count("impute-test") == (chosen[0] != chosen[1])
    for result in (first, second):
        rows = result.facts["imputation_rows"]
        assert len(rows) == 5
        mccs = [-math.inf if row["selection_mcc"] is None else row["selection_mcc"] for row in rows]
        assert mccs.index(max(mccs)) + 1 == result.facts["imputation_row"]
        assert result.facts["selection_mcc"] == max(mccs)
    assert first.facts["fits"] == {"forests": 30}
    assert second.facts["fits"] == {"regressions": 5}


def test_methods_that_draw_first_have_other_rows(own, artifact):
    """The sample of bpca is not that of zero_imp, which kNN and norm.predict share (D6)."""
    share = {"training_data_sampling_percentage": 0.66}
    cells = {
        name: own.chain.cell(task("lr", imputation=name, **share), artifact)
        for name in ("zero_imp", "norm.predict", "knnImputation", "bpca", "pmm")
    }
    rows = {name: cell.prepared.rows.tolist() for name, cell in cells.items()}
    assert rows["zero_imp"] == rows["norm.predict"] == rows["knnImputation"]
    assert rows["bpca"] != rows["zero_imp"] != rows["pmm"]
    assert cells["zero_imp"].prepared is cells["knnImputation"].prepared


def test_predictions_of_some_rows_are_those_of_the_whole_table(own, artifact):
    """With dummies a consequence's rows predicted by themselves come out as in the whole table."""
    cell = own.chain.cell(task("rf"), artifact)
    for classifier in ("rf", "lr"):
        trained = own.chain.train(cell, classifier, own.chain.imputed(cell), "grid", "key")
        model, data = trained.models.at(0), own.chain.imputed_test(cell, trained.row).tables.at(0)
        whole = own.chain.r.predict(classifier, model, data)[0].probability
        for group in cell.fold.groups:
            part = own.chain.r.predict(classifier, model, data, group.rows)[0].probability
            assert part.tolist() == whole[group.rows].tolist()


def untimed(rows):
    return [
        {key: repr(value) for key, value in row.items() if not key.endswith("time")} for row in rows
    ]


def test_order_of_tasks_does_not_matter(artifact):
    """A task gives the same numbers whatever ran before it, with and without memory."""
    tasks = [
        task("rf"),
        task("lr", imputation="mean_imp"),
        task("rf", imputation="mean_imp"),
        task("lr"),
        task("xgboost", training_data_sampling_percentage=0.33),
    ]

    def numbers(runner, order):
        found = {}
        for index in order:
            row = runner.run(tasks[index], artifact).rows[0]
            found[index] = {k: v for k, v in row.items() if not k.endswith("time")}
        return [repr(found[index]) for index in range(len(tasks))]

    forth = numbers(AmissRunner(SETTINGS, lambda *_: None), [0, 1, 2, 3, 4])
    back = numbers(AmissRunner(SETTINGS, lambda *_: None, memo_bytes=1), [4, 3, 2, 1, 0])
    assert forth == back


def test_failure_is_remembered(own, told, tmp_path):
    """A stage that failed fails its dependents at once with the same message."""
    block = golden_block("canonical", "clingen", "missense", "exclude", "dummy")
    numeric = block.train.numeric.copy()
    numeric[:, 0] = math.nan
    path = tmp_path / "block.npz"
    BlockTables(_with(block.train, numeric), block.test).save(path)
    full = {"feature_sampling_percentage": 1.0}
    with pytest.raises(TaskFailure, match="must be numeric: SIFT_score") as first:
        own.run(task("rf", **full), path)
    assert first.value.kind == "error"
    del told[:]
    with pytest.raises(TaskFailure, match="must be numeric: SIFT_score"):
        own.run(task("lr", **full), path)
    assert told == []
    # the variance check drops the feature first
    assert own.run(task("lr", nonzero_variance_check="on", **full), path).rows


def _with(table: BlockTable, numeric) -> BlockTable:
    return BlockTable(table.row_ids, table.positive, numeric, table.numeric_names, table.text)


def test_what_upstream_cannot_run_is_a_defect(own, artifact):
    """Random search for RF and XGBoost fails as D2 without running, XGBoost on text too."""
    for classifier in ("rf", "xgboost"):
        with pytest.raises(TaskFailure, match="D2") as failure:
            own.run(task(classifier, hyperparameter_search_type="random"), artifact)
        assert failure.value.kind == "upstream-defect"
    with pytest.raises(TaskFailure, match='random forest only, not "xgboost"'):
        own.run(task("xgboost", categorical="factor"), artifact)


def test_tiny_folds_fail_with_a_reason_or_run(own, tmp_path):
    """Folds of a few rows come to rows or to a failure with R's words, never to a defect."""
    block = golden_block("canonical", "clingen", "missense", "exclude", "dummy")
    reasons = []
    for rows in (3, 4, 6, 10, 14):
        part = block.train.take(np.arange(rows))
        path = tmp_path / f"{rows}.npz"
        BlockTables(part, block.test).save(path)
        for fold in (1, 2, 3):
            for downsampling in ("on", "off"):
                try:
                    assert own.run(task("lr", fold, downsampling=downsampling), path).rows
                except TaskFailure as failure:
                    reasons.append(failure.message)
    assert reasons
    assert all(reason and "Traceback" not in reason for reason in reasons)


def test_environment_names_what_changes_numbers(own):
    """R, its packages, linear algebra, Python, numpy, rpy2 and xgboost are named by version."""
    environment = own.environment()
    packages = {"randomForest", "mice", "ranger", "pcaMethods"}
    others = {"R", "BLAS", "LAPACK", "Python", "numpy", "rpy2", "xgboost", "platform"}
    assert packages | others == set(environment)
    assert all(isinstance(value, str) and value for value in environment.values())


def test_a_new_kernel_is_no_new_environment(own):
    """After a reboot into another kernel release a study goes on without being asked to mix."""
    assert platform.release() not in own.environment()["platform"]


def test_memory_is_bounded():
    """Least recently used values go first, and the budget holds."""
    memo = Memo(100)
    for name in ("a", "b", "c"):
        memo.get(name, lambda: ("old", 40))
    assert memo.get("c", lambda: ("new", 40)) == ("old", True)
    assert memo.get("a", lambda: ("new", 40)) == ("new", False)
    assert memo.get("b", lambda: ("new", 40)) == ("new", False)


def test_a_remembered_failure_is_raised_again():
    """A failed computation is not tried a second time."""
    calls = []

    def fail():
        calls.append(1)
        raise TaskFailure("no", "upstream-defect")

    memo = Memo(100)
    for _ in range(2):
        with pytest.raises(TaskFailure, match="no") as failure:
            memo.get("key", fail)
        assert failure.value.kind == "upstream-defect"
    assert len(calls) == 1
