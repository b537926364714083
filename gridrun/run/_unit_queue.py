"""Units for a backend: cut lazily, lost ones offered again, blocks that cannot be made failed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import TaskFailure, TaskSpec, Value
from gridrun.plan.cutting import UnitPlan
from gridrun.plan.units import Attempt, Kind, TaskDone, TaskFailed, Unit

MOST_LOSSES = 5
"""After so many lost workers in a row the machine is at fault."""


class UnitQueue:
    """Gives units one at a time and keeps account of those in flight.

    Args:
        cuts: What is to be run.
        artifact: Makes the artifact of a block when a unit is given: its digest, its checksum.
        block: Parameters of a block.
        run: Number of the run, part of unit names.
        fail: Called with the failure of each task whose block cannot be made.
        most_losses: So many losses in a row end the run; None where the backend judges.
    """

    def __init__(
        self,
        cuts: Iterator[UnitPlan],
        artifact: Callable[[Mapping[str, Value]], tuple[str, str]],
        block: Sequence[str],
        *,
        run: int,
        fail: Callable[[TaskFailed], None],
        most_losses: int | None = MOST_LOSSES,
    ) -> None:
        self._cuts = cuts
        self._make = artifact
        self._block = block
        self._run = run
        self._fail = fail
        self._again: deque[Unit] = deque()
        self._left: dict[str, tuple[Unit, dict[tuple[int, int, int], TaskSpec]]] = {}
        self._losses = 0
        self._most_losses = most_losses
        self._offered_again = 0
        self._stopped = False

    def next_unit(self) -> Unit | None:
        """The next unit, or None when there is none for now."""
        if self._stopped:
            return None
        while self._again:
            unit = self._again.popleft()
            # it may come from an earlier run, whose artifacts need not be here
            first = unit.tasks[0].values
            block = {name: first[name] for name in self._block if name in first}
            made = self._artifact(block, unit.tasks) if unit.artifact else ("", "")
            if made is not None:
                return self._account(replace(unit, artifact=made[0], checksum=made[1]))
        for cut in self._cuts:
            made = self._artifact(cut.block, cut.tasks)
            if made is not None:
                artifact, checksum = made
                name = f"r{self._run}u{cut.number}"
                return self._account(Unit(name, artifact, cut.tasks, cut.seconds, checksum))
        return None

    def resume(self, unit: Unit) -> None:
        """Keep account of a unit that an earlier run gave away; it may be offered again."""
        self._account(unit)

    def stop(self) -> None:
        """Give no more units."""
        self._stopped = True

    def tasks_of(self, unit: str) -> int:
        """Number of tasks of a unit in flight that have no final event."""
        return len(self._left[unit][1]) if unit in self._left else 0

    def settle(self, event: TaskDone | TaskFailed) -> bool:
        """Note a final event.

        Returns:
            Whether it is the first for its task in its unit; a worker that was
            given up and comes back after all must not count twice.
        """
        self._losses = 0
        held = self._left.get(event.attempt.unit)
        task = event.task
        return (
            held is not None and held[1].pop((task.context, task.fold, task.code), None) is not None
        )

    def finish(self, unit: str) -> None:
        """A unit has ended; the tasks that it handed back stay waiting."""
        self._left.pop(unit, None)

    def mark_lost(self, unit: str, reason: str) -> None:
        """A unit's worker is gone: offer again what has no final event.

        Raises:
            EnvironmentFault: Workers are lost one after another without an outcome between.
        """
        held = self._left.pop(unit, None)
        self._losses += 1
        if self._most_losses is not None and self._losses >= self._most_losses:
            raise EnvironmentFault(
                f"{self._losses} workers were lost one after another, the last one: {reason}",
                todo="check the machine (memory, disk, `gridrun doctor`), then run again: what was "
                "committed is kept",
            )
        if held is not None and held[1]:
            first, tasks = held
            self._offered_again += 1
            name = f"{first.id.partition('+')[0]}+r{self._run}n{self._offered_again}"
            self._again.append(Unit(name, first.artifact, tuple(tasks.values()), first.seconds))

    def _account(self, unit: Unit) -> Unit:
        tasks = {(task.context, task.fold, task.code): task for task in unit.tasks}
        self._left[unit.id] = (unit, tasks)
        return unit

    def _artifact(
        self, block: Mapping[str, Value], tasks: tuple[TaskSpec, ...]
    ) -> tuple[str, str] | None:
        started = time.time()
        try:
            return self._make(block)
        except TaskFailure as failure:
            attempt = Attempt("", 1, "driver", started, time.time() - started)
            for task in tasks:
                self._fail(
                    TaskFailed(
                        task,
                        attempt,
                        Kind(failure.kind),
                        failure.message,
                        stage="preprocess",
                    )
                )
            return None
