"""Whether a process still answers: by what the kernel says of it, not by what it says itself.

A sign of life from a thread of the process would not do. The thread runs while R computes
(rpy2 lets go of the interpreter's lock around R's calls), but not while a library in C holds
that lock, for an hour perhaps. So any process answers that can go on by itself: it computes,
or it waits for something that does. Whether it takes too long is for its limit to decide.
"""

from __future__ import annotations

import time

from gridrun.worker._process_table import entry_of, family_of

STOPPED_SECONDS = 60.0
"""So long a process may be stopped, or wait for one that is, before it counts as lost."""

_LOOKS = 12
"""Looks within that time."""


class AnswerWatch:
    """Watches one process, the first of its session.

    Args:
        pid: Its id.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._looked = time.monotonic()
        self._since: float | None = None
        self._ticks = -1
        self._family_ticks = -1

    @property
    def interval(self) -> float:
        """Seconds between two looks."""
        return STOPPED_SECONDS / _LOOKS

    def heard(self) -> None:
        """Note that it has just sent something."""
        self._since = None

    def look(self) -> str:
        """Look, if it is time to.

        Returns:
            Why the process does not answer, or an empty string when it does.
        """
        now = time.monotonic()
        away = now - self._looked
        if away < self.interval:
            return ""
        self._looked = now
        why = self._why_not()
        if not why:
            self._since = None
        elif self._since is None or away > STOPPED_SECONDS / 2:
            # nobody looked for long: this process was stopped as well, or asleep
            self._since = now
        elif now - self._since >= STOPPED_SECONDS:
            return f"{why} for {now - self._since:.0f} s"
        return ""

    def _why_not(self) -> str:
        own = entry_of(self._pid)
        if own is None:
            return ""
        ticks, self._ticks = self._ticks, own.ticks
        if ticks != own.ticks:
            return ""
        if own.is_stopped:
            return "it was stopped (SIGSTOP)"
        family = family_of(self._pid)
        ticks, self._family_ticks = self._family_ticks, sum(member.ticks for member in family)
        stopped = [member for member in family if member.is_stopped]
        if not stopped or ticks != self._family_ticks:
            return ""
        first = stopped[0]
        return f"process {first.pid} ({first.name}), which it had started, was stopped (SIGSTOP)"
