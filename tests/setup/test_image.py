"""The worker image, built without a Docker engine and tried inside: debootstrap and buildah."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

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
def image(builder, base, record_testsuite_property):
    """The image of docker/Dockerfile, for people without R: its last target."""
    pip = builder.place / "pip.conf"
    pip.write_text("[global]\ncert=/run/host-ca.crt\n")
    mounts = ["-v", f"{HOST_CA}:/run/host-ca.crt:ro", "-v", f"{pip}:/etc/pip.conf:ro"]
    began = time.monotonic()
    builder(
        "bud",
        *("--isolation", "chroot", "--network", "host", *mounts, "--layers=false"),
        *("--build-arg", f"BASE={base}", "--build-arg", "VERSION=test"),
        *("--target", "local", "-f", "docker/Dockerfile", "-t", "localhost/gridrun:test", "."),
        cwd=ROOT,
    )
    record_testsuite_property("seconds of the build", round(time.monotonic() - began))
    (facts,) = [
        one for one in json.loads(builder("images", "--json")) if "gridrun" in str(one["names"])
    ]
    record_testsuite_property("size", facts["size"])
    return "localhost/gridrun:test"


def test_the_image_runs_the_quickstart(builder, image, tmp_path, record_testsuite_property):
    """The self-test passes, the user is not root, and the quickstart comes to its end."""
    container = builder("from", image)
    report = builder.run(container, "gridrun", "worker", "--self-test")
    assert "ok      shard: 12 tasks" in report
    assert builder.run(container, "id", "-u") == "1000"
    study = tmp_path / "quickstart"
    unwanted = shutil.ignore_patterns(".gridrun", "results")
    shutil.copytree(ROOT / "examples" / "quickstart", study, ignore=unwanted)
    for path in (tmp_path, study, *study.rglob("*")):
        shutil.chown(path, 1000, 1000)
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
