"""A study on a real NFS, whose server goes away in mid-run. See ``tests/kernel``."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path

import commands
import pytest
from toystudies import SMALL_GRID, open_toy, table, write_study

DRIVER = Path(__file__).with_name("toy_driver.py")
TIMES = ("fit_seconds", "use_seconds")
AWAY_SECONDS = 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def do(*words: str) -> None:
    subprocess.run(words, check=True)


@pytest.fixture(scope="module")
def server():
    """An NFS server of this kernel's own, with a disk to export; gives how to stop and start it."""
    if "User Mode Linux" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("stops and starts the kernel's NFS server: only in a kernel that is for tests")
    disk = Path("/mnt/disk")
    disk.mkdir()
    do("mkfs.xfs", "-q", "-f", "/dev/ubda")
    do("mount", "/dev/ubda", str(disk))
    do("mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd")
    state = Path("/var/lib/nfs")
    for name in ("v4recovery", "rpc_pipefs", "sm"):
        (state / name).mkdir()
    for name in ("etab", "rmtab"):
        (state / name).touch()
    do("mount", "-t", "rpc_pipefs", "none", str(state / "rpc_pipefs"))
    for name in ("nfsv4leasetime", "nfsv4gracetime"):
        Path("/proc/fs/nfsd", name).write_text("10")
    do("exportfs", "-o", "rw,no_root_squash,fsid=0,insecure,no_subtree_check", f"127.0.0.1:{disk}")
    do("rpc.mountd", "-N", "3")

    def threads(count: int) -> None:
        do("rpc.nfsd", "-N", "3", str(count))

    threads(2)
    yield threads
    threads(0)


@contextlib.contextmanager
def mounted(how: str):
    """The server's disk at a place of its own."""
    place = Path("/mnt") / how.split(",", maxsplit=1)[0]
    place.mkdir()
    do("mount", "-t", "nfs4", "-o", f"vers=4.2,{how}", "127.0.0.1:/", str(place))
    try:
        yield place
    finally:
        do("umount", "-l", str(place))


def without_times(directory: Path) -> list[list[str]]:
    head, *rows = table(directory)
    return [
        [cell for name, cell in zip(head, row, strict=True) if name not in TIMES] for row in rows
    ]


@pytest.mark.parametrize("how", ["hard", "soft,timeo=10,retrans=1"])
def test_a_server_that_is_away_is_waited_for(server, how, tmp_path):
    """By the kernel, or by gridrun where the kernel gives up: the run ends as a quiet one."""
    quiet = write_study(tmp_path / "study", SMALL_GRID)
    open_toy(quiet).run(backend="inprocess")
    with mounted(how) as place:
        directory = write_study(place / how[:4] / "study", SMALL_GRID)
        log = tmp_path / "starts.log"
        options = json.dumps({"sleep_ms": 100, "start_log": str(log)})
        run = commands.start(directory, options, "", script=DRIVER)
        while not log.exists() or log.read_text().count("\n") < 10:
            assert run.returncode is None, run.communicate()
            time.sleep(0.1)  # between two looks
        server(0)
        time.sleep(AWAY_SECONDS)  # so long it is away
        assert run.returncode is None, run.communicate()
        server(2)
        _, said = run.communicate(timeout=300)
        assert run.returncode == 1, said  # as of the quiet run: the toy refuses some
        assert without_times(directory) == without_times(quiet)
        assert not list(directory.rglob(".*.new"))
    assert os.path.ismount(place) is False
