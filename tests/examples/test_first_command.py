"""The first command of the README, as a newcomer types it: real input, real R, real Ray."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORESTS_PER_TASK = 6
"""Five values of mtry and the final fit (upstream-behaviour, section 5)."""
PAGE_VERSIONS = (
    ("R version 4.2.2", "randomForest: 4.7.1.1"),
    ("R version 4.5.0", "randomForest: 4.7.1.2"),
)
"""Of Debian 12 and Debian 13."""

pytestmark = pytest.mark.ray


def gridrun(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("gridrun"), *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A copy of the quickstart, as it is in a clone."""
    directory = tmp_path_factory.mktemp("first") / "quickstart"
    shutil.copytree(
        ROOT / "examples" / "quickstart",
        directory,
        ignore=shutil.ignore_patterns(".gridrun", "results"),
    )
    return directory


@pytest.fixture(scope="module")
def first_run(study):
    return gridrun("local", study, "--workers", "2")


def rows(study: Path) -> list[dict[str, str]]:
    with (study / "results" / "final_cv_results.csv").open(newline="") as table:
        return list(csv.DictReader(table))


def test_the_quickstart_comes_to_its_end(first_run, study):
    """Exit code 0, and every combination, classifier and fold is done and has its metrics."""
    assert first_run.returncode == 0, first_run.stderr
    table = rows(study)
    assert len(table) == 21 * 3 * 2
    assert {row["state"] for row in table} == {"done"}
    assert not [row for row in table if row["MCC"] in {"NA", "NaN"}]


def test_at_least_a_hundred_forests_are_fitted(first_run, study):
    """Random forest results that were not taken over from an equal one amount to 100 forests."""
    assert first_run.returncode == 0
    fitted = [row for row in rows(study) if row["classifier"] == "rf" and not row["shared_with"]]
    assert len(fitted) * FORESTS_PER_TASK >= 100


def test_the_page_shows_the_table_that_is_printed(first_run):
    """On Debian's versions, the first results on their page are the ones that come out."""
    versions = gridrun("doctor").stdout
    if not any(r in versions and forest in versions for r, forest in PAGE_VERSIONS):
        pytest.skip("the page shows what the versions of Debian 12 and 13 give")
    row = re.compile(r"^ *(\w+) +(rf|lr) +(\d+) +(0\.\d{3}) +(0\.\d{3}) +(\d+)\b", re.MULTILINE)
    printed = row.findall(first_run.stdout)
    assert len(printed) == 14
    assert row.findall((ROOT / "docs" / "first-results.md").read_text()) == printed


def test_the_page_shows_what_null_models_reach(first_run):
    """A majority depends on no version: the null models on that page are the ones printed."""
    row = re.compile(r"^ *(\w[\w +]*\w) +(-\*|0\.\d{3}\*?) +(0\.\d{3})(?: *)$", re.MULTILINE)
    printed = row.findall(first_run.stdout)
    assert len(printed) == 8
    assert row.findall((ROOT / "docs" / "first-results.md").read_text()) == printed


def test_the_second_time_there_is_nothing_to_do(first_run, study):
    """The same command again runs nothing and leaves the table as it is."""
    assert first_run.returncode == 0
    before = rows(study)
    again = gridrun("local", study)
    assert again.returncode == 0
    assert re.search(r"^0 tasks done", again.stdout, re.MULTILINE)
    assert "; 126 finished before" in again.stdout
    assert rows(study) == before
