"""The R code of docs/r.md, run by R on tables that are made here."""

from __future__ import annotations

import csv
import re
import subprocess
from pathlib import Path

from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.testing import GRID

ROOT = Path(__file__).parents[2]
HEAD = [*(parameter.name for parameter in PARAMETERS), "classifier", "fold", "MCC", "state"]


def test_the_lines_that_read_results_in_r_run_and_pair_rows(tmp_path):
    """They count what failed, average what is done, and pair each method with the reference."""
    (code,) = re.findall(
        r"^```r\n(.*?)^```$", (ROOT / "docs" / "r.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    folder = tmp_path / "quickstart" / "results"
    folder.mkdir(parents=True)
    with (folder / "pooled.csv").open("w", newline="") as handle:
        rows = csv.DictWriter(handle, HEAD)
        rows.writeheader()
        for method, gain in (("mean_imp", 0), ("max_imp", 0.25), ("knnImputation", None)):
            for fold in (1, 2):
                part = {**GRID, "imputation": method, "classifier": "rf", "fold": fold}
                mcc = "NA" if gain is None else fold / 8 + gain
                rows.writerow(part | {"MCC": mcc, "state": "failed" if gain is None else "done"})
    ran = subprocess.run(
        ["Rscript", "--vanilla", "-e", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    words = [line.split() for line in ran.stdout.splitlines()]
    assert ["knnImputation", "0", "2"] in words
    assert ["1", "max_imp", "rf", "0.4375"] in words
    assert ["1", "max_imp", "rf", "0.25"] in words
    assert ["2", "mean_imp", "rf", "0.00"] in words
