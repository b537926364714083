"""Upstream's own runs, from study.yaml to the table, through engine, ledger and R."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from amissstudies import GOLDEN, golden_study

import gridrun
from amiss_tasks.testing import write_small_study

COUNTS = ("TP", "FP", "FN", "TN")
METRICS = ("Accuracy", "Brier", "MCC", "AUC", "Sensitivity", "Specificity", "F1", "Precision")

pytest.importorskip("rpy2.rinterface", reason="R and rpy2 are needed to run real tasks")

RUNS = {
    "zero_imp": "",
    "max_imp": "classifiers: [rf, lr]",
    "missingness_indicators": "classifiers: [lr, rf]",
    "minimal_zero_imp": "classifiers: xgboost",
    "median_imp_factor": "",
    "mean_imp_random": "",
    "pmm_factor": "classifiers: rf",
}
"""Runs of golden/cv that differ in many parameters, and cover every disposition; what
their study says of classifiers: nothing is all of them."""


def upstream(run: str, classifier: str) -> list[dict[str, str]]:
    file = GOLDEN / "cv" / run / f"cv_{classifier.replace('xgboost', 'xg')}_results.csv"
    with file.open(newline="") as handle:
        return list(csv.DictReader(handle))


def open_run(
    directory: Path, run: str, folds: int, classifiers: str | None = None
) -> gridrun.OpenStudy:
    """A study of one combination of the goldens; ``classifiers`` in place of what RUNS has."""
    (directory / "combination_1.json").write_bytes(
        (GOLDEN / "cv" / run / "parameters.json").read_bytes()
    )
    golden_study(
        directory,
        "combination_1.json",
        f"folds: {folds}",
        RUNS[run] if classifiers is None else classifiers,
    )
    return gridrun.open_study(directory)


@pytest.mark.parametrize("folds", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("run", [run for run in RUNS if run != "pmm_factor"])
def test_a_combination_file_of_upstream_gives_upstream_s_table(tmp_path, run, folds):
    """combination_*.json unchanged as the grid: counts equal, metrics within 1e-9, NA where NA."""
    # a fold of its boosted trees takes as long as all others; the slow suite has three
    wanted = "classifiers: [rf, lr]" if (run, folds) == ("zero_imp", 1) else RUNS[run]
    study = open_run(tmp_path, run, folds, wanted)
    study.run(backend="inprocess")
    with study.study.paths.results_csv.open(newline="") as handle:
        ours = list(csv.DictReader(handle))
    values = json.loads((tmp_path / "combination_1.json").read_text())
    assert [(r["classifier"], r["fold"]) for r in ours] == [
        (classifier, str(fold))
        for classifier in ("rf", "xgboost", "lr")
        if not wanted or classifier in wanted
        for fold in range(1, folds + 1)
    ]
    for row in ours:
        assert row["imputation"] == values["imputation"]
        theirs = upstream(run, row["classifier"])[int(row["fold"]) - 1]
        assert theirs["fold"] == row["fold"]
        assert [row[name] for name in COUNTS] == [theirs[name] for name in COUNTS]
        for name in METRICS:
            if theirs[name] == "NA":
                assert row[name] in ("NA", "NaN")
            else:
                assert float(row[name]) == pytest.approx(float(theirs[name]), abs=1e-9)
        assert (row["state"] == "done") == (theirs["TP"] != "NA")


def test_completions_stand_in_number_order(tmp_path):
    """imp_2 comes before imp_10, in the final table and in that of each consequence."""
    written = write_small_study(
        tmp_path, imputation=["norm"], classifiers=["lr"], folds=1, variants=60
    )
    study = gridrun.open_study(written)
    study.run(backend="inprocess")
    numbers = [f"imp_{n}" for n in range(1, 11)]
    for name in ("final_cv_results.csv", "per_consequence.csv"):
        with study.study.paths.results_csv.with_name(name).open(newline="") as handle:
            found = [row["test_completion_ix"] for row in csv.DictReader(handle)]
        assert list(dict.fromkeys(found)) == numbers, name


@pytest.mark.slow  # half a minute of pmm
def test_ten_completions_stand_in_number_order(tmp_path):
    """A method that completes ten tables has ten rows a fold, imp_2 before imp_10, as upstream."""
    study = open_run(tmp_path, "pmm_factor", 1)
    study.run(backend="inprocess")
    with study.study.paths.results_csv.open(newline="") as handle:
        ours = [row for row in csv.DictReader(handle) if row["classifier"] == "rf"]
    assert [row["test_completion_ix"] for row in ours] == [f"imp_{n}" for n in range(1, 11)]
    theirs = {
        row["test_completion_ix"]: row for row in upstream("pmm_factor", "rf") if row["fold"] == "1"
    }
    assert len(theirs) == 10
    for row in ours:
        want = theirs[row["test_completion_ix"]]
        assert [row[name] for name in COUNTS] == [want[name] for name in COUNTS]
    path = study.study.paths.results_csv.with_name("per_consequence.csv")
    with path.open(newline="") as handle:
        details = [row for row in csv.DictReader(handle) if row["classifier"] == "rf"]
    names = {row["consequence"] for row in details}
    assert len(details) == 10 * len(names)
