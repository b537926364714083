"""Studies on a Slurm of two nodes, which are two daemons of one machine: one is lost or drained."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import clusterstudies as it
import pytest
from onenode import OneNode
from test_slurm import require_complete, starts

from backends.slurm._submission import log_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two(slurm_packages, directory):
    """Two nodes with equal shares; a silent one is down after seconds, its jobs go elsewhere."""
    spread = {"SelectTypeParameters": "CR_Core_Memory,CR_LLN"}
    node = OneNode(directory, nodes=2, SlurmdTimeout=3, **spread)
    try:
        node.start()
        yield node
    finally:
        node.close()


@pytest.fixture
def cluster(two, monkeypatch):
    """The same, which this test's commands find; it has no job before and after."""
    for name, value in two.env.items():
        monkeypatch.setenv(name, value)
    yield two
    two.clear()
    for name in two.nodes:
        if name not in two.processes:
            two.start_node(node=name)
        two.run("scontrol", "update", f"NodeName={name}", "State=RESUME")
    two.wait_until(two.is_idle)


def begun(cluster, tmp_path, *, sleep_ms=300, shard_minutes=0.2):
    """A study whose jobs run on both nodes; where it lies, its log of starts, who waits for it."""
    log = tmp_path / "starts"
    options = {"sleep_ms": sleep_ms, "start_log": str(log)}
    settings = {"shard_minutes": shard_minutes}
    study = it.study(tmp_path / "study", slurm=settings, options=options)
    driver = it.begin(study, "slurm", "--yes")
    it.wait_for(lambda: nodes_at_work(cluster) == {"node0", "node1"})
    it.wait_for(lambda: it.outcomes_there(study) > 3)
    return study, log, driver


def nodes_at_work(cluster):
    return set(cluster.ask("squeue", "-h", "-t", "RUNNING", "-o", "%N").split())


def processes_on(node):
    """Processes of jobs of a node, the innermost last; on one machine their variables say so."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended, or is another user's
        if f"SLURMD_NODENAME={node}".encode() in words:
            found.append(int(place.name))
    return sorted(found)


def test_a_node_is_lost(cluster, tmp_path):
    """Its daemon and its jobs die at once: they go on on the other one where outcomes end."""
    study, log, driver = begun(cluster, tmp_path)
    cluster.end("node1", signal.SIGKILL)
    for pid in processes_on("node1"):
        os.kill(pid, signal.SIGKILL)
    it.wake(study)
    cluster.wait_until(lambda: "down" in cluster.ask("sinfo", "-h", "-n", "node1", "-o", "%t"))
    out, err = driver.communicate(200)
    assert driver.returncode == 1, out + err
    require_complete(study)
    # what was in flight or not yet written is made again, and nothing else
    assert 72 <= len(starts(log)) < 72 + 10
    assert re.search(r"\d running \(node0\)", err), err


def test_a_node_that_is_cut_off_goes_on_working(cluster, tmp_path):
    """Slurm takes it for lost and starts its job elsewhere, which waits: none is made twice."""
    study, log, driver = begun(cluster, tmp_path, sleep_ms=2500, shard_minutes=0.6)
    (place,) = it.sweeps(study)
    running = cluster.ask("squeue", "-h", "-t", "RUNNING", "-w", "node1", "-o", "%F %K")
    job, number = running.split()
    printed = log_of(place, f"shard-{int(number):05d}")
    cluster.end("node1", signal.SIGKILL)
    it.wait_for(lambda: cluster.ask("squeue", "-h", "-t", "PENDING", "-o", "%K") == number)
    cluster.run("scontrol", "update", f"JobId={job}_{number}", "StartTime=now")
    it.wait_for(lambda: printed.read_text().count(": job ") == 2)
    it.wake(study)
    out, err = driver.communicate(200)
    assert driver.returncode == 1, out + err
    require_complete(study)
    assert len(starts(log)) == 72


def test_one_of_two_nodes_is_drained(cluster, tmp_path):
    """What runs there ends there, the rest runs on the other one: nobody waits."""
    study, log, driver = begun(cluster, tmp_path)
    cluster.run("scontrol", "update", "NodeName=node1", "State=DRAIN", "Reason=test")
    it.wake(study)
    out, err = driver.communicate(200)
    assert driver.returncode == 1, out + err
    assert cluster.ask("sinfo", "-h", "-n", "node1", "-o", "%t") == "drain"
    require_complete(study)
    assert len(starts(log)) == 72
