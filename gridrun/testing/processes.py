"""Which processes a toy task ran in, by the file that notes the starts of tasks."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_GONE_SECONDS = 10.0


def pids_of(starts: Path) -> set[int]:
    """Processes that noted the start of a task."""
    return {int(line.split()[0]) for line in starts.read_text().splitlines()}


def parent_of(pid: int) -> int:
    """Process id of a process's parent."""
    status = Path(f"/proc/{pid}/stat").read_text()
    return int(status.rpartition(")")[2].split()[1])


def all_gone(starts: Path) -> bool:
    """Whether the processes that noted a start are gone, this one aside, within seconds."""
    pids = pids_of(starts) - {os.getpid()}
    deadline = time.monotonic() + _GONE_SECONDS
    while pids and time.monotonic() < deadline:
        pids = {pid for pid in pids if lives(pid)}
        time.sleep(0.05)
    return not pids


def lives(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
