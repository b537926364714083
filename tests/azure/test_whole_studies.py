"""Whole studies on Azure and here: the quickstart, and 24 combinations of real variants."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from realstudies import REAL, without_times
from toys import azure_keys

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[2]


def gridrun(service, home, *arguments):
    """A command that has to succeed; what it said."""
    ran = subprocess.run(
        [sys.executable, "-m", "gridrun", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=service.env(HOME=str(home), PYTHONPATH=str(ROOT), COLUMNS="120"),
        check=False,
        timeout=3000,
    )
    assert ran.returncode == 0, ran.stderr
    return ran


def both_ways(service, tmp_path, study):
    """The table of a study from Azure, and from here."""
    text = study / "study.yaml"
    settings = azure_keys(service, shard_minutes=0.5)
    here = tmp_path / "here"
    shutil.copytree(study, here, ignore=shutil.ignore_patterns(".gridrun", "results"))
    text.write_text(f"{text.read_text()}azure: {json.dumps(settings)}\n")
    gridrun(service, tmp_path / "home", "azure", study, "--yes")
    gridrun(service, tmp_path / "home", "local", here, "--workers", "2")
    return without_times(study), without_times(here)


def test_the_quickstart_gives_the_same_table_on_azure(azure_service, tmp_path):
    """Every byte of final_cv_results.csv but its two columns of time."""
    study = tmp_path / "quickstart"
    unwanted = shutil.ignore_patterns(".gridrun", "results")
    shutil.copytree(ROOT / "examples" / "quickstart", study, ignore=unwanted)
    away, here = both_ways(azure_service, tmp_path, study)
    assert len(here) == 1 + 21 * 3 * 2 + 1
    assert away == here
    assert sum(len(sweep.children) for sweep in azure_service.sweeps) > 1


def test_real_variants_give_the_same_table_on_azure(azure_service, tmp_path, shared):
    """24 combinations x 3 folds x 3 classifiers of real variants: every byte but the times."""
    study = tmp_path / "real"
    study.mkdir()
    (study / "study.yaml").write_text(REAL.format(real=shared / "data" / "real").lstrip())
    away, here = both_ways(azure_service, tmp_path, study)
    assert len(here) == 1 + 24 * 3 * 3 + 1
    assert away == here
    assert sum(len(sweep.children) for sweep in azure_service.sweeps) > 1
