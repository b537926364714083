"""Failures that have one reason: of many tasks, or of the machine that they run on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gridrun.plan.limits import names_of
from gridrun.plan.units import Event, Kind, TaskDone, TaskFailed

MANY = 5
"""So many failures with one reason may be the machine's."""

_MORE = 4
"""So many times as many are needed once they were found to be the tasks' own."""

_NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")

_CANNOT_LOAD = re.compile(
    "there is no package called|package or namespace load failed|unable to load shared object|"
    "cannot open shared object|lazy-load database .* is corrupt|No module named|cannot import name|"
    "ImportError|ModuleNotFoundError"
)
"""What R, Python and the system's loader say of what is not there, or not whole."""


def general(reason: str) -> str:
    """The reason of a failure without what numbers it has, by which alike ones are known."""
    return _NUMBER.sub("0", reason)


def says_it_cannot_load(reason: str) -> bool:
    """Whether a reason says that a package or a library is not there."""
    return _CANNOT_LOAD.search(reason) is not None


class AlikeFailures:
    """Failures for one reason of what one worker has done, in a row or not.

    They say something about the machine as long as they have something in common that no task has
    which was done since the first of them. Deaths of a process, limits and upstream's defects do
    not count: they have kinds of their own.
    """

    def __init__(self) -> None:
        self.count = 0
        self.reason = ""
        """Of the last one, as it was given."""
        self._wanted = MANY
        self._common: frozenset[str] = frozenset()

    @property
    def are_many(self) -> bool:
        """Whether they may be the machine's."""
        return self.count >= self._wanted

    @property
    def suspects(self) -> frozenset[str]:
        """What they have in common, and nothing that was done since: parameters' values, say."""
        return self._common

    def add(self, names: Iterable[str]) -> None:
        """Take in a failure.

        Args:
            names: What its task may be called by.
        """
        self._common = self._common.intersection(names) if self.count else frozenset(names)
        self.count += 1
        if not self._common:
            self.count = 0

    def exonerate(self, names: Iterable[str]) -> None:
        """Take in a task that was done.

        Args:
            names: What it may be called by.
        """
        self._common = self._common.difference(names)
        if not self._common:
            self.count = 0

    def clear(self) -> None:
        """They are the tasks' own; more of them are needed to find that out again."""
        self._wanted = _MORE * max(self.count, self._wanted)
        self.count, self._common = 0, frozenset()


class FailuresByReason:
    """Failures of what one worker has done, by their general reason."""

    def __init__(self) -> None:
        self._alike: dict[str, AlikeFailures] = {}

    def note(self, event: Event) -> None:
        """Take in what happened."""
        if isinstance(event, TaskDone):
            if not event.result.shared:
                names = set(names_of(event.task))
                for alike in self._alike.values():
                    alike.exonerate(names)
        elif isinstance(event, TaskFailed) and event.kind is Kind.ERROR:
            alike = self._alike.setdefault(general(event.reason), AlikeFailures())
            alike.add(names_of(event.task))
            alike.reason = event.reason

    def many(self) -> dict[str, AlikeFailures]:
        """Those that may be the machine's."""
        return {reason: alike for reason, alike in self._alike.items() if alike.are_many}
