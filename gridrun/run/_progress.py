"""Progress of a run: counts and callbacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gridrun.errors import Fault
from gridrun.plan.units import TaskFailed


@dataclass
class Tally:
    """Counts of one run; the engine alone changes them.

    Args:
        total: Tasks of the selection that are to be run, done ones included.
        before: Of these, finished by earlier runs.
        done: Done by this run.
        failed: Failed in this run.
        shared: Of ``done``, taken over from an equal task.
        retried: Attempts that were followed by another.
        fits: Models really fitted by this run, by name.
    """

    total: int = 0
    before: int = 0
    done: int = 0
    failed: int = 0
    shared: int = 0
    retried: int = 0
    fits: dict[str, int] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """Tasks that need no more work."""
        return self.before + self.done + self.failed


class Progress(Protocol):
    """Progress callbacks of a run; every call returns at once."""

    def phase(self, text: str) -> None:
        """What is being done now."""
        ...

    def note(self, fault: Fault | str) -> None:
        """Something worth saying once."""
        ...

    def update(self, tally: Tally) -> None:
        """The counts have changed."""
        ...

    def failure(self, event: TaskFailed, log: str) -> None:
        """A task failed; its log file, or empty."""
        ...


class Silent:
    """Progress callbacks that do nothing."""

    def phase(self, text: str) -> None:
        """Do nothing."""

    def note(self, fault: Fault | str) -> None:
        """Do nothing."""

    def update(self, tally: Tally) -> None:
        """Do nothing."""

    def failure(self, event: TaskFailed, log: str) -> None:
        """Do nothing."""
