"""What is declared once is changed once: tried in a copy of the package with that one change."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart"
MAIN = "from gridrun.cli import main; main()"


class PackageCopy:
    """A copy of ``amiss_tasks`` to be changed, and a copy of the quickstart to run with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study = folder / "quickstart"
        shutil.copytree(
            ROOT / "amiss_tasks",
            folder / "amiss_tasks",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copytree(
            QUICKSTART, self.study, ignore=shutil.ignore_patterns(".gridrun", "results")
        )

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a text that is there once; the file is below the copy."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, (file, old, text.count(old))
        path.write_text(text.replace(old, new), "utf-8")

    def add(self, file: str, text: str) -> None:
        path = self.folder / file
        assert not path.exists()
        path.write_text(text, "utf-8")

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT)]),
                "COLUMNS": "200",
                "NO_COLOR": "1",
            },
            timeout=280,
            check=False,
        )

    def gridrun(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python(MAIN, *arguments)

    def refusal(self) -> str:
        """What is said when the study is opened; there is no traceback in it."""
        ran = self.gridrun("plan", "quickstart")
        assert ran.returncode == 3, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr
        return ran.stderr

    def run_one(self) -> list[dict[str, str]]:
        """The final table's rows of one fold of the first combination."""
        ran = self.gridrun(
            "local", "quickstart", "--in-process", "--folds", "1", "--combinations", "1"
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return self.table("final_cv_results.csv")

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.study / "results" / name).open() as handle:
            return list(csv.DictReader(handle))


@pytest.fixture
def package(tmp_path) -> PackageCopy:
    return PackageCopy(tmp_path)


KAPPA = '    Metric(Column("Kappa", "number", headline=True), lambda of: 0.5),\n'


def test_a_metric_is_declared_in_one_place(package):
    """One line in metrics.py makes a column of every table, of its type, and a mean."""
    package.change("amiss_tasks/stages/metrics.py", "METRICS = (\n", f"METRICS = (\n{KAPPA}")
    assert {row["Kappa"] for row in package.run_one()} == {"0.5"}
    assert {row["Kappa"] for row in package.table("pooled.csv")} == {"0.5"}
    assert "Kappa" in package.table("per_consequence.csv")[0]
    assert {row["mean_Kappa"] for row in package.table("summary.csv") if row["n"] != "0"} == {"0.5"}
    import pyarrow.parquet as pq

    for name, type_ in (("Kappa", "double"), ("TP", "int64"), ("model_ix", "string")):
        schema = pq.read_schema(package.study / "results" / "final_cv_results.parquet")
        assert str(schema.field(name).type) == type_


def test_a_result_that_is_not_declared_stops_the_start(package):
    """What the evaluation returns beside the metrics is no column: it is named, never dropped."""
    package.change(
        "amiss_tasks/stages/evaluate.py",
        '    return Evaluated({**overall, "te_time"',
        '    return Evaluated({"Kappa": 0.5, **overall, "te_time"',
    )
    said = package.refusal()
    assert "column Kappa, which is not declared" in said
    assert "amiss_tasks/stages/metrics.py" in said
