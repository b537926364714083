"""The Ray backend beside the contract: its own Ray, joining one, faults, nothing left behind."""

import contextlib
import json
import os
import pickle
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from backends.local._actor import WorkerActor
from backends.local._backend import LocalBackend
from backends.local._needless import _alone
from gridrun.errors import EnvironmentFault, UserError
from gridrun.plan.retries import RETRIES
from gridrun.plan.units import Loss
from gridrun.testing.units import UnitQueue, toy_content, toy_job, toy_units
from gridrun.worker.left_behind import users_of

pytestmark = pytest.mark.ray
HERE = Path(__file__).parent


class Driver:
    """A driver process with a temporary directory of its own."""

    def __init__(self, place, environment=None, **options):
        self.directory = Path(tempfile.mkdtemp(prefix="grd-", dir="/tmp"))
        # Ray puts a driver's folder and its script's before what it was sent
        script = Path(shutil.copy(HERE / "driver.py", place))
        self.process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(options)],
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("RAY_")},
                **(environment or {}),
                "TMPDIR": str(self.directory),
                "HOME": str(self.directory / "no-home"),
            },
        )

    def lines(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                yield json.loads(line)

    def nothing_left(self, seconds=10):
        """Whether, soon, no file is left and no process has one open."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not list(users_of(self.directory)) and not list(self.directory.iterdir()):
                return True
            time.sleep(0.1)  # between two looks
        return False

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        for pid in users_of(self.directory):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory)


@pytest.fixture
def drive(tmp_path):
    drivers = []

    def make(environment=None, **options):
        drivers.append(Driver(tmp_path, environment, **options))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.end()


def merged(lines):
    """The lines as one dict; numbers of tasks done in a list."""
    done, rest = [], {}
    for line in lines:
        if "done" in line:
            done.append(line["done"])
        rest.update(line)
    return {**rest, "done": done}


def test_own_ray_runs_and_leaves_nothing(drive):
    """Ray of one's own opens at once, needs no home directory, prints nothing, leaves nothing."""
    driver = drive(workers=2, units=3, tasks=4)
    out, err = driver.process.communicate(timeout=120)
    seen = merged(json.loads(line) for line in out.splitlines())
    assert driver.process.returncode == 0
    assert sorted(seen["done"]) == sorted([0, 1, 2, 3] * 3)
    assert seen["opened_seconds"] < 1
    assert seen["workers"] == 2
    assert seen["changed"] == []
    assert err == ""
    assert driver.nothing_left()


def test_a_killed_driver_leaves_nothing(drive):
    """After kill -9 of the driver, Ray, its agents, the workers and all files go within seconds."""
    driver = drive(workers=2, units=4, tasks=500, sleep_ms=20)
    for line in driver.lines():
        if "done" in line:
            break
    assert list(users_of(driver.directory))
    driver.process.kill()
    driver.process.wait()
    assert driver.nothing_left()


def test_ray_has_no_process_that_nobody_asks(ray_running, ray_files):
    """Neither autoscaler, dashboard, copier of logs nor agents start; what is needed is there."""
    running = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in users_of(ray_files)]
    for needed in (b"gcs_server", b"raylet"):
        assert any(needed in command for command in running)
    for needless in (b"dashboard.py", b"monitor.py", b"agent.py", b"agent/main.py"):
        assert not [command for command in running if needless in command]


def test_ctrl_c_reaches_the_driver_only(drive):
    """SIGINT to the whole process group lets workers end their task and hand the rest back."""
    driver = drive(workers=2, units=4, tasks=500, sleep_ms=20)
    stopped = []
    for line in driver.lines():
        if "done" in line and not stopped:
            stopped.append(os.killpg(driver.process.pid, signal.SIGINT))
        if "finished" in line:
            assert line["stopped"]
            stopped.append(line["finished"])
    assert len(stopped) > 1
    assert driver.process.wait() == 0
    assert driver.nothing_left()


def test_a_running_cluster_is_joined_and_left_running(drive, ray_running, ray_files):
    """Code and artifacts are sent, one worker per processor of the cluster; it then lives on."""
    environment = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": ray_running.token,
        "PYTHONPATH": str(HERE),
    }
    address = ray_running.address
    killed_before = set(ray_files.rglob("gridrun-worker-*"))
    driver = drive(environment, address=address, units=3, tasks=4, pipeline="placed:PIPELINE")
    out, err = driver.process.communicate(timeout=120)
    seen = merged(json.loads(line) for line in out.splitlines() if line.startswith("{"))
    assert "fault" not in seen, seen
    assert sorted(seen["done"]) == sorted([0, 1, 2, 3] * 3), err
    assert seen["workers"] == ray_running.capabilities.workers
    for module in ("gridrun", "placed"):
        # in a directory that no other user can get at, unlike the one that Ray has for modules
        assert re.search(r"/gridrun-worker-\w+/code/", seen["environment"][module])
    # fewer units than workers: one is left that is told to end while it starts
    later = drive(environment, address=address, units=1, tasks=1)
    assert later.process.wait(120) == 0
    broken = drive(environment, address=address, units=1, tasks=1, pipeline="placed:BROKEN")
    assert "there is no R on this machine" in broken.process.communicate(timeout=120)[0]
    assert driver.nothing_left()
    # on the cluster's side
    assert set(ray_files.rglob("gridrun-worker-*")) <= killed_before


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:1", ["--address 127.0.0.1:1", "nobody answers", "ray start --head"]),
        ("no-such-host.invalid:6379", ["no-such-host.invalid", "nobody answers"]),
        ("127.0.0.1", ["not an address", "HOST:PORT", "auto"]),
        ("127.0.0.1:99999", ["nobody answers"]),
        ("ray://127.0.0.1:10001", ["not an address", "HOST:PORT"]),
    ],
)
def test_a_wrong_address_is_a_fault_with_advice(address, parts):
    """An address that leads nowhere is an EnvironmentFault, within seconds, with what to do."""
    backend = LocalBackend(1, address)
    began = time.monotonic()
    try:
        backend.open(toy_job(), toy_content)
        with pytest.raises(EnvironmentFault) as caught:
            list(backend.run(iter(toy_units(1, 1)).__next__))
    finally:
        backend.close()
    assert time.monotonic() - began < 20
    for part in parts:
        assert part in caught.value.text()


def test_an_address_of_something_else_is_a_fault(drive):
    """A port at which something else than Ray answers is given up within a bounded time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        options = {"address": f"127.0.0.1:{port}", "workers": 1, "join_seconds": 5}
        out, _ = drive(units=1, tasks=1, **options).process.communicate(timeout=60)
    seen = merged(json.loads(line) for line in out.splitlines() if line.startswith("{"))
    assert seen["fault"] == "EnvironmentFault"
    assert f"--address 127.0.0.1:{port}" in seen["text"]
    assert "ray start --head" in seen["text"]
    assert seen["end"]


def test_what_the_pipeline_lacks_is_said(ray_running, monkeypatch):
    """A pipeline that explains why it cannot start is heard at once, with its advice."""
    del ray_running
    monkeypatch.syspath_prepend(str(HERE))
    import placed

    job = toy_job()
    job = type(job)(placed.BROKEN.name, job.settings)
    backend = LocalBackend(1)
    backend.open(job, toy_content)
    try:
        with pytest.raises(EnvironmentFault) as caught:
            list(backend.run(iter(toy_units(1, 1)).__next__))
    finally:
        backend.close()
    assert caught.value.what == "there is no R on this machine"
    assert caught.value.todo == "install r-base-core"


def test_a_worker_without_a_unit_has_no_file(tmp_path, monkeypatch):
    """A worker that is up on this machine can be killed at any time before its first unit."""
    monkeypatch.setattr("gridrun.worker.die_with_parent", lambda: None)  # of the tests
    monkeypatch.setattr("gridrun.worker.adopt_orphans", lambda **_: None)  # likewise
    actor = WorkerActor()
    assert actor.hello(pickle.dumps(toy_job()), str(tmp_path), (), None) is None
    assert not list(tmp_path.iterdir())
    unit = toy_units(1, 1)[0]
    actor.step(unit, toy_content(unit.artifact), 5, stop=False)
    assert list(tmp_path.iterdir())
    actor.close()
    assert not list(tmp_path.iterdir())


def test_an_artifact_that_units_share_is_sent_once(ray_running):
    """The driver reads the tables of a block once, however many units and workers need them."""
    del ray_running
    first, *others = toy_units(6, 1)
    shared = [replace(u, artifact=first.artifact, checksum=first.checksum) for u in others]
    asked = []

    def content(digest):
        asked.append(digest)
        return toy_content(digest)

    queue = UnitQueue([first, *shared])
    backend = LocalBackend(2)
    backend.open(toy_job(), content)
    try:
        list(queue.drive(backend))
    finally:
        backend.close()
    assert len(queue.final) == len(shared) + 1
    assert asked == [first.artifact]


def test_workers_that_always_die_end_the_run(ray_running, toy_study, monkeypatch):
    """A run in which every worker is lost before any outcome is a fault, not an endless loop."""
    del ray_running
    soon = replace(RETRIES[Loss.WORKER], first_pause=0.1)
    monkeypatch.setitem(RETRIES, Loss.WORKER, soon)
    study = toy_study(misbehave={"thinning=1": "kill_parent"})
    with pytest.raises(EnvironmentFault, match=r"5 workers were lost .* gone: ActorDiedError: "):
        study.run(backend=LocalBackend(1))


def test_no_workers_is_a_mistake():
    """Zero workers are refused before anything starts."""
    with pytest.raises(UserError, match="--workers: 0 workers"):
        LocalBackend(0)


def test_the_scheduler_alone_is_started_otherwise():
    """It starts workers by our script and agents that do nothing; Ray's server is left as it is."""
    started = []

    def start(command, kind, **how):
        started.append((command, kind, how))

    start_process = _alone(start, "/ray/setup_worker.py")
    options = ["--python_worker_command=python /ray/setup_worker.py w.py", "--head"]
    agents = ["--metrics-agent-port=0", "--dashboard_agent_command=python agent.py"]
    start_process(["raylet", *options, *agents], "raylet", fate_share=True)
    start_process(["gcs_server", *agents], "gcs_server")
    (raylet, _, how), (server, _, _) = started
    assert how == {"fate_share": True}
    assert server == ["gcs_server", *agents]
    ours = Path(_alone.__code__.co_filename).with_name("_ray_worker.py")
    assert raylet[:3] == ["raylet", f"--python_worker_command=python {ours} w.py", "--head"]
    assert sorted(raylet[3:]) == [
        "--dashboard_agent_command=cat",
        "--dashboard_agent_listen_port=-1",
        "--metrics-agent-port=-1",
        "--metrics_export_port=-1",
        "--runtime_env_agent_command=cat",
        "--runtime_env_agent_port=1",
    ]


@pytest.mark.parametrize("module", ["_driver", "_reaper"])
def test_what_stands_beside_the_engine_does_not_load_it(module):
    """Ray waits for its driver: nothing is loaded there that only the engine and tables need."""
    code = (
        f"import sys, backends.local.{module}\n"
        "print([n for n in ('gridrun.run', 'gridrun.report', 'numpy') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout == "[]\n"
