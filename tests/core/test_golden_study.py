"""Upstream's own runs, from study.yaml to the table, through engine, ledger and R."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import gridrun

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
COUNTS = ("TP", "FP", "FN", "TN")
METRICS = ("Accuracy", "Brier", "MCC", "AUC", "Sensitivity", "Specificity", "F1", "Precision")

pytest.importorskip("rpy2.rinterface", reason="R and rpy2 are needed to run real tasks")

RUNS = ("zero_imp", "max_imp", "missingness_indicators", "median_imp_factor", "mean_imp_random")
"""Runs of golden/cv that differ in many parameters, and cover every disposition."""


def upstream(run: str, classifier: str) -> list[dict[str, str]]:
    with (GOLDEN / "cv" / run / f"cv_{classifier}_results.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("run", RUNS)
def test_a_combination_file_of_upstream_gives_upstream_s_table(tmp_path, run):
    """combination_*.json unchanged as the grid: counts equal, metrics within 1e-9, NA where NA."""
    inputs = GOLDEN / "input"
    (tmp_path / "combination_1.json").write_bytes(
        (GOLDEN / "cv" / run / "parameters.json").read_bytes()
    )
    (tmp_path / "study.yaml").write_text(
        "inputs:\n"
        f"  vcf: {inputs}/clinvar.vep.vcf.gz\n"
        f"  cadd_snv: {inputs}/CADD_clingen.tsv.gz\n"
        f"  cadd_indel: {inputs}/CADD_clingen_indel.tsv.gz\n"
        "grid: combination_1.json\n"
        "folds: 3\n"
    )
    study = gridrun.open_study(tmp_path)
    study.run(backend="inprocess")
    with study.study.paths.results_csv.open(newline="") as handle:
        ours = list(csv.DictReader(handle))
    values = json.loads((tmp_path / "combination_1.json").read_text())
    assert [(r["classifier"], r["fold"]) for r in ours] == [
        (classifier, str(fold)) for classifier in ("rf", "lr") for fold in (1, 2, 3)
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
