"""The folder as a person meets it, with the real pipeline on the quickstart's data."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import walks

ROOT = Path(__file__).resolve().parents[2]
PART = ["--only", "quality=clingen", "--only", "imputation=zero_imp,mean_imp", "--folds", "2"]


def gridrun(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "gridrun", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"},
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done


def test_the_same_table_as_local(tmp_path):
    """shards, worker, collect: the table of `gridrun local --in-process`, cell for cell."""
    unwanted = shutil.ignore_patterns(".gridrun", "results", "shards")
    source = ROOT / "examples" / "quickstart"
    far, here = (shutil.copytree(source, tmp_path / n, ignore=unwanted) for n in ("far", "here"))
    assert "sweeps still hold 8 tasks" in gridrun("shards", far, *PART).stderr
    assert "8 tasks done, 0 failed" in gridrun("worker", far / "shards", "--workers", "2").stdout
    assert "8 tasks done" in gridrun("collect", far).stdout
    gridrun("local", here, "--in-process", *PART)
    assert walks.table(far) == walks.table(here)
