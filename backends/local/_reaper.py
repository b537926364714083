"""Tidies up behind a Ray of our own, whatever happens to the driver.

Most of Ray's processes go with their driver, but its agents stay for a minute
and its files for ever. ``python -m backends.local._reaper DIRECTORY`` waits for the end
of its standard input, which is the end of the driver, kills whatever still uses the
directory, and removes it. When it is killed as well, the next run does that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gridrun.worker.left_behind import sweep


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


def main(arguments: list[str]) -> int:
    """Wait for the driver's end, then sweep."""
    sys.stdin.buffer.read()
    sweep(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
