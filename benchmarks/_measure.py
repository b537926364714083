"""CPU seconds and memory of a process and of all that it starts, while it runs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """What a command took.

    Args:
        cpu: CPU seconds of all its processes.
        wall: Seconds from start to end.
        peak: Most memory that its processes had together (MB); pages that they share count once.
        read: What its processes read, from files and pipes (MB).
        output: File of its standard output.
        code: Exit code.
    """

    cpu: float
    wall: float
    peak: float
    read: float
    output: Path
    code: int

    @property
    def said(self) -> str:
        """Standard output."""
        return self.output.read_text()

    def figures(self) -> str:
        """As the benchmarks print it."""
        return f"{self.cpu:7.2f} CPU s  {self.wall:7.2f} s  peak {self.peak:.0f} MB"


def watched(
    command: Sequence[str],
    output: Path,
    *,
    each: float = 0.05,
    errors: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Measured:
    """Run a command and measure it.

    Args:
        command: Program and arguments.
        output: File for its standard output.
        each: Seconds between two looks at its processes: one that lives shorter is not seen, but
            its CPU seconds are where its parent waits for it.
        errors: Where standard error goes, as for ``subprocess``.
        environment: Variables; those of this process where left out.
    """
    began, peak = time.perf_counter(), 0.0
    spent: dict[int, float] = {}
    taken: dict[int, int] = {}
    with output.open("wb") as file:
        child = subprocess.Popen(command, stdout=file, stderr=errors, env=environment)
        while True:
            memory = 0.0
            for pid in _family(child.pid):
                with suppress(OSError):
                    memory += _memory(pid)
                    spent[pid] = max(spent.get(pid, 0.0), _seconds(pid))
                    taken[pid] = max(taken.get(pid, 0), _bytes_read(pid))
            peak = max(peak, memory)
            found, status, usage = os.wait4(child.pid, os.WNOHANG)
            if found:
                break
            time.sleep(each)
        child.returncode = os.waitstatus_to_exitcode(status)
    # of processes that nobody waited for, as Ray's, their own last figure counts
    cpu = max(usage.ru_utime + usage.ru_stime, sum(spent.values()))
    wall = time.perf_counter() - began
    return Measured(cpu, wall, peak, sum(taken.values()) / 1e6, output, child.returncode)


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    family = [pid]
    for member in family:
        with suppress(OSError):
            for task in Path("/proc", str(member), "task").iterdir():
                family += map(int, (task / "children").read_text().split())
    return family


def _memory(pid: int) -> float:
    lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _seconds(pid: int) -> float:
    fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / _TICKS


def _bytes_read(pid: int) -> int:
    return int(Path("/proc", str(pid), "io").read_text().split()[1])
