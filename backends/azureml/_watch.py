"""One sweep on its way: looked at again and again, until nothing more can come of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from backends.azureml._absence import Absence, check_workspace
from backends.azureml._children import LATE_LOOKS, Child, Children, Patience, latest
from backends.azureml._combinations import Axes
from backends.azureml._staging import StagingDirectory
from backends.azureml.sdk.calls import Calls
from backends.azureml.sdk.types import CANCELLED, ENDED, AzureTrouble, Trouble
from gridrun.plan.units import Event, SweepEnded
from gridrun.run.backend import SentSweep, SweepStatus
from gridrun.run.sweep_watch import SweepWatch
from gridrun.shard import MANIFEST, NumberOf

PREFIX = "outputs/"
WANTED = r"outputs/(segment-[0-9a-f]{12}-\d{5}\.jsonl|manifest\.json)"

LOGS = r"user_logs/std_log.*\.txt|azureml-logs/70_driver_log.*\.txt|logs/azureml/.*stderr.*"
"""Names of what a child prints, by age of the service."""

AXIS = "--shard"

_MACHINE_AT_FAULT = re.compile(r"(?:status|exit) code:? 3\b")
"""So a worker ends that finds its machine at fault (``gridrun.errors.EnvironmentFault``)."""

_ENDED_BY_ITSELF = ("Completed", "Failed")
FETCHED_AT_ONCE = 64
"""Children that are still running are looked into so many at a time."""


class AzureWatch(SweepWatch):
    """Looks at one sweep.

    Args:
        sweep: As the ledger has it.
        calls: To Azure.
        stage: Where files go.
        axes: Arguments that identify the children; empty where not known here.
        numbers: Digest of a context to its number.
        patience: How long what is waited for.
        all_children: Look into every child, not only into those whose turn it is.
        say: Called with each line about its state.
    """

    def __init__(
        self,
        sweep: SentSweep,
        calls: Calls,
        stage: StagingDirectory,
        *,
        axes: Axes,
        numbers: NumberOf,
        patience: Patience,
        all_children: bool,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(sweep, numbers, say)
        self._calls = calls
        self._stage = stage
        self._axes = axes or {AXIS: range(max(sweep.shards, default=0) + 1)}
        self._patience = patience
        self._most_running = None if all_children else FETCHED_AT_ONCE
        self._place = sweep.place
        self._absence = Absence(sweep.planned, None if all_children else patience.late_seconds)
        self._children = Children()
        self._run_ended: float | None = None
        self._looks_after_end = 0
        self._looks_once = all_children
        self.machine_fault = ""
        """Why a child's machine was at fault, as a sentence; empty where none was."""

    @property
    def awaits_late_files(self) -> bool:
        """Whether a child, or the sweep, has ended or is gone, and may still bring something."""
        children = self._children.by_id.values()
        return not self.is_over and (
            self._run_ended is not None
            or self._absence.may_be_for_good
            or any(child.ended is not None and not child.settled for child in children)
        )

    def look(self) -> Iterator[Event]:
        """Look once.

        Raises:
            AzureTrouble: A call failed, and kept failing.
            EnvironmentFault: The output of a child was modified after it was read.
            UserError: The sweep is in another workspace.
        """
        yield from self.outstanding.end_empty_units()
        run = self._find()
        if run is None:
            yield from self._end_deleted()
            return
        records = latest(self._calls.call("children", self.name))
        now = time.monotonic()
        self._children.note(records.values(), now, self._axes)
        states = self._children.summary(self.outstanding.shards)
        self.say_once(f"sweep {self.name} is {run.state.lower()}: {states}")
        yield from self._fetch(now)
        if run.state in ENDED and self._run_ended is None:
            self._run_ended = now
        self._looks_after_end += self._run_ended is not None
        self._give_up_silent(now)
        yield from self._settle(run, now)

    def _find(self) -> SweepStatus | None:
        """The sweep; None where Azure has none of this name."""
        found: SweepStatus | None = None
        try:
            found = self._calls.call("find", self.name)
        except AzureTrouble as trouble:
            if trouble.kind is not Trouble.MISSING:
                raise
        self._absence.note(is_there=found is not None)
        return found

    def _end_deleted(self) -> Iterator[Event]:
        """Hand back the tasks of a sweep that somebody deleted, as of one that they ended."""
        if not self._absence.is_for_good:
            return
        check_workspace(self.name, self._place, self._calls.sign_in().name)
        self.say(f"Azure does not have sweep {self.name} any more: its unfinished tasks wait")
        yield from self.outstanding.hand_back_all()
        self.is_over = True
        yield SweepEnded(self.name, "cancelled")

    def _fetch(self, now: float) -> Iterator[Event]:
        """Bring and read what is new."""
        due = self._children.due(now, self._patience, self._most_running)
        for start in range(0, len(due), FETCHED_AT_ONCE):
            part = [
                (run_id, str(self._stage.received(self.name, run_id)), self._known(run_id))
                for run_id in due[start : start + FETCHED_AT_ONCE]
            ]
            for fetched in self._calls.call("fetch", part, WANTED, PREFIX):
                child = self._children.by_id[fetched.run_id]
                child.looked = now
                yield from self._read_child(fetched.run_id, child, now)
                child.troubled_looks += bool(fetched.trouble)
                if child.ended is not None:
                    child.looks_after_end += not fetched.trouble
                    is_good = not fetched.trouble and not self.readers[fetched.run_id].problems
                    child.settled |= is_good and self.outstanding.is_through(child.shard)

    def _known(self, run_id: str) -> frozenset[str] | None:
        """Files of a child that need not come again; None where all of them are wanted."""
        child = self._children.by_id[run_id]
        names = self.segments_of(child.shard)
        is_new = run_id not in self.readers and not child.troubled_looks
        if child.ended is not None and is_new and not names:
            return None
        if run_id in self.readers and self.readers[run_id].has_manifest:
            names.add(MANIFEST)
        return frozenset(f"{PREFIX}{name}" for name in names)

    def _read_child(self, run_id: str, child: Child, now: float) -> Iterator[Event]:
        """Read what came of a child."""
        directory = self._stage.received(self.name, run_id)
        for event in self.read_segments(run_id, child.shard, directory, are_copies=True):
            child.news = now
            yield event
        if child.ended is not None:  # before, a file may just be on its way
            for text in self.readers[run_id].problems.values():
                self.say_once(f"{run_id}: {text}; it is fetched again")

    def _give_up_silent(self, now: float) -> None:
        """Have a child ended that runs without news."""
        for run_id, child in self._children.by_id.items():
            if not child.is_silent(now, self._patience, sweep_ended=self._run_ended is not None):
                continue
            if not child.given_up and self._lives(run_id, child, now):
                continue
            if child.give_up(now):
                limit = self._patience.silent_seconds
                self.say(
                    f"{run_id} had no output for {limit:.0f} s, and its log did not grow: "
                    "it is cancelled"
                )
                self._end(run_id)

    def _end(self, run_id: str) -> None:
        """Ask for the end of a child; one that cannot be ended is given up all the same."""
        try:
            self._calls.call("cancel", run_id)
        except AzureTrouble as trouble:
            if trouble.kind not in (Trouble.MISSING, Trouble.REFUSED):
                raise
            self.say(f"{run_id} cannot be cancelled, and is given up: {trouble.text}")

    def _lives(self, run_id: str, child: Child, now: float) -> bool:
        """Whether a silent child prints; one whose log cannot be asked for just now may."""
        try:
            size: int = self._calls.call("log_size", run_id, LOGS)
        except AzureTrouble as trouble:
            if trouble.kind is Trouble.SIGN_IN:
                raise
            return trouble.kind.passes
        return child.has_printed(size, now)

    def _settle(self, run: SweepStatus, now: float) -> Iterator[Event]:
        """Give back what ended children and an ended sweep leave undone."""
        alive = self._children.living_shards
        for run_id, child in self._children.by_id.items():
            if child.settled or child.ended is None or not child.is_late(now, self._patience):
                continue
            if run.state in CANCELLED and child.status not in _ENDED_BY_ITSELF:
                continue  # it ended with its sweep: its outstanding tasks wait, below
            child.settled = True
            if child.status == "Failed" and _MACHINE_AT_FAULT.search(child.error):
                self.machine_fault = f"{run_id}: {child.error}"
            if child.shard is not None and child.shard not in alive:
                yield from self.outstanding.mark_shard_lost(
                    child.shard, self._reason(run_id, child)
                )
        if not self.outstanding.is_settled:
            ended = self._run_ended
            if ended is None or not self._is_late(now - ended):
                return
            if not all(
                child.settled or (child.ended is not None and child.is_late(now, self._patience))
                for child in self._children.by_id.values()
            ):
                return
            if run.state == "Canceled":
                yield from self.outstanding.hand_back_all()
            else:
                reason = run.error or f"the sweep ended as {run.state} without these outcomes"
                yield from self.outstanding.mark_all_lost(reason)
        self.is_over = True
        yield SweepEnded(self.name, "cancelled" if run.state == "Canceled" else "ended")

    def _is_late(self, seconds: float) -> bool:
        """Whether nothing more is to be expected of a sweep that ended so long ago."""
        has_looked = self._looks_once and self._looks_after_end >= LATE_LOOKS
        return has_looked or seconds >= self._patience.late_seconds

    def _reason(self, run_id: str, child: Child) -> str:
        """Why a child has outstanding tasks, as a sentence."""
        reader = self.readers.get(run_id)
        for text in reader.problems.values() if reader is not None else ():
            return f"the output of {run_id} is damaged: {text}"
        return child.error or f"a child ended as {child.status} without its outcomes"
