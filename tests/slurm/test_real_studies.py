"""Studies with real R on a real Slurm of one node: the table of a local run, byte for byte."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from commands import gridrun
from realstudies import REAL, without_times
from toystudies import table

ROOT = Path(__file__).parents[2]
PART = ["--only", "quality=clingen", "--only", "imputation=zero_imp,mean_imp", "--folds", "2"]


@pytest.fixture
def quickstart(tmp_path):
    """A copy of the first study, twice: for here and for Slurm."""
    for name in ("here", "there"):
        shutil.copytree(ROOT / "examples" / "quickstart", tmp_path / name)
    done = gridrun("local", tmp_path / "here", "--in-process", *PART, timeout=800)
    assert done.returncode == 0, done.stderr
    return tmp_path / "here", tmp_path / "there"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_quickstart_on_slurm(cluster, quickstart):
    """In jobs of two processors each, by the Python of these tests."""
    here, there = quickstart
    with (there / "study.yaml").open("a") as file:
        file.write("\nslurm: {cpus: 2, memory: 3 GB, poll_seconds: 1, lease_seconds: 5}\n")
    done = gridrun("slurm", there, "--yes", *PART, timeout=800)
    assert done.returncode == 0, done.stderr
    assert table(there) == table(here)


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(900)
def test_ray_inside_of_one_allocation(cluster, quickstart, tmp_path, monkeypatch):
    """The script of examples/ with two raylets, two tasks of one allocation; nothing stays."""
    here, there = quickstart
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    log = tmp_path / "log"
    options = ("--ntasks=2", "--ntasks-per-node=2", "--mem=6000", f"--output={log}")
    script = ROOT / "examples" / "slurm" / "ray.sh"
    sent = cluster.run("sbatch", "--parsable", *options, script, there, *PART)
    assert not sent.returncode, sent.stderr
    job = sent.stdout.strip()
    cluster.wait_until(lambda: not cluster.ask("squeue", "-h"), 800)
    said = log.read_text()
    assert cluster.ask("squeue", "--states=all", "-h", "-j", job, "-o", "%T") == "COMPLETED", said
    assert said.count("Ray runtime started") == 2
    assert table(there) == table(here)
    assert not Path(f"/tmp/ray-{job}").exists()
    assert not re.findall(rf"/tmp/ray-{job}\b", _command_lines())


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(3600)
def test_real_variants_give_the_same_table_everywhere(cluster, shared, tmp_path):
    """24 combinations x 3 folds x 3 classifiers: here, on Ray, by a folder and on Slurm."""
    del cluster
    ways = {
        "here": [("local", "--in-process")],
        "ray": [("local", "--workers", "2")],
        "folder": [("shards",), ("worker", "shards", "--workers", "2"), ("collect",)],
        "slurm": [("slurm", "--yes")],
    }
    tables = {}
    for way, commands in ways.items():
        study = tmp_path / way
        study.mkdir()
        text = REAL.format(real=shared / "data" / "real").lstrip()
        settings = "slurm: {cpus: 2, memory: 3 GB, poll_seconds: 1, lease_seconds: 5}\n"
        (study / "study.yaml").write_text(text + settings)
        for command, *options in commands:
            where = study / options.pop(0) if command == "worker" else study
            done = gridrun(command, where, *options, timeout=3000)
            assert done.returncode == 0, done.stderr
        tables[way] = without_times(study)
    assert len(tables["here"]) == 1 + 24 * 3 * 3 + 1
    assert tables["ray"] == tables["folder"] == tables["slurm"] == tables["here"]


def _command_lines():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)
