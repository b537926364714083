"""The worker image, built without a Docker engine and tried inside: debootstrap and buildah."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TOOLS = ("buildah", "debootstrap")
HOST_CA = Path("/etc/ssl/certs/ca-certificates.crt")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        os.geteuid() != 0 or any(shutil.which(tool) is None for tool in TOOLS),
        reason="needs root and the Debian packages buildah and debootstrap",
    ),
]


class Builder:
    """buildah with a store of its own, which goes away with the test.

    Args:
        place: Takes the store.
    """

    def __init__(self, place: Path) -> None:
        self._store = ["--root", str(place / "root"), "--runroot", str(place / "run")]
        self.place = place

    def __call__(self, command: str, *arguments: object, **options: object) -> str:
        done = subprocess.run(
            ["buildah", *self._store, command, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        assert done.returncode == 0, (
            f"buildah {command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
        return done.stdout.strip()

    def run(self, container: str, *command: object, volume: str = "") -> str:
        """A command in a container."""
        mounts = ["--volume", volume] if volume else []
        return self("run", "--isolation", "chroot", *mounts, container, "--", *command)


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    builder = Builder(tmp_path_factory.mktemp("buildah"))
    yield builder
    builder("rm", "--all")
    builder("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def base(builder):
    """The smallest Debian 12, in place of the one that Docker would fetch."""
    system = builder.place / "debian"
    options = ["--variant=minbase", "--include=ca-certificates"]
    done = subprocess.run(
        ["debootstrap", *options, "bookworm", str(system)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    container = builder("from", "scratch")
    builder("add", container, system, "/")
    builder("config", "--cmd", "/bin/bash", container)
    builder("commit", container, "localhost/debian:bookworm")
    builder("rm", container)
    shutil.rmtree(system)
    return "localhost/debian:bookworm"


@pytest.fixture(scope="module")
def build(builder, base, record_testsuite_property):
    """Build a target of docker/Dockerfile."""
    pip = builder.place / "pip.conf"
    pip.write_text("[global]\ncert=/run/host-ca.crt\n")
    mounts = ["-v", f"{HOST_CA}:/run/host-ca.crt:ro", "-v", f"{pip}:/etc/pip.conf:ro"]

    def build(target: str, **arguments: object) -> str:
        name = f"localhost/gridrun-{target}:test"
        values = {"BASE": base, "VERSION": "test", **arguments}
        began = time.monotonic()
        builder(
            "bud",
            *("--isolation", "chroot", "--network", "host", *mounts, "--layers=false"),
            *(word for key, value in values.items() for word in ("--build-arg", f"{key}={value}")),
            *("--target", target, "-f", "docker/Dockerfile", "-t", name, "."),
            cwd=ROOT,
        )
        record_testsuite_property(f"{target}: seconds", round(time.monotonic() - began))
        (facts,) = [one for one in json.loads(builder("images", "--json")) if name in one["names"]]
        record_testsuite_property(f"{target}: size", facts["size"])
        return name

    return build


def study_in(tmp_path: Path) -> Path:
    """The quickstart, as the user of the image may write it."""
    study = tmp_path / "quickstart"
    unwanted = shutil.ignore_patterns(".gridrun", "results")
    shutil.copytree(ROOT / "examples" / "quickstart", study, ignore=unwanted)
    for path in (tmp_path, study, *study.rglob("*")):
        shutil.chown(path, 1000, 1000)
    return study


def test_the_image_runs_the_quickstart(builder, build, tmp_path, record_testsuite_property):
    """For people without R: the self-test passes, the user is not root, and a study ends well."""
    container = builder("from", build("local"))
    report = builder.run(container, "gridrun", "worker", "--self-test")
    assert "ok      shard: 12 tasks" in report
    assert builder.run(container, "id", "-u") == "1000"
    study = study_in(tmp_path)
    began = time.monotonic()
    said = builder.run(
        container,
        *("gridrun", "local", "/study", "--in-process", "--folds", "1"),
        volume=f"{study}:/study",
    )
    record_testsuite_property(
        "seconds of the quickstart, one fold", round(time.monotonic() - began)
    )
    assert "zero_imp" in said
    assert (study / "results" / "final_cv_results.csv").exists()


AS_KUBERAY = """
set -e
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN={token} RAY_TMPDIR=/tmp/ray TMPDIR=/tmp
start="ray start --block --disable-usage-stats --node-ip-address=127.0.0.1"
$start --head --port={gcs} --num-cpus=0 --dashboard-host=127.0.0.1 --dashboard-port={dashboard} \
  --dashboard-agent-listen-port={of_head} >/tmp/head.txt 2>&1 &
trap 'kill %1 %2; wait; tail -n 3 /tmp/*.txt' EXIT
for well in {of_head}/api/local_raylet_healthz {dashboard}/api/gcs_healthz; do
  until wget --quiet --tries=1 --output-document=- http://127.0.0.1:$well | grep success; do
    kill -0 %1
    sleep 0.5  # the head starts
  done
done
$start --address=127.0.0.1:{gcs} --num-cpus=1 --dashboard-agent-listen-port={of_node} \
  >/tmp/node.txt 2>&1 &
ray job submit --address http://127.0.0.1:{dashboard} -- {entrypoint} --folds 1 \
  --only imputation=mean_imp
"""
"""As KubeRay does it: a head that is asked by wget, a worker, a command by Ray's job server."""


def test_the_image_for_kuberay_runs_the_command_of_the_ray_job(builder, build, tmp_path):
    """``RAY_JOBS=1``, as docs/ray.md builds it: what the RayJob starts ends well in the image."""
    container = builder("from", build("worker", RAY_JOBS=1, AZURE_SDK=0))
    job = yaml.safe_load((ROOT / "examples" / "kuberay" / "rayjob.yaml").read_text("utf-8"))
    names = ("gcs", "dashboard", "of_head", "of_node")
    script = AS_KUBERAY.format(
        token=secrets.token_hex(32),
        entrypoint=job["spec"]["entrypoint"],
        **{name: free_port() for name in names},
    )
    study = study_in(tmp_path)
    said = builder.run(container, "bash", "-c", script, volume=f"{study}:/study")
    assert "mean_imp" in said
    assert "succeeded" in said
    assert (study / "results" / "final_cv_results.csv").exists()


def free_port() -> int:
    """A port of loopback that nobody has just now: the container has the network of its host."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]
