"""A Ray cluster that loses nodes, stops them, gets others, and loses its head, under a run."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from outside import HERE, table, uncounted

from backends.local._ray_process import RayEnded
from backends.local._restarts import Restarts
from gridrun.errors import EnvironmentFault
from gridrun.plan.retries import CLUSTER, RETRIES
from gridrun.plan.units import Loss

RAY = Path(sys.executable).with_name("ray")
DAWDLE_MS = 1000
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}


class Cluster:
    """Raylets on loopback, each with all of its processes in a session of its own."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="grc-", dir="/tmp"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.nodes = []
        self.head = self.start_head()

    def start_head(self):
        port = self.address.rpartition(":")[2]
        head = self._start("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", int(port)), 1).close()
                return head
            time.sleep(0.1)  # between two looks
        raise AssertionError("the head of the cluster does not answer")

    def join(self, processors=1, **environment):
        """Start another node."""
        options = (f"--address={self.address}", f"--num-cpus={processors}")
        return self._start(*options, environment=environment)

    def signal(self, node, number):
        """Send a signal to all processes of a node."""
        for pid in _members(node.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if number == signal.SIGKILL:
            node.wait()

    def close(self):
        for node in self.nodes:
            self.signal(node, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self, *options, environment=None):
        command = [RAY, "start", "--block", "--disable-usage-stats", *options]
        node = subprocess.Popen(
            [*command, "--node-ip-address=127.0.0.1", "--object-store-memory=100000000"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("RAY_")},
                **TOKEN,
                "TMPDIR": str(self.directory),
                "RAY_TMPDIR": str(self.directory),
                "PYTHONPATH": str(HERE),
                "DAWDLE_MS": str(DAWDLE_MS),
                **(environment or {}),
            },
        )
        self.nodes.append(node)
        return node


def _members(leader):
    """Processes of a session, and what these have started."""
    parents, found = {}, {leader}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                rest = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(rest[1])
                found |= {int(entry.name)} if int(rest[3]) == leader else set()
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


@pytest.fixture
def cluster():
    made = Cluster()
    yield made
    made.close()


def ended_well(run, quiet, seconds=240):
    """The run's standard error, after a table that is that of a quiet run."""
    code, _, err = run.end(seconds)
    assert code == 0, err
    assert uncounted(table(run)) == quiet
    assert "Traceback" not in err
    return err


def line_with(run, words):
    """The first line of standard error with these words, of a run that goes on."""
    said = ""
    while words not in said:
        said = run.process.stderr.readline()
        assert run.process.poll() is None
    return said


@pytest.mark.slow
@pytest.mark.ray
def test_nodes_are_lost_and_join(begin, cluster, quiet):
    """A lost node's tasks run again, and a node that joins gets a worker for each processor."""
    first = cluster.join()
    run = begin("--address", cluster.address, environment=TOKEN)
    run.wait_for(lambda: run.outcomes() > 3)
    second = cluster.join(2)
    run.wait_for(lambda: len(run.workers()) == 3)
    cluster.signal(first, signal.SIGKILL)
    run.wait_for_outcome()
    assert "a worker was lost" in ended_well(run, quiet)
    assert second.poll() is None


@pytest.mark.slow
@pytest.mark.ray
def test_a_frozen_node_is_a_lost_one(begin, cluster, quiet):
    """Its tasks run elsewhere; when it is let go on, nothing of it counts."""
    frozen = cluster.join()
    run = begin("--address", cluster.address, environment=TOKEN)
    run.wait_for(lambda: run.outcomes() > 3)
    cluster.join()
    cluster.signal(frozen, signal.SIGSTOP)
    line_with(run, "a worker was lost")
    cluster.signal(frozen, signal.SIGCONT)
    ended_well(run, quiet)


@pytest.mark.slow
@pytest.mark.ray
def test_no_node_is_left(begin, cluster, quiet):
    """It is said what is waited for; with another node the run goes on."""
    only = cluster.join()
    run = begin("--address", cluster.address, environment=TOKEN)
    run.wait_for(lambda: run.outcomes() > 3)
    cluster.signal(only, signal.SIGKILL)
    said = line_with(run, "no worker has been up")
    assert re.search(
        r"waiting for Ray to start one: 1 node of the cluster live, with 0 processors free", said
    )
    cluster.join()
    ended_well(run, quiet)


@pytest.mark.slow
@pytest.mark.ray
def test_no_node_ever_comes_back(begin, cluster):
    """The run waits, says once for what, and ends as any other when it is asked to."""
    only = cluster.join()
    run = begin("--address", cluster.address, environment=TOKEN)
    run.wait_for(lambda: run.outcomes() > 3)
    cluster.signal(only, signal.SIGKILL)
    line_with(run, "no worker has been up")
    done = run.outcomes()
    run.process.send_signal(signal.SIGINT)
    code, _, err = run.end(90)
    assert code == 130, err
    assert "no worker has been up" not in err
    assert "Traceback" not in err
    assert run.outcomes() == done


@pytest.mark.slow
@pytest.mark.ray
def test_a_head_that_comes_back_is_joined_again(begin, cluster, quiet):
    """A cluster that was lost is tried again, and the run goes on there."""
    cluster.join()
    run = begin("--address", cluster.address, environment=TOKEN)
    run.wait_for(lambda: run.outcomes() > 3)
    for node in cluster.nodes:
        cluster.signal(node, signal.SIGKILL)
    cluster.start_head()
    cluster.join()
    err = ended_well(run, quiet)
    assert "the Ray cluster was lost" in err
    assert f"is tried again for {RETRIES[CLUSTER].at_most:.0f} s" in err


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"NO_R": "1"}, "there is no R here"),
        ({"NEEDS": "no_such_package"}, "No module named 'no_such_package'"),
    ],
)
def test_a_node_that_lacks_something_is_named_and_left_out(begin, cluster, quiet, lacking, said):
    """Nothing is lost by its being there, and no other worker is started on it."""
    cluster.join(1)
    run = begin("--address", cluster.address, environment=TOKEN)
    run.wait_for(lambda: run.outcomes() > 0)
    cluster.join(2, **lacking)
    err = ended_well(run, quiet)
    assert f"node {socket.gethostname()}: " in err
    assert err.count(said) == 1
    assert "a worker was lost" not in err


@pytest.mark.slow
@pytest.mark.ray
def test_a_node_that_no_other_helps_ends_the_run(begin, cluster):
    """With what is missing, and where."""
    cluster.join(2, NO_R="1")
    code, _, err = begin("--address", cluster.address, environment=TOKEN).end(120)
    assert code == 3
    assert f"node {socket.gethostname()}: there is no R here" in err
    assert "Traceback" not in err


class Clock:
    """A clock that somebody sets."""

    now = 0.0

    def __call__(self):
        return self.now


def test_a_cluster_is_tried_for_a_bounded_time():
    """Pauses grow to half a minute; then it is said where, why, and what to do."""
    clock = Clock()
    restarts = Restarts("host:1", clock=clock)
    assert "the cluster at host:1 is tried again for 300 s" in restarts.ended(RayEnded("lost"))
    pauses, caught = [], None
    while caught is None:
        pauses.append(restarts.pause)
        clock.now += restarts.pause + 5
        try:
            restarts.failed(EnvironmentFault("nobody answers there"))
        except EnvironmentFault as fault:
            caught = fault
    assert pauses[:6] == [0, 2, 4, 8, 16, 30]
    assert max(pauses) == 30
    assert RETRIES[CLUSTER].at_most - 35 < clock.now < RETRIES[CLUSTER].at_most + 35
    for part in ("--address host:1", "nobody answers there", "run the same command"):
        assert part in caught.text()


def test_a_ray_of_our_own_is_started_so_often_within_an_hour():
    """An end a day is no reason to give up; one every minute is."""
    clock = Clock()
    restarts = Restarts(None, clock=clock)
    for _ in range(3 * RETRIES[Loss.HOST].more):
        assert "it is started again" in restarts.ended(RayEnded("Ray ended"))
        clock.now += 1800
    assert restarts.pause <= 4
    clock.now += 3600
    for _ in range(RETRIES[Loss.HOST].more):
        restarts.ended(RayEnded("Ray ended"))
        clock.now += 60
    with pytest.raises(EnvironmentFault, match="within an hour, the last time: it was killed"):
        restarts.ended(RayEnded("it was killed"))
