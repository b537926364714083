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

from amiss_tasks.evaluation import PREDICTIONS
from amiss_tasks.methods import METHODS
from amiss_tasks.parameters import SINGLE_VALUE_METHODS
from amiss_tasks.r.versions import version_notes
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.predictions import unpack
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings, TaskFailure, TaskSpec

BLOCK = ("transcript", "quality", "restriction", "vus_inclusion", "categorical")
COUNTS = ("TP", "FP", "FN", "TN")
RUNS = sorted(folder for folder in (GOLDEN / "cv").iterdir() if folder.is_dir())
RICH = sorted((GOLDEN / "rich" / "runs").iterdir())


def asked(folder: Path) -> list[str]:
    """Classifiers that upstream trains in this run."""
    values = parameters_of(folder)
    searched = values["hyperparameter_search_type"] == "grid"
    dummies = values["categorical"] == "dummy"
    found = {"rf": searched, "xgboost": searched and dummies, "lr": dummies}
    return [classifier for classifier, trained in found.items() if trained]


QUICK = {"zero_imp"}
"""Runs whose XGBoost is compared every time, on a fold."""


APART = {"bpca_random", "norm_random", "pmm_random", "pmm_factor"}
"""Runs that take long; each time test_imputation has their fits, and a whole study pmm_factor."""

REPEAT = {f"{name}_imp_factor" for name in ("max", "min", "mean", "median", "outlier")}
"""Runs whose forests take long and say what others say: the method in runs with dummies, what
forests make of factors in zero_imp_factor, missingness_indicators_factor and mean_factor."""


def folds_of(folder: Path, classifier: str) -> list[tuple]:
    """Folds that are tested together, and marks: a fold of what takes long every time."""
    slow = pytest.mark.slow
    if folder.name in APART | REPEAT:
        return [((1, 2, 3), slow)]
    if classifier == "xgboost" and folder.name not in QUICK:
        return [((1, 2, 3), slow)]
    if classifier == "xgboost" or (classifier == "rf" and folder.name != "zero_imp"):
        return [((1,), ()), ((2, 3), slow)]
    return [((1, 2, 3), ())]


# upstream has no tables of a run that failed
FAILED = [folder for folder in RICH if (folder / "failed.txt").exists()]
CASES = [
    (folder, classifier)
    for folder in RUNS + RICH
    if folder not in FAILED
    for classifier in asked(folder)
]

# per-consequence tables and details of the rich runs were not kept
WITH_TABLES = [(folder, classifier) for folder, classifier in CASES if folder in RUNS]


DIFFER_WITH = {"LAPACK": {GOLDEN / "cv" / "pmm_random"}}
"""Runs whose numbers are other ones with the versions of this row of ``OTHER_NUMBERS``."""


@pytest.fixture(scope="session")
def known(runner):
    """Why a run has other numbers with the versions that are here; empty where it has not."""

    def why(folder: Path) -> str:
        notes = version_notes(runner.environment(), [parameters_of(folder)["imputation"]])
        runs = {name: DIFFER_WITH.get(name, set()) for name in notes}
        # of a BLAS that adds up otherwise nobody has tried which runs it changes
        return next((n for name, n in notes.items() if name == "BLAS" or folder in runs[name]), "")

    return why


def test_every_golden_run_is_here():
    """All runs of the goldens are compared, each method at least once but missForest and rf."""
    assert len(RUNS) == 24
    assert len(RICH) == 7
    methods = {parameters_of(folder)["imputation"] for folder, name in CASES if name == "rf"}
    assert methods == {*SINGLE_VALUE_METHODS, "pmm"}
    others = {parameters_of(folder)["imputation"] for folder, name in CASES if name == "lr"}
    assert others >= {"knnImputation", "bpca", "pmm", "norm"}
    assert [folder.name for folder in FAILED] == ["knn_factor"]
    boosted = {folder.name for folder, name in CASES if name == "xgboost"}
    assert boosted == {
        "max_dummy",
        "max_imp",
        "mean_imp",
        "median_imp",
        "minimal_zero_imp",
        "missingness_indicators",
        "outlier_imp",
        "zero_imp",
    }


@cache
def block_of(folder: Path) -> BlockTables:
    values = parameters_of(folder)
    chosen = [str(values[name]) for name in BLOCK]
    if folder.parent.name == "runs":
        return own_block(GOLDEN / "rich" / "input", *chosen)
    return golden_block(*chosen)


@pytest.fixture(scope="session")
def results(reads, tmp_path_factory):
    """Result of one fold of a run, computed once, with the probabilities of its test rows."""
    settings = Settings(inputs={}, protocol="amiss", seed=1, options={PREDICTIONS: True})
    runner = AmissRunner(settings, lambda stage, key: None)
    saved = tmp_path_factory.mktemp("blocks")

    @cache
    def artifact(folder: Path) -> Path:
        path = saved / f"{folder.parent.parent.name}-{folder.name}.npz"
        block_of(folder).save(path)
        return path

    @cache
    def run(folder: Path, classifier: str, fold: int):
        values = parameters_of(folder)
        return runner.run(TaskSpec(0, 0, fold, classifier, values), artifact(folder))

    return run


def same(expected: str, value: object) -> bool:
    """Equal as upstream's tables show it: NA and NaN alike, numbers within 1e-9."""
    if expected in {"NA", "NaN"}:
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


def require_same(expected: dict[str, str], row: dict[str, object], why: str) -> None:
    """Stop where a row differs; where that is known of the versions, it is of the same test rows.

    The classes of the test rows are then those of the counts, whatever was predicted.
    """
    found = differences(expected, row)
    if not why:
        assert found == {}
        return
    assert not found.keys() & {"model_ix", "test_completion_ix", "consequence"}
    for right, wrong in (("TP", "FN"), ("TN", "FP")):
        assert int(expected[right]) + int(expected[wrong]) == row[right] + row[wrong]


def each(cases):
    """One test for each run and classifier, and for the folds that are to be run by hand."""
    marked = []
    for folder, name in cases:
        for folds, marks in folds_of(folder, name):
            ident = f"{folder.relative_to(GOLDEN)}-{name}-{'-'.join(map(str, folds))}"
            marked.append(pytest.param(folder, name, folds, marks=marks, id=ident))
    return pytest.mark.parametrize(("folder", "classifier", "folds"), marked)


def number_of(row: dict) -> int:
    """Number of a completion; upstream's tables have them in the order of text."""
    return int(row["test_completion_ix"].removeprefix("imp_"))


@each(CASES)
def test_overall_rows(results, known, folder, classifier, folds):
    """Confusion counts are equal in every fold and completion, other metrics within 1e-9."""
    why = known(folder)
    file = "xg" if classifier == "xgboost" else classifier
    expected = csv_rows(folder / f"cv_{file}_results.csv")
    assert {row["fold"] for row in expected} == {"1", "2", "3"}
    for fold in folds:
        wanted = sorted((r for r in expected if int(r["fold"]) == fold), key=number_of)
        for want, row in zip(wanted, results(folder, classifier, fold).rows, strict=True):
            require_same(want, row, why)
    if why:
        pytest.xfail(why)


@each(WITH_TABLES)
def test_per_consequence_rows(results, known, folder, classifier, folds):
    """The same holds within each consequence, in upstream's order of consequences."""
    why = known(folder)
    expected = [
        row for row in csv_rows(folder / "per_consequence.csv") if row["classifier"] == classifier
    ]
    for fold in folds:
        wanted = [row for row in expected if int(row["fold"]) == fold]
        order = list(dict.fromkeys(row["consequence"] for row in wanted))
        wanted.sort(key=lambda row: (order.index(row["consequence"]), number_of(row)))
        for want, row in zip(wanted, results(folder, classifier, fold).details, strict=True):
            require_same(want, row, why)
    if why:
        pytest.xfail(why)


@each(WITH_TABLES)
def test_details(results, known, folder, classifier, folds):
    """Rows, features, settings, chosen hyperparameters and their MCC are upstream's."""
    why = known(folder)
    expected = [row for row in csv_rows(folder / "details.csv") if row["classifier"] == classifier]
    for fold in folds:
        facts = results(folder, classifier, fold).facts
        (want,) = [row for row in expected if int(row["fold"]) == fold]
        assert facts["n_rows"] == int(want["n_rows"])
        assert facts["features"] == want["features"].split()
        if why:
            continue
        assert same(want["selection_mcc"], facts["selection_mcc"])
        if want["selection_mcc"] != "NaN":
            # to the last bit, since rows of hyperparameters are compared by it
            assert facts["selection_mcc"] == float(want["selection_mcc"])
        if classifier != "lr":
            names = [part.partition("=")[0] for part in want["best_tune"].split()]
            got = " ".join(f"{name}={facts[name]:g}" for name in names)
            assert got == want["best_tune"]
        if METHODS[parameters_of(folder)["imputation"]].axes:
            chosen = dict(text.split("=") for text in want["imputation_hp"].split())
            assert facts["imputation_hp"] == {name: float(text) for name, text in chosen.items()}
    if why:
        pytest.xfail(why)


@pytest.mark.parametrize("folder", FAILED, ids=lambda folder: folder.name)
def test_failed_runs_fail_alike(results, folder):
    """Where upstream's run failed every fold fails, with upstream's message and R's own."""
    assert "No imputation method succeeded, cannot continue" in (folder / "failed.txt").read_text()
    for fold in (1, 2, 3):
        with pytest.raises(
            TaskFailure, match=r"^No imputation method succeeded, cannot continue: .*text: \w+"
        ) as failure:
            results(folder, "rf", fold)
        assert failure.value.kind == "error"


@pytest.mark.parametrize("fold", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))])
def test_probabilities(results, fold):
    """P(positive) of every test row, fold and classifier of run zero_imp is upstream's.

    XGBoost's to the last bit, both where trees use every column and where they draw.
    """
    folder = GOLDEN / "cv" / "zero_imp"
    expected = csv_rows(folder / "probabilities.csv.gz")
    wanted = [row for row in expected if int(row["fold"]) == fold]
    for classifier, tolerance in (("rf", 1e-9), ("lr", 1e-9), ("xgboost", 0)):
        got = unpack(results(folder, classifier, fold).payloads)
        assert got.tables == [("model_1", "imp_1")]
        assert list(got.row_ids) == [row["row"] for row in wanted]
        assert got.positive.tolist() == [row["outcome"] == "positive" for row in wanted]
        assert got.probability[0].tolist() == pytest.approx(
            [float(row[classifier]) for row in wanted], abs=tolerance, rel=0
        )
