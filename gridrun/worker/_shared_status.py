"""A page of memory that supervisor and child share, with a name in their directory.

It is on no disk: a page of a file for which a full disk has no room ends the process that writes
on it, without a sentence, and file systems that copy what is written (btrfs) keep no room for one.

The child notes on it what it is about to do, without a system call; the note
outlives the child, so a death is attributed to the task started last. The
supervisor notes on it that the child is to stop.
"""

from __future__ import annotations

import mmap
import os
import time
from dataclasses import dataclass
from pathlib import Path

STATUS = "status"
"""Name of the file."""

_BYTES = mmap.PAGESIZE
_NUMBERS_BYTES = 64
_POSITION, _STARTED_NS, _STOP, _STAGE_NS = range(4)
"""Slots of 8 bytes, each written by one side only and whole."""


@dataclass(frozen=True)
class Running:
    """The task that a child runs.

    Args:
        position: Position in the unit.
        started_ns: Monotonic clock, nanoseconds.
        stage: Stage started last, or an empty string.
        key: Key of that stage.
        stage_ns: When the stage started, on the same clock; 0 before the first.
    """

    position: int
    started_ns: int
    stage: str
    key: str
    stage_ns: int = 0


class StatusPage:
    """Either side's view of the page.

    Args:
        path: Its name; who finds nothing of it makes the page, which lives as long as they do.
    """

    def __init__(self, path: Path) -> None:
        self._made: int | None = None
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            handle = self._made = os.memfd_create("gridrun-status")
            os.ftruncate(handle, _BYTES)
            path.symlink_to(f"/proc/{os.getpid()}/fd/{handle}")
        self._page = mmap.mmap(handle, _BYTES)  # with a descriptor of its own
        if self._made is None:
            os.close(handle)
        self._view = memoryview(self._page)
        self._numbers = self._view[:_NUMBERS_BYTES].cast("q")

    def close(self) -> None:
        """Let go of the page."""
        self._numbers.release()
        self._view.release()
        self._page.close()
        if self._made is not None:
            os.close(self._made)

    # the child's side

    def begin(self, position: int) -> None:
        """Note that a task starts now."""
        self._page[_NUMBERS_BYTES] = 0
        self._numbers[_STAGE_NS] = 0
        self._numbers[_STARTED_NS] = time.monotonic_ns()
        self._numbers[_POSITION] = position + 1

    def at_stage(self, stage: str, key: str) -> None:
        """Note that a stage of the task starts now; a text too long is cut."""
        text = f"{stage}\t{key}".encode()[: _BYTES - _NUMBERS_BYTES - 1] + b"\0"
        self._numbers[_STAGE_NS] = 0  # no stage has the start of another
        self._page[_NUMBERS_BYTES : _NUMBERS_BYTES + len(text)] = text
        self._numbers[_STAGE_NS] = time.monotonic_ns()

    def rest(self) -> None:
        """Note that no task is running."""
        self._numbers[_POSITION] = 0

    @property
    def stop_wanted(self) -> bool:
        """Whether the child is to leave the rest of its tasks."""
        return self._numbers[_STOP] != 0

    # the supervisor's side

    def want_stop(self) -> None:
        """Ask the child to leave the rest of its tasks."""
        self._numbers[_STOP] = 1

    def running(self) -> Running | None:
        """What the child runs, or ran when it died; None between tasks."""
        while True:
            position = self._numbers[_POSITION]
            if position == 0:
                return None
            started_ns, stage_ns = self._numbers[_STARTED_NS], self._numbers[_STAGE_NS]
            stage, key = self.stage()
            same = self._numbers[_STAGE_NS] == stage_ns and self._numbers[_POSITION] == position
            if same:
                return Running(position - 1, started_ns, stage, key, stage_ns)

    def stage(self) -> tuple[str, str]:
        """Stage started last and its key; two empty strings before the first."""
        text = bytes(self._page[_NUMBERS_BYTES:]).partition(b"\0")[0].decode(errors="replace")
        stage, _, key = text.partition("\t")
        return stage, key
