"""Studies on nodes that see nothing of the machine where jobs are submitted: no disk is shared.

Each node is a daemon with mounts of its own: the directories of all studies are empty there, and
the same path is another directory on each.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess

import clusterstudies as it
import pytest
from commands import gridrun
from onenode import OneNode
from test_real_studies import PART, ROOT
from test_slurm import jobs_of, require_complete, starts
from test_slurm_nodes import processes_on
from toystudies import table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="hiding directories from a daemon takes root"),
]


class Apart:
    """Two nodes and their disks.

    Args:
        directory: Takes all of it; seen everywhere, for the tests' own files.
        hidden: What the nodes do not see.
    """

    def __init__(self, directory, hidden):
        self.slurm = OneNode(directory, nodes=2, SlurmdTimeout=3)
        self.hidden = hidden
        self.seen = directory / "seen"
        self.path = directory / "local"
        self.disks = {name: directory / f"disk-{name}" for name in self.slurm.nodes}
        for place in (self.seen, self.path, *self.disks.values()):
            place.mkdir()

    def start(self):
        self.slurm.start_node = self.start_node
        self.slurm.start()

    def start_node(self, *, node):
        mounts = f"mount -t tmpfs none {self.hidden} && mount --bind {self.disks[node]} {self.path}"
        before = ("unshare", "--mount", "sh", "-c", f'{mounts} && exec "$0" "$@"')
        OneNode.start_node(self.slurm, *before, node=node)

    def left(self):
        """What lies on the nodes' disks."""
        return [path for disk in self.disks.values() for path in disk.iterdir()]


@pytest.fixture(scope="module")
def both(slurm_packages, directory, tmp_path_factory):
    apart = Apart(directory, tmp_path_factory.getbasetemp())
    try:
        apart.start()
        yield apart
    finally:
        apart.slurm.close()


@pytest.fixture
def apart(both, monkeypatch):
    """The same, which this test's commands find; it has no job and no file before and after."""
    for name, value in both.slurm.env.items():
        monkeypatch.setenv(name, value)
    yield both
    both.slurm.clear()
    for name in both.slurm.nodes:
        if name not in both.slurm.processes:
            both.start_node(node=name)
        both.slurm.run("scontrol", "update", f"NodeName={name}", "State=RESUME")
    both.slurm.wait_until(both.slurm.is_idle)
    for path in (*both.left(), *both.seen.iterdir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def study(apart, directory, *, sleep_ms=0, **slurm):
    """A study whose tasks sleep until the file ``awake``, and note their starts."""
    options = {"sleep_ms": sleep_ms, "sleep_until": str(apart.seen / "awake")}
    options["start_log"] = str(apart.seen / "starts")
    settings = {"shared_disk": False, "node_path": str(apart.path), "shard_minutes": 0.2, **slurm}
    return it.study(directory, slurm=settings, options=options)


def wake(apart):
    (apart.seen / "awake").touch()


def test_the_table_is_that_of_a_local_run(apart, tmp_path):
    """Sent, asked for, brought in by other processes; nothing stays on either side."""
    place = study(apart, tmp_path / "study", sleep_ms=300, lease_seconds=15)
    sent = it.drive(place, "slurm", "submit", "--yes")
    assert "jobs get their shards from a command that waits" in sent.stderr
    apart.slurm.wait_until(lambda: len(apart.left()) == 4)
    assert "2 running (node0)" in it.drive(place, "slurm", "status").stdout
    driver = it.begin(place, "slurm", "--yes")
    it.wait_for(lambda: it.outcomes_there(place) > 3)
    wake(apart)
    out, err = driver.communicate(200)
    assert driver.returncode == 1, out + err
    require_complete(place)
    assert len(starts(apart.seen / "starts")) == 72
    assert len(jobs_of(apart.slurm, place)) == 1
    assert not apart.left()
    assert not it.sweeps(place)
    small = apart.slurm.ask("squeue", "-h", "--states=all", "--name=gridrun-outcomes")
    assert not small, "jobs stay until their outcomes were taken"


@pytest.mark.timeout(900)
def test_the_quickstart(apart, tmp_path):
    """With real R: the table of a run here, to the byte but for times."""
    here, there = tmp_path / "here", tmp_path / "there"
    for place in (here, there):
        shutil.copytree(ROOT / "examples" / "quickstart", place)
    assert gridrun("local", here, "--in-process", *PART, timeout=800).returncode == 0
    settings = f"shared_disk: no, node_path: {apart.path}, cpus: 2, memory: 3 GB, poll_seconds: 1"
    with (there / "study.yaml").open("a") as file:
        file.write(f"\nslurm: {{{settings}, lease_seconds: 10}}\n")
    done = gridrun("slurm", there, "--yes", *PART, timeout=800)
    assert done.returncode == 0, done.stderr
    assert table(there) == table(here)
    assert not apart.left()


@pytest.mark.parametrize("moment", ["nothing was brought", "some came", "all jobs have ended"])
def test_who_waits_is_killed(apart, tmp_path, moment):
    """Nothing is lost or made twice, whenever that is; another process collects, jobs go on."""
    place = study(apart, tmp_path / "study", sleep_ms=200)
    driver = it.begin(place, "slurm", "--yes")
    if moment == "nothing was brought":
        it.wait_for(lambda: jobs_of(apart.slurm, place))
    else:
        it.wait_for(lambda: it.outcomes_there(place) > 3)
    driver.kill()
    driver.wait()
    wake(apart)
    if moment == "all jobs have ended":
        # the shards that were brought; the others wait on their nodes
        it.wait_for(lambda: any((path / "over").exists() for path in apart.left()))
        it.wait_for(lambda: not any(is_at_work(path) for path in apart.left()))
        assert apart.left()
    last = it.begin(place, "slurm", "--yes")
    out, err = last.communicate(200)
    assert last.returncode == 1, out + err
    require_complete(place)
    assert len(starts(apart.seen / "starts")) == 72
    assert len(jobs_of(apart.slurm, place)) == 1
    it.wait_for(lambda: not apart.left())


@pytest.mark.timeout(600)
def test_who_waits_is_killed_again_and_again(apart, tmp_path):
    """Twelve times, each after another time: what came is kept, and the rest still comes."""
    place = study(apart, tmp_path / "study", sleep_ms=500)
    for number in range(12):
        driver = it.begin(place, "slurm", "--yes")
        with contextlib.suppress(subprocess.TimeoutExpired):
            driver.wait(1 + 0.37 * number % 2)
        driver.kill()
        driver.wait()
    wake(apart)
    last = it.begin(place, "slurm", "--yes")
    out, err = last.communicate(300)
    assert last.returncode == 1, out + err
    require_complete(place)
    assert len(starts(apart.seen / "starts")) == 72
    assert len(jobs_of(apart.slurm, place)) == 1
    assert not it.sweeps(place)
    it.wait_for(lambda: not apart.left())


def is_at_work(path):
    """Whether a shard was brought to a node, and its job is not over."""
    return any(path.glob("gridrun-*/*.jsonl")) and not (path / "over").exists()


def test_collect_brings_in_what_jobs_that_ended_left(apart, tmp_path):
    """By small jobs on their nodes, though Slurm has forgotten the jobs; then it is removed."""
    place = study(apart, tmp_path / "study", shard_minutes=10)
    wake(apart)
    driver = it.begin(place, "slurm", "--yes")
    apart.slurm.wait_until(lambda: any(map(is_at_work, apart.left())))
    driver.kill()
    driver.wait()
    it.wait_for(lambda: not apart.slurm.ask("squeue", "-h"))
    apart.slurm.forget()
    (left,) = apart.left()
    status = it.drive(place, "slurm", "status").stdout
    assert re.search(r"1 x what it has is on node\d still: collect brings it", status), status
    it.drive(place, "slurm", "collect", exit_code=1)
    require_complete(place)
    assert not left.exists()
    assert len(starts(apart.seen / "starts")) == 72


def test_cancel_leaves_nothing_on_the_nodes(apart, tmp_path):
    """No job, no file; what was done counts, the rest waits, and is run by the next command."""
    place = study(apart, tmp_path / "study", sleep_ms=1000)
    driver = it.begin(place, "slurm", "--yes")
    it.wait_for(lambda: it.outcomes_there(place) > 3)
    driver.kill()
    driver.wait()
    cancelled = it.drive(place, "slurm", "cancel")
    assert "asked for the end of" in cancelled.stderr
    it.wait_for(lambda: not apart.slurm.ask("squeue", "-h"))
    assert not apart.left()
    assert not it.sweeps(place)
    parts = it.opened(place).status().parts
    assert parts["done"]
    assert parts["waiting"]
    wake(apart)
    it.drive(place, "slurm", "--yes", exit_code=1)
    require_complete(place)
    assert not apart.left()


def test_scancel_by_hand(apart, tmp_path):
    """What the jobs have comes all the same, and nothing stays on the nodes."""
    place = study(apart, tmp_path / "study", sleep_ms=200)
    driver = it.begin(place, "slurm", "--yes")
    it.wait_for(lambda: it.outcomes_there(place) > 3)
    apart.slurm.run("scancel", "--name", it.sweeps(place)[0].name)
    out, err = driver.communicate(100)
    assert driver.returncode == 130, out + err
    assert not apart.left()
    wake(apart)
    it.drive(place, "slurm", "--yes", exit_code=1)
    require_complete(place)


@pytest.mark.timeout(600)
def test_a_job_near_its_time_limit(apart, tmp_path):
    """It waits until its outcomes were collected, is put back, and goes on where they end."""
    settings = {"hours": 1 / 60, "notice_minutes": 0.25, "shard_minutes": 10, "lease_seconds": 5}
    place = study(apart, tmp_path / "study", sleep_ms=3000, **settings)
    driver = it.begin(place, "slurm", "--yes")
    it.wait_for(lambda: "BeginTime" in apart.slurm.ask("squeue", "-h", "-o", "%r"), 150)
    log = apart.seen / "starts"
    kept, before = it.finished_there(place), len(starts(log))
    assert kept == before, "what had begun has ended, and is here"
    wake(apart)
    # it goes on on the other node, where nothing is yet
    (left,) = apart.left()
    node = left.parent.name.removeprefix("disk-")
    apart.slurm.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    (job,) = jobs_of(apart.slurm, place)
    apart.slurm.run("scontrol", "update", f"JobId={job}_0", "StartTime=now")
    it.wait_for(lambda: len(starts(log)) == 72)
    apart.slurm.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
    out, err = driver.communicate(300)
    assert driver.returncode == 1, out + err
    assert len(starts(log)) == 72
    require_complete(place)
    assert not apart.left()


def test_a_node_is_lost_with_its_disk(apart, tmp_path):
    """What was not collected from it is made again elsewhere; it is said what may lie there."""
    place = study(apart, tmp_path / "study", sleep_ms=300)
    driver = it.begin(place, "slurm", "--yes")
    it.wait_for(lambda: it.outcomes_there(place) > 3)
    apart.slurm.end("node1", signal.SIGKILL)
    for pid in processes_on("node1"):
        os.kill(pid, signal.SIGKILL)
    for path in apart.disks["node1"].iterdir():
        shutil.rmtree(path)
    wake(apart)
    out, err = driver.communicate(200)
    assert driver.returncode == 1, out + err
    require_complete(place)
    assert re.search(r"on node1 is given up: the node is down", err), err
    assert not apart.left()


@pytest.mark.timeout(400)
def test_a_job_that_gets_no_shard_gives_its_node_back(apart, tmp_path):
    """It waits in the queue, held, and the next command has it run."""
    place = study(apart, tmp_path / "study", hours=1 / 60, shard_minutes=10)
    wake(apart)
    it.drive(place, "slurm", "submit", "--yes")
    held = "job requeued in held state"
    it.wait_for(lambda: held in apart.slurm.ask("squeue", "-h", "-o", "%r"), 100)
    status = it.drive(place, "slurm", "status").stdout
    assert f"1 pending ({held})" in status
    driver = it.begin(place, "slurm", "--yes")
    it.wait_for(lambda: "BeginTime" in apart.slurm.ask("squeue", "-h", "-o", "%r"))
    (job,) = jobs_of(apart.slurm, place)
    apart.slurm.run("scontrol", "update", f"JobId={job}_0", "StartTime=now")
    out, err = driver.communicate(200)
    assert driver.returncode == 1, out + err
    require_complete(place)
    assert not apart.left()


def test_setup_that_fails_is_known_here(apart, tmp_path):
    """Its last words come from the node, though nothing of gridrun ran there."""
    place = study(
        apart, tmp_path / "study", setup="module load R/9", shard_minutes=10, lease_seconds=0.5
    )
    said = it.drive(place, "slurm", "--yes", exit_code=3).stderr
    assert "module: command not found" in said
    assert "no job of the sweep produced a result" in said
    assert not apart.left()
