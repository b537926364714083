"""The RayJob of the examples: its fields, its versions, and its command run here in processes."""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RAY = Path(sys.executable).with_name("ray")
JOB = yaml.safe_load((ROOT / "examples" / "kuberay" / "rayjob.yaml").read_text("utf-8"))
CLUSTER = JOB["spec"]["rayClusterSpec"]
OF_KUBERNETES = ("metadata", "template", "rayStartParams")


def fields(node, above=""):
    """Every field, with those above it; what is below Kubernetes' own is left out."""
    if isinstance(node, list):
        return {name for one in node for name in fields(one, above)}
    if not isinstance(node, dict):
        return set()
    found = set()
    for name, value in node.items():
        found.add(above + name)
        if name not in OF_KUBERNETES:
            found |= fields(value, f"{above}{name}.")
    return found


def test_each_field_is_one_of_kuberays():
    """KubeRay's server ignores a field that it does not know, without a word."""
    lines = (Path(__file__).parent / "kuberay-1.7.1.txt").read_text("utf-8").splitlines()
    known = {line for line in lines if line and not line.startswith("#")}
    assert fields(JOB) <= known | {"spec"}
    assert fields({"spec": {"entrypiont": ""}}) - known - {"spec"}


def test_it_names_the_ray_that_gridrun_is_tested_with():
    """A client of another version is refused by Ray."""
    pins = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert f"ray=={CLUSTER['rayVersion']}" in pins


def test_the_study_lies_where_the_command_runs():
    """The volume is mounted into the head alone, under the name that the command has."""
    head = CLUSTER["headGroupSpec"]["template"]["spec"]
    (mount,) = head["containers"][0]["volumeMounts"]
    assert mount["mountPath"] in JOB["spec"]["entrypoint"].split()
    assert mount["name"] in [volume["name"] for volume in head["volumes"]]
    assert head["restartPolicy"] == "Never"  # what SidecarMode asks for


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """A head without workers and one node, as the RayJob has them, with the dashboard."""
    short = Path("/tmp") / f"grk-{secrets.token_hex(4)}"
    short.mkdir()
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("RAY_")},
        "PATH": f"{RAY.parent}:{os.environ['PATH']}",
        "RAY_AUTH_MODE": CLUSTER["authOptions"]["mode"],
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_TMPDIR": str(short),
        "TMPDIR": str(short),
    }
    gcs, dashboard = free_port(), free_port()
    head = CLUSTER["headGroupSpec"]["rayStartParams"]
    nodes = []

    def start(*options):
        command = [RAY, "start", "--block", "--disable-usage-stats", *options]
        with (tmp_path / f"node{len(nodes)}.log").open("wb") as log:
            nodes.append(
                subprocess.Popen(
                    [*command, "--node-ip-address=127.0.0.1"],
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )
            )

    try:
        start(
            "--head",
            f"--port={gcs}",
            f"--num-cpus={head['num-cpus']}",
            "--dashboard-host=127.0.0.1",
            f"--dashboard-port={dashboard}",
            f"--dashboard-agent-listen-port={free_port()}",
        )
        wait_for(f"http://127.0.0.1:{dashboard}/api/version")
        agent = free_port()
        start(
            f"--address=127.0.0.1:{gcs}",
            "--num-cpus=1",
            f"--dashboard-agent-listen-port={agent}",
        )
        yield f"http://127.0.0.1:{dashboard}", environment
    finally:
        for node in nodes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(node.pid, signal.SIGTERM)
            node.wait(60)
        shutil.rmtree(short, ignore_errors=True)


def wait_for(address):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except urllib.error.HTTPError:
            return  # it answers, and wants the token
        except OSError:
            time.sleep(0.2)  # between two looks
        else:
            return
    raise AssertionError(f"{address} does not answer")


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.skipif(
    importlib.util.find_spec("aiohttp_cors") is None,
    reason="Ray's job server is not installed: pip install 'ray[default]'",
)
def test_its_command_gives_the_table_on_a_cluster_of_processes(cluster, tmp_path):
    """Sent as KubeRay's submitter sends it, the table is that of a run without Ray."""
    dashboard, environment = cluster
    commands = {"there": JOB["spec"]["entrypoint"], "here": "gridrun local /study --in-process"}
    for place, command in commands.items():
        study = tmp_path / place
        shutil.copytree(ROOT / "examples" / "quickstart", study)
        words = [str(study) if word == "/study" else word for word in command.split()]
        words += ["--only", "imputation=mean_imp"]
        if place == "there":
            sent = ["job", "submit", "--address", dashboard, "--submission-id", "weekend"]
            words = [str(RAY), *sent, "--", *words]
        done = subprocess.run(
            words,
            check=False,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    here, there = (
        [
            [cell for name, cell in zip(rows[0], row, strict=True) if not name.endswith("_time")]
            for row in rows
        ]
        for rows in (
            [
                line.split(",")
                for line in (tmp_path / place / "results" / "final_cv_results.csv")
                .read_text()
                .splitlines()
            ]
            for place in ("here", "there")
        )
    )
    assert len(here) > 1
    assert here == there
