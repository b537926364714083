"""One sweep on its way: looked at again and again, until nothing more can come of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator

from backends.azureml._children import Child, Children, Patience, latest
from backends.azureml._combinations import Axes
from backends.azureml._staging import StagingDirectory
from backends.azureml.sdk.calls import Calls
from backends.azureml.sdk.types import ENDED, AzureTrouble, RunFacts, Trouble
from gridrun.plan.units import Event, SegmentRead, SweepEnded
from gridrun.run.backend import SentSweep
from gridrun.shard import MANIFEST, event_from
from gridrun.shard.outstanding import Outstanding
from gridrun.shard.segment_reader import SegmentReader

PREFIX = "outputs/"
WANTED = r"outputs/(segment-[0-9a-f]{12}-\d{5}\.jsonl|manifest\.json)"

AXIS = "--shard"

_UNKNOWN_SHARD = -1

FETCHED_AT_ONCE = 64
"""Children that are still running are looked into so many at a time."""


class SweepWatch:
    """Looks at one sweep.

    Args:
        sweep: As the ledger has it.
        calls: To Azure.
        stage: Where files go.
        axes: Arguments that identify the children; empty where not known here.
        numbers: Digest of a context to its number.
        patience: How long what is waited for.
        say: Called with each line about its state.
    """

    def __init__(
        self,
        sweep: SentSweep,
        calls: Calls,
        stage: StagingDirectory,
        *,
        axes: Axes,
        numbers: Callable[[str], int],
        patience: Patience,
        say: Callable[[str], None],
    ) -> None:
        self.name = sweep.name
        self.is_over = False
        self.outstanding = Outstanding(sweep.shards)
        self._calls = calls
        self._stage = stage
        self._axes = axes or {AXIS: range(max(sweep.shards, default=0) + 1)}
        self._numbers = numbers
        self._patience = patience
        self._say = say
        self._began = time.monotonic()
        self._read = set(sweep.segments)
        self._children = Children()
        self._readers: dict[str, SegmentReader] = {}
        self._run_ended: float | None = None
        self._said: set[str] = set()

    def look(self, *, all_children: bool = False) -> Iterator[Event]:
        """Look once.

        Args:
            all_children: Look into every child, not only into those whose turn it is.

        Raises:
            AzureTrouble: A call failed, and kept failing.
            EnvironmentFault: The output of a child was modified after it was read.
        """
        yield from self.outstanding.end_empty_units()
        run = self._find()
        if run is None:
            return
        records = latest(self._calls.call("children", self.name))
        now = time.monotonic()
        self._children.note(records.values(), now, self._axes)
        states = self._children.summary(self.outstanding.shards)
        self._say_once(f"sweep {self.name} is {run.status.lower()}: {states}")
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
            return RunFacts(self.name, "Failed", error="the sweep does not exist any more")
        return found

    def _fetch(self, now: float, *, all_children: bool) -> Iterator[Event]:
        """Bring and read what is new."""
        due = self._children.due(now, self._patience, None if all_children else FETCHED_AT_ONCE)
        for start in range(0, len(due), FETCHED_AT_ONCE):
            part = [
                (run_id, str(self._stage.received(self.name, run_id)), self._known(run_id))
                for run_id in due[start : start + FETCHED_AT_ONCE]
            ]
            for fetched in self._calls.call("fetch", part, WANTED, PREFIX):
                child = self._children.by_id[fetched.run_id]
                child.looked = now
                problems = yield from self._read_segments(fetched.run_id, child, now)
                child.troubled_looks += bool(fetched.trouble)
                if child.ended is not None:
                    child.looks_after_end += not fetched.trouble
                    is_good = not fetched.trouble and not problems
                    child.settled |= is_good and self.outstanding.is_through(child.shard)

    def _known(self, run_id: str) -> frozenset[str] | None:
        """Files of a child that need not come again; None where all of them are wanted."""
        child = self._children.by_id[run_id]
        names = self._read_of(child)
        is_new = run_id not in self._readers and not child.troubled_looks
        if child.ended is not None and is_new and not names:
            return None
        if run_id in self._readers and self._readers[run_id].has_manifest:
            names.add(MANIFEST)
        return frozenset(f"{PREFIX}{name}" for name in names)

    def _read_of(self, child: Child) -> set[str]:
        """Segments that were read of a child's shard; where that is not known, of any."""
        shards = (child.shard, _UNKNOWN_SHARD) if child.shard is not None else None
        return {name for shard, name in self._read if shards is None or shard in shards}

    def _read_segments(
        self, run_id: str, child: Child, now: float
    ) -> Generator[Event, None, dict[str, str]]:
        """Read what came; gives what is wrong with which file."""
        reader = self._readers.get(run_id)
        if reader is None:
            reader = SegmentReader(run_id, self._stage.received(self.name, run_id))
            self._readers[run_id] = reader
        shard = child.shard if child.shard is not None else _UNKNOWN_SHARD
        for name, lines in reader.segments(self._read_of(child)):
            child.news = now
            for line in lines:
                yield from self.outstanding.take(event_from(line, self._numbers))
            yield SegmentRead(self.name, shard, name)
            self._read.add((shard, name))
        if child.ended is not None:  # before, a file may just be on its way
            for text in reader.problems.values():
                self._say_once(f"{run_id}: {text}; it is fetched again")
        return reader.problems

    def _give_up_silent(self, now: float) -> None:
        """Have a child ended that runs without news."""
        for run_id, child in self._children.by_id.items():
            if child.is_silent(now, self._patience) and child.give_up(now):
                limit = self._patience.silent_seconds
                self._say(f"{run_id} had no output for {limit:.0f} s: it is cancelled")
                self._calls.call("cancel", run_id)

    def _settle(self, run: RunFacts, now: float) -> Iterator[Event]:
        """Give back what ended children and an ended sweep leave undone."""
        alive = self._children.living_shards
        for run_id, child in self._children.by_id.items():
            if child.settled or child.ended is None or not child.is_late(now, self._patience):
                continue
            if _is_cancelled(run) and child.status == "Canceled":
                continue  # it ended with its sweep: its outstanding tasks wait, below
            child.settled = True
            if child.shard is not None and child.shard not in alive:
                yield from self.outstanding.mark_shard_lost(
                    child.shard, self._reason(run_id, child)
                )
        if self.outstanding.is_settled:
            self.is_over = True
            yield SweepEnded(self.name, _how(run))
            return
        late = self._run_ended is not None and now - self._run_ended >= self._patience.late_seconds
        if late and all(
            child.settled or (child.ended is not None and child.is_late(now, self._patience))
            for child in self._children.by_id.values()
        ):
            if run.status == "Canceled":
                yield from self.outstanding.hand_back_all()
            else:
                reason = run.error or f"the sweep ended as {run.status} without these outcomes"
                yield from self.outstanding.mark_all_lost(reason)
            self.is_over = True
            yield SweepEnded(self.name, _how(run))

    def _reason(self, run_id: str, child: Child) -> str:
        """Why a child has outstanding tasks, as a sentence."""
        reader = self._readers.get(run_id)
        for text in reader.problems.values() if reader is not None else ():
            return f"the output of {run_id} is damaged: {text}"
        return child.error or f"a child ended as {child.status} without its outcomes"

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)


def _is_cancelled(run: RunFacts) -> bool:
    """Whether the end of the whole sweep was asked for, or its time is over."""
    return run.status in ("CancelRequested", "Canceled")


def _how(run: RunFacts) -> str:
    return "cancelled" if run.status == "Canceled" else "ended"
