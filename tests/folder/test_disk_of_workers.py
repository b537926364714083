"""Workers whose disk fails: they end with 3 and a sentence, and another one goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest
import walks


def worker(folder, temporary, *before):
    """A worker with a temporary directory of its own, a process that other programs may start."""
    words = [*before, sys.executable, "-m", "gridrun", "worker", str(folder), "--workers", "1"]
    return subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(temporary)}
    )


def mounted(place, size):
    """Whether a file system of that size is there now."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
    return os.geteuid() == 0 and not subprocess.run(mount, check=False).returncode


FAULTS = {
    "segments": "no space left on the disk",
    "temporary": "no space left on the disk",
    "cleaned": "removed while it was in use",
    "limit": "larger than this process may write",
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_worker_whose_disk_fails_ends_and_another_one_goes_on(fault, tmp_path):
    """No Traceback, where it was, and the table of a quiet run once it is put right."""
    study, temporary = walks.study(tmp_path / "s", options={"sleep_ms": 30}), tmp_path / "tmp"
    temporary.mkdir()
    folder = study / "shards"
    small = {"segments": (folder, "256k"), "temporary": (temporary, "12k")}.get(fault)
    if small is not None:
        small[0].mkdir(exist_ok=True)
        if not mounted(*small):
            pytest.skip("needs the right to mount a small file system")
    try:
        walks.drive(study, "shards")
        if fault == "segments":
            usage = os.statvfs(folder)
            room = usage.f_bavail * usage.f_bsize - 12 * 1024
            (folder / "filler").write_bytes(b"x" * room)
        first = worker(
            folder, temporary, *(["prlimit", "--fsize=2000"] if fault == "limit" else ())
        )
        if fault == "cleaned":
            while not list(temporary.glob("*/*/gridrun-child-*/log")):
                time.sleep(0.1)  # until it runs: a look at what it makes
            shutil.rmtree(next(temporary.iterdir()))
        said = first.communicate(timeout=120)[1]
        assert first.returncode == 3, said
        assert FAULTS[fault] in said
        assert f"error: {tmp_path}" in said
        assert "Traceback" not in said
        (folder / "filler").unlink(missing_ok=True)
        if fault == "temporary":
            subprocess.run(["umount", str(temporary)], check=True)
            small = None
        second = worker(folder, temporary)
        said = second.communicate(timeout=120)[1]
        assert second.returncode == 0, said
        walks.drive(study, "collect", exit_code=1)
        assert walks.table(study) == walks.local_table(study)
    finally:
        if small is not None:
            subprocess.run(["umount", "-l", str(small[0])], check=True)
