"""Whole tasks against upstream's cross-validation runs (S11, three folds)."""

import math
from functools import cache
from pathlib import Path

import pytest
from golden_tables import (
    GOLDEN,
    csv_rows,
    golden_block,
    own_block,
    parameters_of,
)

from amiss_tasks.blocktables import BlockTables
from gridrun.pipeline import TaskSpec

BLOCK = ("transcript", "quality", "restriction", "vus_inclusion", "categorical")
COUNTS = ("TP", "FP", "FN", "TN")
RUNS = sorted(folder for folder in (GOLDEN / "cv").iterdir() if folder.is_dir())
RICH = sorted((GOLDEN / "rich" / "runs").iterdir())


def asked(folder: Path) -> list[str]:
    """Classifiers that upstream trains in this run."""
    values = parameters_of(folder)
    classifiers = ["rf"] if values["hyperparameter_search_type"] == "grid" else []
    return classifiers + (["lr"] if values["categorical"] == "dummy" else [])


CASES = [(folder, classifier) for folder in RUNS + RICH for classifier in asked(folder)]

# per-consequence tables and details of the rich runs were not kept
WITH_TABLES = [(folder, classifier) for folder, classifier in CASES if folder in RUNS]


def test_every_golden_run_is_here():
    """All single-value runs of the goldens are compared, each method at least once with RF."""
    assert len(RUNS) == 21
    methods = {parameters_of(folder)["imputation"] for folder, name in CASES if name == "rf"}
    assert len(methods) == 7
    assert {folder.name for folder in RICH} == {"max_dummy", "mean_factor", "mi_random"}


@cache
def block_of(folder: Path) -> BlockTables:
    values = parameters_of(folder)
    chosen = [str(values[name]) for name in BLOCK]
    if folder.parent.name == "runs":
        return own_block(GOLDEN / "rich" / "input", *chosen)
    return golden_block(*chosen)


@pytest.fixture(scope="session")
def results(runner, tmp_path_factory):
    """Results of a run's three folds, computed once."""
    saved = tmp_path_factory.mktemp("blocks")

    @cache
    def run(folder: Path, classifier: str):
        artifact = saved / f"{folder.name}.npz"
        block_of(folder).save(artifact)
        values = parameters_of(folder)
        return [
            runner.run(TaskSpec(0, 0, fold, classifier, values), artifact) for fold in (1, 2, 3)
        ]

    return run


def same(expected: str, value: object) -> bool:
    """Equal as upstream's tables show it: NA and NaN alike, numbers within 1e-9."""
    if expected == "NA":
        return value is None or (isinstance(value, float) and math.isnan(value))
    return value is not None and abs(float(expected) - value) <= 1e-9


def differences(expected: dict[str, str], row: dict[str, object]) -> dict[str, tuple]:
    """Columns that differ; counts must be equal, times are left out."""
    found = {}
    for name, value in row.items():
        if name in {"model_ix", "test_completion_ix", "consequence"}:
            equal = expected[name] == value
        elif name in {"tr_time", "te_time"}:
            equal = isinstance(value, float) and value >= 0
        elif name in COUNTS:
            equal = int(expected[name]) == value
        else:
            equal = same(expected[name], value)
        if not equal:
            found[name] = (expected[name], value)
    return found


def each(cases):
    """One test for each run and classifier."""
    return pytest.mark.parametrize(
        ("folder", "classifier"), cases, ids=[f"{folder.name}-{name}" for folder, name in cases]
    )


@each(CASES)
def test_overall_rows(results, folder, classifier):
    """Confusion counts are equal in every fold, the other metrics within 1e-9."""
    expected = csv_rows(folder / f"cv_{classifier}_results.csv")
    got = results(folder, classifier)
    assert [row["fold"] for row in expected] == ["1", "2", "3"]
    for want, result in zip(expected, got, strict=True):
        assert differences(want, result.rows[0]) == {}


@each(WITH_TABLES)
def test_per_consequence_rows(results, folder, classifier):
    """The same holds within each consequence, in upstream's order."""
    expected = [
        row for row in csv_rows(folder / "per_consequence.csv") if row["classifier"] == classifier
    ]
    got = results(folder, classifier)
    rows = [(fold, row) for fold, result in enumerate(got, 1) for row in result.details]
    assert [(int(w["fold"]), w["consequence"]) for w in expected] == [
        (fold, row["consequence"]) for fold, row in rows
    ]
    for want, (_, row) in zip(expected, rows, strict=True):
        assert differences(want, row) == {}


@each(WITH_TABLES)
def test_details(results, folder, classifier):
    """Training rows, final features, settings and the MCC of the choice are upstream's."""
    expected = [row for row in csv_rows(folder / "details.csv") if row["classifier"] == classifier]
    for want, result in zip(expected, results(folder, classifier), strict=True):
        facts = result.facts
        assert facts["n_rows"] == int(want["n_rows"])
        assert facts["features"] == want["features"].split()
        assert same(want["selection_mcc"], facts["selection_mcc"])
        if classifier == "rf":
            assert want["best_tune"] == f"mtry={facts['mtry']}"


def test_probabilities(runner, tmp_path):
    """P(positive) of every test row, fold and classifier of run zero_imp is upstream's."""
    folder = GOLDEN / "cv" / "zero_imp"
    artifact = tmp_path / "block.npz"
    block_of(folder).save(artifact)
    expected = csv_rows(folder / "probabilities.csv.gz")
    values = parameters_of(folder)
    for fold in (1, 2, 3):
        wanted = [row for row in expected if int(row["fold"]) == fold]
        for classifier in ("rf", "lr"):
            got = runner.predictions(TaskSpec(0, 0, fold, classifier, values), artifact)
            assert list(got.row_ids) == [row["row"] for row in wanted]
            assert got.positive.tolist() == [row["outcome"] == "positive" for row in wanted]
            assert got.probability.tolist() == pytest.approx(
                [float(row[classifier]) for row in wanted], abs=1e-9
            )
