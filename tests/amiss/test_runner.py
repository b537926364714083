"""What the runner shares, remembers and refuses."""

import math
import pickle
import platform

import numpy as np
import pytest
from golden_tables import golden_block

from amiss_tasks._memo import Memo
from amiss_tasks.blocktables import BlockTable, BlockTables
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.runner import AmissRunner
from gridrun.pipeline import Settings, TaskFailure, TaskSpec

SETTINGS = Settings(inputs={}, protocol="amiss", seed=1)
VALUES = {
    "transcript": "canonical",
    "quality": "clingen",
    "restriction": "missense",
    "vus_inclusion": "exclude",
    "categorical": "dummy",
    "imputation": "zero_imp",
    "downsampling": "on",
    "hyperparameter_search_type": "grid",
    "nonzero_variance_check": "off",
    "correlation_check": "off",
    "training_data_sampling_percentage": 1.0,
    "feature_sampling_percentage": 0.33,
}


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
    assert tuple(result.rows[0]) == PIPELINE.result_columns
    assert all(tuple(row) == ("consequence", *PIPELINE.result_columns) for row in result.details)
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
    del told[:]
    second = own.run(task("rf", correlation_check="on"), artifact)
    assert second.shared
    assert not first.shared
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


def test_order_of_tasks_does_not_matter(artifact):
    """A task gives the same numbers whatever ran before it, with and without memory."""
    tasks = [
        task("rf"),
        task("lr", imputation="mean_imp"),
        task("rf", imputation="mean_imp"),
        task("lr"),
    ]

    def numbers(runner, order):
        found = {}
        for index in order:
            row = runner.run(tasks[index], artifact).rows[0]
            found[index] = {k: v for k, v in row.items() if not k.endswith("time")}
        return [repr(found[index]) for index in range(len(tasks))]

    forth = numbers(AmissRunner(SETTINGS, lambda *_: None), [0, 1, 2, 3])
    back = numbers(AmissRunner(SETTINGS, lambda *_: None, memo_bytes=1), [3, 2, 1, 0])
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
    """Random search for RF fails as D2 without running."""
    with pytest.raises(TaskFailure, match="D2") as failure:
        own.run(task("rf", hyperparameter_search_type="random"), artifact)
    assert failure.value.kind == "upstream-defect"


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
    """R, randomForest, linear algebra, Python, numpy and rpy2 are named by version."""
    environment = own.environment()
    assert {"R", "randomForest", "BLAS", "LAPACK", "Python", "numpy", "rpy2", "platform"} == set(
        environment
    )
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
