"""Tidies up behind a Ray of our own, whatever happens to the driver.

Most of Ray's processes go with their driver, but its agents stay for a minute
and its files for ever. ``python -m backends.local._reaper DIRECTORY`` waits for the end
of its standard input, which is the end of the driver, kills whatever still has a
file of the directory open, and removes the directory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_SWEEP_SECONDS = 10.0


def start_reaper(directory: Path) -> subprocess.Popen[bytes]:
    """Start one; closing its ``stdin``, or dying, sets it to work."""
    path = [str(Path(entry).absolute()) for entry in sys.path]
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", "backends.local._reaper", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C on a terminal does not reach it
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )


def users_of(directory: Path) -> Iterator[int]:
    """Process ids of this user's processes that have a file below a directory open.

    This process and its parent (the driver, while it lives) are left out.
    """
    prefix = f"{directory}{os.sep}"
    spared = {os.getpid(), os.getppid()}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) in spared:
            continue
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours to look into
            if any(_target(link).startswith(prefix) for link in (process / "fd").iterdir()):
                yield int(process.name)


def sweep(directory: Path) -> None:
    """Kill the users of a directory until there are none, then remove it."""
    deadline = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < deadline:
        found = list(users_of(directory))
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            break
        time.sleep(0.05)
    shutil.rmtree(directory, ignore_errors=True)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""


def main(arguments: list[str]) -> int:
    """Wait for the driver's end, then sweep."""
    sys.stdin.buffer.read()
    sweep(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
