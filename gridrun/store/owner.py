"""Which process something belongs to, so that others can find out whether it lives.

A process id alone does not name a process: the machine's boot and the process's start
belong to it.
"""

from __future__ import annotations

from pathlib import Path


def boot() -> str:
    """Name of the machine's present boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "unknown"


def born(pid: int) -> str:
    """Start time of a process in clock ticks after boot, empty if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]
