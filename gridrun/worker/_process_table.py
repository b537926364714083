"""What the kernel says of processes: who started whom, who is stopped, who computes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

_STOPPED = "T"
"""State after SIGSTOP; a process that a debugger holds is in another one."""


@dataclass(frozen=True)
class ProcessEntry:
    """One line of the process table.

    Args:
        pid: Process id.
        name: Display name: that of its program.
        state: The kernel's letter.
        parent: Id of the process that started it, or that took it over.
        session: Id of the session's first process.
        ticks: Processor time that all its threads have used, in the clock's ticks.
    """

    pid: int
    name: str
    state: str
    parent: int
    session: int
    ticks: int

    @property
    def is_stopped(self) -> bool:
        """Whether somebody has stopped it (SIGSTOP) and nobody let it go on."""
        return self.state == _STOPPED


def entry_of(pid: int) -> ProcessEntry | None:
    """The entry of a process; None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # a program's name may have blanks and brackets of its own
    head, _, rest = text.rpartition(")")
    fields = rest.split()
    return ProcessEntry(
        pid=pid,
        name=head.partition("(")[2],
        state=fields[0],
        parent=int(fields[1]),
        session=int(fields[3]),
        ticks=int(fields[11]) + int(fields[12]),
    )


def family_of(leader: int) -> list[ProcessEntry]:
    """A session's first process, its session, and all that these have started and not left.

    One pass over the whole table: milliseconds where hundreds of processes run.
    """
    numbers = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - half the time
    table = {pid: entry for pid in numbers if (entry := entry_of(pid)) is not None}
    members = {pid for pid, entry in table.items() if leader in (pid, entry.session)}
    while found := {pid for pid, entry in table.items() if entry.parent in members} - members:
        members |= found
    return [table[pid] for pid in members]


def kill_family(leader: int, mark: str) -> None:
    """Kill a session's first process and all that it has started.

    A daemon has let go of session and parent, but was born with their environment. To be called
    before the leader is waited for: only till then is its id certainly its own.

    Args:
        leader: Its id.
        mark: What no other environment has: ``NAME=value``.
    """
    family = family_of(leader)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
    for member in family:
        _kill(member.pid)
    seen: set[int] = set()
    # one that was just starting another may have been too fast
    while found := set(_marked(mark)) - seen:
        for pid in found:
            _kill(pid)
        seen |= found


def kill_strays(started: Container[int]) -> None:
    """Kill children that this process did not start; it has to adopt orphans.

    They have hidden from ``kill_family`` by an environment of their own, and are children of this
    process since the one that started them is gone.

    Args:
        started: Ids of children that it did start.
    """
    while strays := [pid for pid in _children() if pid not in started]:
        for pid in strays:
            _kill(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    """Ids of this process's children, by whichever thread."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # the thread has ended
            found += map(int, (task / "children").read_text().split())
    return found


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _marked(mark: str) -> Iterator[int]:
    wanted = os.fsencode(mark)
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - half the time
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if wanted in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                yield int(name)
