"""Files of the user's own in a study: what the ledger, the plan and the tables make of them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from own_files import CENTROID, MEDIAN, method, page_blocks

from amiss_tasks.testing import small_study  # noqa: F401 - a fixture


@pytest.fixture
def own(tmp_path):
    """Keys of a study with a method and a classifier; their files lie in ``tmp_path``."""
    (tmp_path / "mine.R").write_text(MEDIAN)
    (tmp_path / "centroid.R").write_text(CENTROID)
    return {
        "own_methods": {"mine": tmp_path / "mine.R"},
        "own_classifiers": {"centroid": tmp_path / "centroid.R"},
        "imputation": ["mean_imp", "mine"],
        "classifiers": ["lr", "centroid"],
        "folds": 1,
    }


def pending(study):
    plan = study.plan()
    return {(reason.classifier, reason.text): reason.tasks for reason in plan.why}


def test_a_change_of_a_file_runs_its_own_tasks_again(small_study, own, tmp_path):  # noqa: F811
    """Comments cost nothing; code of a method or classifier its own tasks, which the plan names."""
    study = small_study(**own)
    assert study.run(backend="inprocess").tally.done == 4
    (tmp_path / "mine.R").write_text(f"# the median\n\n{MEDIAN}")
    assert pending(small_study(**own)) == {}
    (tmp_path / "mine.R").write_text(MEDIAN.replace("median", "max"))
    changed = "changed since: code own method mine"
    assert pending(small_study(**own)) == {("lr", changed): 1, ("centroid", changed): 1}
    assert small_study(**own).run(backend="inprocess").tally.done == 2
    (tmp_path / "centroid.R").write_text(CENTROID.replace("exp(-", "exp(-2 * "))
    changed = "changed since: code own classifier centroid"
    assert pending(small_study(**own)) == {("centroid", changed): 2}
    # another row of hyperparameters is another method, too
    given = own | {
        "own_methods": {"mine": {"file": tmp_path / "mine.R", "hyperparameters": {"k": 1}}}
    }
    assert sum(pending(small_study(**given)).values()) == 3


USER_CONFTEST = """
from amiss_tasks.testing import small_study
from gridrun.testing.fixtures import local_ray
"""
USER_TESTS = """
from pathlib import Path

NAMES = ("median", "stops", "leaves")


def test_each_task_comes_to_its_own_end(small_study, local_ray):
    given = {
        "imputation": ["mean_imp", *NAMES],
        "own_methods": {name: Path(f"{name}.R") for name in NAMES},
        "own_classifiers": {"centroid": Path("centroid.R")},
        "classifiers": ["centroid"],
        "folds": 1,
    }
    study = small_study(**given)
    report = study.run(backend=local_ray)
    table = study.results().set_index("imputation")
    done = {"mean_imp", "median"}
    for method, row in table.iterrows():
        assert row["state"] == ("done" if method in done else "failed")
        if method == "stops":
            assert row["reason"].startswith("error: ")
            assert "boom (stops.R:7)" in row["reason"]
        if method == "leaves":
            assert "leaves.R: its table has a missing value left: column " in row["reason"]
    assert (report.tally.done, report.tally.failed) == (2, 2)
    logs = {attempt.reason for attempt in study.logs()}
    assert any("boom" in reason for reason in logs)

    here = small_study(**given | {"imputation": list(done)}, name="here")
    here.run(backend="inprocess")
    alone = here.results().set_index("imputation")
    for method in alone.index:
        for metric in ("TP", "FP", "FN", "TN", "MCC", "AUC", "Brier"):
            assert alone.loc[method, metric] == table.loc[method, metric]
"""


@pytest.mark.ray
@pytest.mark.slow
def test_a_user_s_suite_on_local_ray(tmp_path):
    """The page's own test and one of failures pass, run by pytest as a user does, on one Ray."""
    files = {
        "median.R": MEDIAN,
        "centroid.R": CENTROID,
        "stops.R": method("if (nrow(data) > 0)\n  stop('boom')"),
        "leaves.R": method("data[1, 1] <- NA; data"),
        "test_failures.py": USER_TESTS,
        **page_blocks("r"),
        **page_blocks("python"),
    }
    assert files["conftest.py"].replace("# conftest.py", "").strip() == USER_CONFTEST.strip()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert re.search(r"\b2 passed", ran.stdout)
