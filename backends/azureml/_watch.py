"""One sweep on its way: what its children have, what is still to come, what is lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass

from backends.azureml._calls import Calls
from backends.azureml._combinations import Axes, shard_of
from backends.azureml._stage import Stage
from backends.azureml._terms import ENDED, AzureTrouble, ChildFacts, RunFacts, Trouble
from gridrun.backend import SentSweep
from gridrun.shard import TornSegment, event_from, is_segment, read_segment
from gridrun.units import (
    Event,
    SegmentRead,
    SweepEnded,
    TaskDone,
    TaskFailed,
    UnitFinished,
    UnitLost,
    UnitStarted,
    is_final,
)

PREFIX = "outputs/"
WANTED = r"outputs/segment-[0-9a-f]{12}-\d{5}\.jsonl"
"""Segments say themselves whether they are whole, and a shard is through when each of its
tasks has a final event: the manifest would tell nothing more, and cost two requests."""

AXIS = "--shard"

FETCHED_AT_ONCE = 64
"""Children that are still running are looked into so many at a time."""

_LATE_LOOKS = 3
"""So many looks, and at least so long, after its end, a child may still bring files."""

_TROUBLED_LOOKS = 30
"""So many looks that failed, and what a child may still have is given up."""

TaskId = tuple[int, int, int]


@dataclass(frozen=True)
class Patience:
    """How long what is waited for.

    Args:
        late_seconds: For files of a child that has ended, and for records of a sweep.
        silent_seconds: For news of a child that runs; None: as long as it may live.
        between_seconds: Between two looks into a child that runs.
    """

    late_seconds: float
    silent_seconds: float | None
    between_seconds: float


@dataclass
class _Child:
    """What is known of a child."""

    status: str = ""
    shard: int | None = None
    error: str = ""
    news: float = 0.0
    looked: float = 0.0
    looks_after_end: int = 0
    troubled_looks: int = 0
    ended: float | None = None
    given_up: bool = False
    settled: bool = False


class SweepWatch:
    """Looks at one sweep again and again, until nothing more can come of it.

    Args:
        sweep: As the ledger has it.
        calls: To Azure.
        stage: Where files go.
        axes: What tells the children apart; empty where that is not known here.
        numbers: Digest of a context to its number.
        patience: How long what is waited for.
        say: Told how it stands.
    """

    def __init__(
        self,
        sweep: SentSweep,
        calls: Calls,
        stage: Stage,
        *,
        axes: Axes,
        numbers: Callable[[str], int],
        patience: Patience,
        say: Callable[[str], None],
    ) -> None:
        self.name = sweep.name
        self.is_over = False
        self.outcomes = 0
        self.reasons: Counter[str] = Counter()
        self._calls = calls
        self._stage = stage
        self._axes = axes or {AXIS: range(max(sweep.shards, default=0) + 1)}
        self._numbers = numbers
        self._patience = patience
        self._say = say
        self._began = time.monotonic()
        self._shards = {shard: [u.id for u in units] for shard, units in sweep.shards.items()}
        self._left: dict[str, set[TaskId]] = {
            unit.id: {(task.context, task.fold, task.code) for task in unit.tasks}
            for units in sweep.shards.values()
            for unit in units
        }
        self._started: set[str] = set()
        self._read = {f"{PREFIX}{name}" for _, name in sweep.segments}
        self._children: dict[str, _Child] = {}
        self._run_ended: float | None = None
        self._said = ""

    @property
    def tasks_left(self) -> int:
        """Tasks without a final event."""
        return sum(len(tasks) for tasks in self._left.values())

    def look(self, *, all_children: bool = False) -> Iterator[Event]:
        """Look once.

        Args:
            all_children: Look into every child, not only into those whose turn it is.

        Raises:
            AzureTrouble: A call failed, and kept failing.
        """
        yield from self._end_empty_units()
        run = self._find()
        if run is None:
            return
        records = latest(self._calls.call("children", self.name))
        now = time.monotonic()
        for record in records.values():
            self._note(record, now)
        self._tell(run)
        yield from self._fetch(now, all_children=all_children)
        self._give_up_silent(now)
        if run.status in ENDED and self._run_ended is None:
            self._run_ended = now
        yield from self._settle(run, now)

    def _find(self) -> RunFacts | None:
        try:
            found: RunFacts = self._calls.call("find", self.name)
        except AzureTrouble as trouble:
            # a sweep that was just accepted may not be visible at once
            if trouble.kind is not Trouble.MISSING:
                raise
            if time.monotonic() - self._began < self._patience.late_seconds:
                return None
            return RunFacts(self.name, "Failed", error="the sweep is not there any more")
        return found

    def _note(self, record: ChildFacts, now: float) -> None:
        child = self._children.setdefault(record.run_id, _Child(news=now))
        if record.status != child.status:
            child.status, child.news = record.status, now
        if child.status in ENDED and child.ended is None:
            child.ended = now
        if child.status not in ENDED:
            child.ended, child.looks_after_end = None, 0
        child.error = record.error or child.error
        if child.shard is None:
            child.shard = shard_of(record.values, self._axes)

    def _fetch(self, now: float, *, all_children: bool) -> Iterator[Event]:
        """Bring and read what is new."""
        wanted = []
        running = 0
        known = frozenset(self._read)
        for run_id, child in sorted(self._children.items(), key=lambda item: item[1].looked):
            if child.settled or child.status in ("NotStarted", "Queued", "Preparing"):
                continue
            if child.ended is None and not all_children:
                running += 1
                due = now - child.looked >= self._patience.between_seconds
                if not due or running > FETCHED_AT_ONCE:
                    continue
            directory = self._stage.received(self.name, run_id)
            wanted.append((run_id, str(directory), known))
        for start in range(0, len(wanted), FETCHED_AT_ONCE):
            part = wanted[start : start + FETCHED_AT_ONCE]
            for fetched in self._calls.call("fetch", part, WANTED, PREFIX):
                child = self._children[fetched.run_id]
                child.looked = now
                torn = yield from self._read_segments(fetched.run_id, child, now)
                child.troubled_looks += bool(fetched.trouble)
                if child.ended is not None:
                    child.looks_after_end += not fetched.trouble
                    complete = not fetched.trouble and not torn and self._is_through(child)
                    child.settled = child.settled or complete

    def _read_segments(self, run_id: str, child: _Child, now: float) -> Generator[Event, None, int]:
        """Read what came; gives the number of segments that were not whole."""
        directory = self._stage.received(self.name, run_id)
        torn = 0
        for path in sorted(directory.iterdir()) if directory.is_dir() else []:
            if not is_segment(path.name):
                continue
            try:
                lines = read_segment(path)
            except TornSegment:
                torn += 1
                path.unlink()
                continue
            child.news = now
            for line in lines:
                yield from self._event(event_from(line, self._numbers))
            yield SegmentRead(self.name, child.shard if child.shard is not None else -1, path.name)
            self._read.add(f"{PREFIX}{path.name}")
            path.unlink()
        return torn

    def _event(self, event: Event) -> Iterator[Event]:
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

    def _end_empty_units(self) -> Iterator[Event]:
        """Units whose last outcome was recorded by a run that ended before it could say so."""
        for unit in [unit for unit, left in self._left.items() if not left]:
            del self._left[unit]
            yield UnitFinished(unit, "")

    def _is_through(self, child: _Child) -> bool:
        units = self._shards.get(child.shard, []) if child.shard is not None else []
        return child.shard is not None and not any(unit in self._left for unit in units)

    def _give_up_silent(self, now: float) -> None:
        """Have a child ended that runs without news."""
        limit = self._patience.silent_seconds
        for run_id, child in self._children.items():
            if limit is None or child.status != "Running" or now - child.news < limit:
                continue
            if not child.given_up:
                child.given_up, child.news = True, now
                self._say(f"{run_id} has brought nothing for {limit:.0f} s: it is given up")
                self._calls.call("cancel", run_id)
            else:
                child.ended, child.looks_after_end = now, _LATE_LOOKS

    def _settle(self, run: RunFacts, now: float) -> Iterator[Event]:
        """Give back what ended children and an ended sweep leave undone."""
        alive = {c.shard for c in self._children.values() if c.ended is None}
        for child in self._children.values():
            if child.settled or child.ended is None or not self._is_late(child, now):
                continue
            child.settled = True
            if child.shard is not None and child.shard not in alive:
                reason = child.error or f"a child ended as {child.status} without its outcomes"
                cancelled = child.status == "Canceled" and not child.given_up
                yield from self._give_back(self._shards.get(child.shard, []), reason, cancelled)
        if not self._left:
            self.is_over = True
            yield SweepEnded(self.name, _how(run))
            return
        late = self._run_ended is not None and now - self._run_ended >= self._patience.late_seconds
        if late and all(child.settled for child in self._children.values()):
            reason = run.error or f"the sweep ended as {run.status} without these outcomes"
            yield from self._give_back(list(self._left), reason, run.status == "Canceled")
            self.is_over = True
            yield SweepEnded(self.name, _how(run))

    def _is_late(self, child: _Child, now: float) -> bool:
        assert child.ended is not None
        return (
            child.looks_after_end >= _LATE_LOOKS
            or child.troubled_looks >= _TROUBLED_LOOKS
            or child.given_up
            or (child.looks_after_end > 0 and now - child.ended >= self._patience.late_seconds)
        )

    def _give_back(self, units: list[str], reason: str, cancelled: bool) -> Iterator[Event]:  # noqa: FBT001
        for unit in units:
            if unit not in self._left:
                continue
            del self._left[unit]
            if cancelled:
                yield UnitStarted(unit, "")
                yield UnitFinished(unit, "", stopped=True)
            else:
                self.reasons[reason] += 1
                yield UnitLost(unit, reason)

    def _tell(self, run: RunFacts) -> None:
        counts = Counter(child.status for child in self._children.values())
        parts = [f"{count} {status.lower()}" for status, count in sorted(counts.items())]
        waiting = len(self._shards) - len(self._children)
        if waiting > 0:
            parts.append(f"{waiting} not begun")
        text = f"sweep {self.name} is {run.status.lower()}: {', '.join(parts)}"
        if text != self._said:
            self._said = text
            self._say(text)


def _how(run: RunFacts) -> str:
    return "cancelled" if run.status == "Canceled" else "ended"


def latest(records: list[ChildFacts]) -> Mapping[str, ChildFacts]:
    """One record of each child: listings may repeat some, older ones too."""
    found: dict[str, ChildFacts] = {}
    for record in records:
        known = found.get(record.run_id)
        if known is None or (known.status not in ENDED and record.status in ENDED):
            found[record.run_id] = record
    return found
