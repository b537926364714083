"""Whether failures come from the machine: a new process is tried, and a task that was done before.

Something that tasks need may go while a run goes on: a package, a library, a directory, room on
the disk. Each task that is tried then fails, with a reason of its own or with R's, and the rest of
a grid would be recorded as failed.
"""

from __future__ import annotations

from dataclasses import dataclass

from gridrun.errors import EnvironmentFault, counted
from gridrun.pipeline import TaskSpec
from gridrun.plan.alike import AlikeFailures, general
from gridrun.plan.units import Event, TaskDone, TaskFailed, Unit
from gridrun.worker._messages import Outcome, Ran


class MachineAtFault(EnvironmentFault):
    """A task that was done before fails here now: no worker of the machine may go on."""


@dataclass(frozen=True)
class Known:
    """A task that was done here.

    Args:
        task: Which.
        artifact: Digest of its block's artifact, or empty.
    """

    task: TaskSpec
    artifact: str


class Suspicion:
    """Failures with one reason, and what has been found out about them."""

    def __init__(self) -> None:
        self._failures = AlikeFailures()
        self._cleared: set[str] = set()
        self._known: dict[str, Known] = {}
        self._last: Known | None = None
        self._classifier = ""

    @property
    def is_raised(self) -> bool:
        """Whether the machine is to be tried before anything else runs."""
        return self._failures.are_many and self._failures.reason not in self._cleared

    @property
    def known(self) -> Known | None:
        """A task that was done, to be repeated; of the classifier that fails, if there is one.

        A package may be lost that no other classifier has a use for.
        """
        return self._known.get(self._classifier, self._last)

    def note(self, event: Event, unit: Unit) -> None:
        """Take in the outcome of a task of a unit."""
        self._failures.note(event)
        if isinstance(event, TaskFailed):
            self._classifier = event.task.classifier
        if isinstance(event, TaskDone) and not event.result.shared:
            if event.task.classifier not in self._known:
                self._cleared.clear()  # nothing was found out of these, for lack of such a task
            self._last = self._known[event.task.classifier] = Known(event.task, unit.artifact)

    def clear(self) -> None:
        """The failures are the tasks' own: their reason says nothing about the machine."""
        self._cleared.add(self._failures.reason)

    def judge(self, outcome: Outcome) -> None:
        """Judge by the outcome of the repeated task.

        Raises:
            MachineAtFault: It has failed for the reason for which the others did.
        """
        tried = outcome.tried if isinstance(outcome, Ran) else None
        if (
            tried is None
            or tried.result is not None
            or general(tried.reason) != self._failures.reason
        ):
            self.clear()
            return
        many = counted(len(self._failures.tasks), "task")
        raise MachineAtFault(
            f"{many} in a row failed here for one reason, and so does one that was done before: "
            f"{tried.reason}",
            todo="something that tasks need was changed or lost while the run went on: a package, "
            "a library, a directory, room on the disk; the tasks wait, so put it right and run the "
            "same command again",
        )
