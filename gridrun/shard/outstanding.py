"""Outstanding tasks of a sweep: those without a final event, by unit and shard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from gridrun.plan.units import (
    Event,
    Loss,
    TaskDone,
    TaskFailed,
    Unit,
    UnitFinished,
    UnitLost,
    UnitStarted,
    is_final,
)

TaskId = tuple[int, int, int]


class Outstanding:
    """Keeps account of the tasks of one sweep.

    Args:
        shards: Position to units, each with the tasks that have no final event yet.
    """

    def __init__(self, shards: Mapping[int, tuple[Unit, ...]]) -> None:
        self.outcomes = 0
        """Final events that came."""
        self.reasons: Counter[str] = Counter()
        """Why units came back."""
        self._shards = {shard: [unit.id for unit in units] for shard, units in shards.items()}
        self._left: dict[str, set[TaskId]] = {
            unit.id: {(task.context, task.fold, task.code) for task in unit.tasks}
            for units in shards.values()
            for unit in units
        }
        self._started: set[str] = set()

    @property
    def shards(self) -> int:
        """Number of shards."""
        return len(self._shards)

    @property
    def is_settled(self) -> bool:
        """Whether no task is outstanding."""
        return not self._left

    def is_through(self, shard: int | None) -> bool:
        """Whether a shard has no outstanding task; one that is not known may have any."""
        units = self._shards.get(shard, []) if shard is not None else []
        return shard is not None and not any(unit in self._left for unit in units)

    def take(self, event: Event) -> Iterator[Event]:
        """What an event of a child means for the engine; a task run twice counts once."""
        if not isinstance(event, TaskDone | TaskFailed):
            yield event
            return
        unit, task = event.attempt.unit, event.task
        left = self._left.get(unit)
        key = (task.context, task.fold, task.code)
        if left is None or key not in left:
            return  # run a second time by a child that began again
        if unit not in self._started:
            self._started.add(unit)
            yield UnitStarted(unit, event.attempt.worker)
        yield event
        if is_final(event):
            self.outcomes += 1
            left.discard(key)
            if not left:
                del self._left[unit]
                yield UnitFinished(unit, event.attempt.worker)

    def end_empty_units(self) -> Iterator[Event]:
        """Units whose last outcome was recorded by a run that ended before it could say so."""
        for unit in [unit for unit, left in self._left.items() if not left]:
            del self._left[unit]
            yield UnitFinished(unit, "")

    def mark_shard_lost(self, shard: int, reason: str) -> Iterator[Event]:
        """A shard's child is gone: its outstanding tasks are to be offered again."""
        yield from self._mark_lost(self._shards.get(shard, []), reason)

    def mark_all_lost(self, reason: str) -> Iterator[Event]:
        """The sweep is gone: its outstanding tasks are to be offered again."""
        yield from self._mark_lost(list(self._left), reason)

    def hand_back_shard(self, shard: int) -> Iterator[Event]:
        """Somebody ended a shard: its outstanding tasks wait until a run selects them."""
        yield from self._hand_back(self._shards.get(shard, []))

    def hand_back_all(self) -> Iterator[Event]:
        """Somebody ended the sweep: its outstanding tasks wait until a run selects them."""
        yield from self._hand_back(list(self._left))

    def _hand_back(self, units: Iterable[str]) -> Iterator[Event]:
        for unit in units:
            if unit in self._left:
                del self._left[unit]
                yield UnitStarted(unit, "")
                yield UnitFinished(unit, "", stopped=True)

    def _mark_lost(self, units: Iterable[str], reason: str) -> Iterator[Event]:
        for unit in units:
            if unit in self._left:
                del self._left[unit]
                self.reasons[reason] += 1
                yield UnitLost(unit, reason, Loss.SWEEP)
