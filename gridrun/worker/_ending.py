"""How a process ended, in the one wording that tables, logs and messages share."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

from gridrun.errors import in_bytes

_LINES_SHOWN = 20


@dataclass(frozen=True)
class TimeLimit:
    """How long a process may be at what it is at.

    Args:
        seconds: Wall seconds.
        since: When it began, on the monotonic clock.
        stage: Stage whose limit it is; empty for that of the whole.
    """

    seconds: float
    since: float = field(default_factory=time.monotonic)
    stage: str = ""

    @property
    def left(self) -> float:
        """Seconds until it has passed; negative afterwards."""
        return self.since + self.seconds - time.monotonic()


@dataclass(frozen=True)
class MemoryPassed:
    """Memory that a process had taken when it was killed for that.

    Args:
        limit: Bytes that it might use.
        used: Bytes that it used.
        left: Bytes that the machine had left when it was killed for that; None where it passed
            its limit.
    """

    limit: int
    used: int
    left: int | None = None


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Args:
        pid: Its id.
        signal: Signal that ended it; None when it was gridrun's own.
        exit_code: Exit code when no signal did.
        limit: The limit that it was killed for, if it was.
        stopped: Why it did not answer, if it was killed for that.
        memory: The memory that it had taken, if it was killed for that.
    """

    pid: int
    signal: int | None = None
    exit_code: int | None = None
    limit: TimeLimit | None = None
    stopped: str = ""
    memory: MemoryPassed | None = None

    @property
    def reason(self) -> str:
        """One line that goes on from "the process"."""
        if self.memory is not None:
            used, limit = self.memory.used / 1e9, in_bytes(self.memory.limit)
            if self.memory.left is not None:
                return (
                    f"used {used:.2f} GB of memory, within its limit of {limit}, when tasks had "
                    f"left {self.memory.left / 1e9:.2f} GB of the machine's"
                )
            return f"used {used:.2f} GB of memory, more than its limit of {limit}"
        if self.limit is not None:
            of = f" for stage {self.limit.stage}" if self.limit.stage else ""
            return f"ran longer than its limit of {self.limit.seconds:g} s{of}"
        if self.stopped:
            return f"stopped answering: {self.stopped}"
        if self.signal is None:
            return f"exited with code {self.exit_code}"
        return f"was killed by signal {_signal_text(self.signal)}"


def _signal_text(number: int) -> str:
    if number == signal.SIGKILL:
        by = "not by gridrun; perhaps by the system because memory ran out (see its log)"
        return f"{number} (SIGKILL), {by}"
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return f"{number}"


def last_printed(log: str) -> str:
    """The last lines of a log under a heading, for messages."""
    lines = log.strip().splitlines()[-_LINES_SHOWN:]
    return "\n    ".join(["it printed last:", *lines]) if lines else "it printed nothing"
