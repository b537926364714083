"""Units for a backend: cut lazily, lost ones put off, blocks that cannot be made failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gridrun.errors import EnvironmentFault, counted
from gridrun.pipeline import TaskFailure, TaskSpec, Value
from gridrun.plan.cutting import UnitPlan
from gridrun.plan.retries import RETRIES
from gridrun.plan.units import Attempt, Kind, Loss, TaskDone, TaskFailed, Unit


@dataclass(frozen=True)
class PutOff:
    """A unit that waits to be offered again.

    Args:
        unit: It, with the tasks that are left.
        due: When it may be offered, on the queue's clock.
        reason: Why it came back.
        kind: The same, as the table of retries has it.
        losses: How often it came back in a row, without an outcome between.
    """

    unit: Unit
    due: float
    reason: str
    kind: Loss
    losses: int


class UnitQueue:
    """Gives units one at a time and keeps account of those in flight.

    Args:
        cuts: What is to be run.
        artifact: Makes the artifact of a block when a unit is given: its digest, its checksum.
        block: Parameters of a block.
        run: Number of the run, part of unit names.
        fail: Called with the failure of each task whose block cannot be made.
        workers: How many there are.
        clock: Seconds, for example of the monotonic clock.
    """

    def __init__(
        self,
        cuts: Iterator[UnitPlan],
        artifact: Callable[[Mapping[str, Value]], tuple[str, str]],
        block: Sequence[str],
        *,
        run: int,
        fail: Callable[[TaskFailed], None],
        workers: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cuts = cuts
        self._make = artifact
        self._block = block
        self._run = run
        self._fail = fail
        self._clock = clock
        self._again: list[PutOff] = []
        self._left: dict[str, tuple[Unit, dict[tuple[int, int, int], TaskSpec]]] = {}
        self._losses: dict[str, int] = {}
        self._in_a_row = 0
        self._most_at_once = workers  # a node takes all its workers with it: one reason, not many
        self._offered_again = 0
        self._stopped = False

    def next_unit(self) -> Unit | None:
        """The next unit, or None when there is none for now."""
        if self._stopped:
            return None
        while self._again and self._again[0].due <= self._clock():
            unit = self._again.pop(0).unit
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

    @property
    def now(self) -> float:
        """What the queue's clock says."""
        return self._clock()

    @property
    def put_off(self) -> tuple[PutOff, ...]:
        """Units that wait to be offered again, the next one first; none after a stop."""
        return () if self._stopped else tuple(self._again)

    @property
    def seconds_to_next(self) -> float | None:
        """Seconds until a unit that was put off may be offered; None when there is none.

        Of what comes back from a sweep, none: the backend did not take it when it could.
        """
        dues = [one.due for one in self.put_off if one.kind is not Loss.SWEEP]
        return max(dues[0] - self._clock(), 0.0) if dues else None

    def tasks_of(self, unit: str) -> int:
        """Number of tasks of a unit in flight that have no final event."""
        return len(self._left[unit][1]) if unit in self._left else 0

    def settle(self, event: TaskDone | TaskFailed) -> bool:
        """Note a final event.

        Returns:
            Whether it is the first for its task in its unit; a worker that was
            given up and comes back after all must not count twice.
        """
        self._in_a_row = 0
        self._losses.pop(_root(event.attempt.unit), None)
        held = self._left.get(event.attempt.unit)
        task = event.task
        return (
            held is not None and held[1].pop((task.context, task.fold, task.code), None) is not None
        )

    def finish(self, unit: str) -> None:
        """A unit has ended; the tasks that it handed back stay waiting."""
        self._left.pop(unit, None)

    def mark_lost(self, unit: str, reason: str, kind: Loss = Loss.WORKER) -> None:
        """A unit comes back: put off what has no final event.

        Raises:
            EnvironmentFault: It did again and again without an outcome between, or all units did.
        """
        held = self._left.pop(unit, None)
        root = _root(unit)
        losses = self._losses[root] = self._losses.get(root, 0) + 1
        if kind is not Loss.SWEEP and losses >= RETRIES[kind].tries:
            raise _too_many(losses, reason)
        if kind is Loss.WORKER:
            self.note_lost_worker(reason)
        if held is not None and held[1]:
            first, tasks = held
            self._offered_again += 1
            name = f"{root}+r{self._run}n{self._offered_again}"
            pause = RETRIES[kind].pause(losses) if kind is Loss.WORKER else 0.0
            again = Unit(name, first.artifact, tuple(tasks.values()), first.seconds)
            self._again.append(PutOff(again, self._clock() + pause, reason, kind, losses))
            self._again.sort(key=lambda one: one.due)

    def note_lost_worker(self, reason: str) -> None:
        """A worker is gone, with or without a unit.

        Raises:
            EnvironmentFault: So are all, again and again without an outcome between.
        """
        self._in_a_row += 1
        if self._in_a_row >= RETRIES[Loss.WORKER].tries * self._most_at_once:
            raise _too_many(self._in_a_row, reason)

    def _account(self, unit: Unit) -> Unit:
        tasks = {(task.context, task.fold, task.code): task for task in unit.tasks}
        self._left[unit.id] = (unit, tasks)
        self._most_at_once = max(self._most_at_once, len(self._left))
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


def _root(unit: str) -> str:
    """Name of the unit that a lost one was at first."""
    return unit.partition("+")[0]


def _too_many(lost: int, reason: str) -> EnvironmentFault:
    """What ends a run, whatever took its workers, and whether or not these had the same tasks."""
    return EnvironmentFault(
        f"{counted(lost, 'worker')} were lost one after another, with no outcome of their tasks "
        f"between; the last one: {reason}",
        todo="check the machine (memory, disk, `gridrun doctor`), then run again: what was "
        "committed is kept",
    )
