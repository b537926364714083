"""Whether failures come from the machine: a new process is tried, and a task that was done before.

Something that tasks need may go while a run goes on: a package, a library, a directory, room on
the disk. Each task that needs it then fails, with a reason of its own or with R's, and what is left
of a grid would be recorded as failed. Others, of another method say, may be done meanwhile.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from gridrun.errors import EnvironmentFault, counted
from gridrun.pipeline import TaskSpec
from gridrun.plan.alike import FailuresByReason, general, says_it_cannot_load
from gridrun.plan.limits import names_of
from gridrun.plan.units import Event, TaskDone, Unit
from gridrun.worker._messages import Outcome, Ran


class MachineAtFault(EnvironmentFault):
    """What tasks need is not here, or not any more: no worker of the machine may go on.

    Args:
        what: As ``EnvironmentFault`` has it.
        todo: The same.
        alike: General reason of the failures that come from it, see ``gridrun.plan.alike``.
    """

    def __init__(self, what: str, *, todo: str | None = None, alike: str = "") -> None:
        super().__init__(what, todo=todo)
        self.alike = alike


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
        self._failures = FailuresByReason()
        self._known: dict[str, Known] = {}

    @property
    def reason(self) -> str:
        """The general reason for which the machine is to be tried before anything else runs."""
        return next(iter(self._failures.many()), "")

    def note(self, event: Event, unit: Unit) -> None:
        """Take in the outcome of a task of a unit."""
        self._failures.note(event)
        if isinstance(event, TaskDone) and not event.result.shared:
            known = Known(event.task, unit.artifact)
            self._known.update(dict.fromkeys(names_of(event.task), known))

    def known(self, artifacts: Container[str]) -> Known | None:
        """A task that was done, to be repeated: with most that only tasks have that fail now.

        Args:
            artifacts: Digests of those that are here.
        """
        suspects = self._failures.many()[self.reason].suspects
        found = [
            known
            for name, known in self._known.items()
            if name in suspects and (not known.artifact or known.artifact in artifacts)
        ]
        return max(
            found, key=lambda known: len(suspects.intersection(names_of(known.task))), default=None
        )

    def judge_without(self) -> None:
        """Judge where there is no task to be repeated, and the new process is up.

        Raises:
            MachineAtFault: The reason says that something cannot be loaded.
        """
        alike, reason = self._failures.many()[self.reason], self.reason
        count = counted(alike.count, "task")
        alike.clear()
        if says_it_cannot_load(reason):
            raise MachineAtFault(
                f"{count} failed here for one reason, and none that is like them was done: "
                f"{alike.reason}",
                todo="install what cannot be loaded, or take what needs it out of the grid; the "
                "tasks wait for the same command",
                alike=reason,
            )

    def judge(self, outcome: Outcome) -> None:
        """Judge by the outcome of the repeated task.

        Raises:
            MachineAtFault: It has failed for the reason for which the others did.
        """
        alike, reason = self._failures.many()[self.reason], self.reason
        count = counted(alike.count, "task")
        alike.clear()
        tried = outcome.tried if isinstance(outcome, Ran) else None
        if tried is None or tried.result is not None or general(tried.reason) != reason:
            return
        raise MachineAtFault(
            f"{count} failed here for one reason, and so does one that was done before: "
            f"{tried.reason}",
            todo="something that tasks need was changed or lost while the run went on: a package, "
            "a library, a directory, room on the disk; the tasks wait, so put it right and run the "
            "same command again",
            alike=reason,
        )
