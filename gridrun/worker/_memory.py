"""Memory that a process and its family use."""

from __future__ import annotations

import contextlib
import mmap
from pathlib import Path

from gridrun.worker._process_table import family_of


def used_by(pid: int) -> int:
    """Bytes that are a process's own; 0 when there is no such process."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return max(int(resident) - int(shared), 0) * mmap.PAGESIZE


def used_by_descendants(leader: int) -> int:
    """Bytes of a process and of those it has started, in a fraction of a millisecond.

    What they share by a fork counts for each, and one that has left its parent does not.
    """
    total, waiting = 0, [leader]
    while waiting:
        pid = waiting.pop()
        total += used_by(pid)
        with contextlib.suppress(OSError):  # it has ended meanwhile
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return total


def used_by_family(leader: int) -> int:
    """Bytes that a process and all that it started use; what they share counts once."""
    return sum(_proportional(member.pid) for member in family_of(leader))


def _proportional(pid: int) -> int:
    """Bytes of a process that are no file's, each page divided by how many share it."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) << 10
    return used_by(pid)
