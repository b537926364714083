"""Memory that there is on this machine, or in the control group that this process is in."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_MEMINFO = Path("/proc/meminfo")

_TASKS_SHARE = 0.8
"""Of the machine's memory that tasks may use together, if nobody says what one may."""

_LEAST_DEFAULT = 1 << 30

_RESERVED_SHARE = 0.05
_LEAST_RESERVED = 512 << 20
"""A process fills about that much between two looks at it."""


@dataclass(frozen=True)
class _Group:
    """Files of a control group: of its limit, of what it uses, and of what is in that.

    Args:
        limit: Bytes, or a word where there is none.
        used: Bytes, with files that the kernel keeps in memory.
        parts: What these are, a name and bytes a line.
        idle: Name of files kept in memory that the kernel lets go of when asked for more.
    """

    limit: Path
    used: Path
    parts: Path
    idle: str


def total_memory() -> int:
    """Bytes of memory of this machine, or of the container or job if that has less."""
    limits = (bytes_ for group in _groups() if (bytes_ := _number(group.limit)) is not None)
    return min([os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE, *limits])


def free_memory() -> int:
    """Bytes that processes could still take here without anything being written to a swap."""
    found = [_named(_MEMINFO, "MemAvailable:") << 10]
    for group in _groups():
        limit, used = _number(group.limit), _number(group.used)
        if limit is not None and used is not None:
            found.append(limit - used + _named(group.parts, group.idle))
    return max(min(found), 0)


def default_limit() -> int:
    """Bytes that a task may use where nobody says: an even share of the machine's memory."""
    processors = len(os.sched_getaffinity(0))
    return max(int(total_memory() * _TASKS_SHARE / processors), _LEAST_DEFAULT)


def reserved_memory() -> int:
    """Bytes that tasks together have to leave free: below it, one of them gives way."""
    total = total_memory()
    return min(max(int(total * _RESERVED_SHARE), _LEAST_RESERVED), total // 4)


@cache
def _groups() -> tuple[_Group, ...]:
    """Control groups that this process is in and that limit its memory, by either version."""
    found = {
        group
        for version, mount, place in _places()
        # a container's own groups seem to lie at the mount itself
        for directory in (mount / place.lstrip("/"), *(mount / place.lstrip("/")).parents, mount)
        if directory.is_relative_to(mount) and (group := _group(version, directory)).limit.exists()
    }
    physical = os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE
    return tuple(g for g in found if (_number(g.limit) or physical) < physical)


def _places() -> Iterator[tuple[int, Path, str]]:
    """Version, mount, and this process's place below it."""
    with contextlib.suppress(OSError):  # a kernel without them
        for line in _OWN.read_text("utf-8", "replace").splitlines():
            _, controllers, place = line.split(":", 2)
            if not controllers:
                yield 2, _MOUNT, place
            elif "memory" in controllers.split(","):
                yield 1, _MOUNT / "memory", place


def _group(version: int, directory: Path) -> _Group:
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        idle = "total_inactive_file"
    else:
        names, idle = ("memory.max", "memory.current"), "inactive_file"
    limit, used = (directory / name for name in names)
    return _Group(limit, used, directory / "memory.stat", idle)


def _number(path: Path) -> int | None:
    """A file's number; None where it has none, or is gone."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _named(path: Path, name: str) -> int:
    """The number that stands after a name at the beginning of a line; 0 where it is not there."""
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            words = line.split()
            if words and words[0] == name:
                return int(words[1])
    return 0
