"""Failures in a row that have one reason: of many tasks, or of the machine that they run on."""

from __future__ import annotations

import re

from gridrun.plan.units import Event, Kind, TaskDone, TaskFailed

MANY = 5
"""So many failures in a row with one reason may be the machine's."""

_NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")


def general(reason: str) -> str:
    """The reason of a failure without what numbers it has, by which alike ones are known."""
    return _NUMBER.sub("0", reason)


class AlikeFailures:
    """The last failures in a row with one reason, of what one worker has done.

    A task that is done ends the row, and so does another reason. Deaths of a process, limits and
    upstream's defects do not count: they have kinds of their own.
    """

    def __init__(self) -> None:
        self.reason = ""
        """The general reason; empty where the last task was done."""
        self.tasks: list[tuple[int, int, int]] = []
        """Context, fold and code of each task."""

    @property
    def are_many(self) -> bool:
        """Whether they may be the machine's."""
        return len(self.tasks) >= MANY

    def note(self, event: Event) -> None:
        """Take in what happened."""
        if isinstance(event, TaskDone):
            self.reason, self.tasks = "", []
        elif isinstance(event, TaskFailed) and event.kind is Kind.ERROR:
            reason = general(event.reason)
            if reason != self.reason:
                self.reason, self.tasks = reason, []
            task = event.task
            self.tasks.append((task.context, task.fold, task.code))
