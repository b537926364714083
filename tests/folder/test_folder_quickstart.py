"""The folder as a person meets it, with the real pipeline on the quickstart's data."""

import shutil
from pathlib import Path

import commands
import walks

ROOT = Path(__file__).resolve().parents[2]
PART = ["--only", "quality=clingen", "--only", "imputation=zero_imp,mean_imp", "--folds", "2"]


def gridrun(*arguments):
    done = commands.gridrun(*arguments)
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
