"""Studies with real R on a real Slurm of one node: the table of a local run, byte for byte."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from commands import gridrun
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


def _command_lines():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)
