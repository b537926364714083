"""Memory that a process and its family use, and what there is of it on this machine."""

from __future__ import annotations

import contextlib
import mmap
import os
from pathlib import Path

from gridrun.worker._process_table import family_of

_CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
"""Where a container's limit stands, by either version of control groups."""

_TASKS_SHARE = 0.8
"""Of the machine's memory that tasks may use together, if nobody says what one may."""

_LEAST_DEFAULT = 1 << 30


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


def total_memory() -> int:
    """Bytes of memory of this machine, or of the container if that has less."""
    found = [os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE]
    for place in _CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # not there, or "max"
            found.append(int(Path(place).read_text()))
    return min(found)


def free_memory() -> int:
    """Bytes that processes could still take here without anything being written to a swap."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, value = line.split(":")
        if name == "MemAvailable":
            return int(value.split()[0]) << 10
    return total_memory()


def default_limit() -> int:
    """Bytes that a task may use where nobody says: an even share of the machine's memory."""
    processors = len(os.sched_getaffinity(0))
    return max(int(total_memory() * _TASKS_SHARE / processors), _LEAST_DEFAULT)


def _proportional(pid: int) -> int:
    """Bytes of a process that are no file's, each page divided by how many share it."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) << 10
    return used_by(pid)
