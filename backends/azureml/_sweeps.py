"""All sweeps of a run: taken over, sent, watched until nothing more can come of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from backends.azureml._access import Access
from backends.azureml._children import Patience
from backends.azureml._combinations import Axes, by_combination
from backends.azureml._estimates import is_reading, poll_seconds, sizing
from backends.azureml._pack import pack
from backends.azureml._sender import GRACE_SECONDS, Sender
from backends.azureml._staging import StagingDirectory
from backends.azureml._watch import AXIS, SweepWatch
from backends.azureml.settings import AzureSettings
from gridrun.errors import EnvironmentFault, counted
from gridrun.plan.units import (
    Event,
    Job,
    ReadArtifact,
    SweepEnded,
    SweepSent,
    Unit,
    UnitLost,
)
from gridrun.run.backend import SentSweep, StudyView, UnitFeed
from gridrun.shard.contexts import Contexts, numbers_of
from gridrun.shard.packing import Shards

_LONGEST_POLL_SECONDS = 30.0
_LEAST_SILENT_SECONDS = 3600.0
_MOST_FRUITLESS = 3
"""Rounds of sweeps without a single outcome."""

_GONE = re.compile(r"pre-?empt|without (its|these) outcomes|is damaged", re.IGNORECASE)
"""A lost node or a damaged file, not a worker that cannot work: another may succeed."""


class Sweeps:
    """Runs units as sweeps.

    Args:
        settings: Where and how.
        access: To Azure.
        study: Names, places, and what earlier runs sent.
        job: What all units have in common.
        read_artifact: Content of an artifact by digest.
        sends: Whether new units are sent.
        waits: Whether to go on until everything has ended.
        by_combination: One child for each combination.
        say: Called with each line of progress.
    """

    def __init__(
        self,
        settings: AzureSettings,
        access: Access,
        study: StudyView,
        *,
        job: Job,
        read_artifact: ReadArtifact,
        sends: bool,
        waits: bool,
        by_combination: bool,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._access = access
        self._study = study
        self._job = job
        self._read_artifact = read_artifact
        self._sends = sends
        self._waits = waits
        self._by_combination = by_combination
        self._say = say
        self._stage = StagingDirectory(study.directory, settings.data)
        self._sender = Sender(settings, access, self._stage, say)
        self._watches: list[SweepWatch] = []
        self.sent = 0
        """Sweeps that were planned."""
        self._rounds = 0
        self._fruitless = 0

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Send units, look at all sweeps until they have ended.

        Raises:
            AzureTrouble: A call failed, and kept failing.
            EnvironmentFault: No child can work.
        """
        self._stage.keep_only({sweep.name for sweep in self._study.sweeps})
        for sweep in self._study.sweeps:
            yield from self._take_over(sweep)
        looks = 0
        while True:
            if self._sends:
                yield from self._send_all(next_unit)
            if not self._watches or (self._sends and not self._waits):
                return
            for watch in list(self._watches):
                yield from self._look(watch)
            if not self._waits:
                return
            looks += 1
            if self._watches:
                self._access.calls.pause(poll_seconds(self._settings, looks))

    def _look(self, watch: SweepWatch) -> Iterator[Event]:
        yield from self._access.patiently(lambda: watch.look(all_children=not self._waits))
        if not watch.is_over:
            return
        self._watches.remove(watch)
        self._stage.forget(watch.name)
        if watch.outstanding.outcomes:
            self._fruitless = 0
        elif watch.outstanding.reasons:
            self._fruitless += 1
            (reason, _), *_ = watch.outstanding.reasons.most_common(1)
            if not _GONE.search(reason) or self._fruitless >= _MOST_FRUITLESS:
                raise EnvironmentFault(
                    f"no child of the sweep produced a result: {reason}",
                    where=watch.name,
                    todo="read their logs with gridrun azure logs, and check with gridrun worker "
                    "--self-test that the image has this version of gridrun, R and its packages",
                )

    def _take_over(self, sweep: SentSweep) -> Iterator[Event]:
        """Go on with a sweep that an earlier run planned, if it was ever accepted."""
        if is_reading(sweep.name):
            # it reads the inputs, which ``read`` waits for; only its cancelling is seen here
            found = self._access.find(sweep.name)
            if found is not None and found.status in ("CancelRequested", "Canceled"):
                yield SweepEnded(sweep.name, "cancelled")
            return
        if not sweep.is_sent:
            found = self._sender.find_again(sweep, submit=self._sends and sweep.is_wanted)
            if found is None and not self._sends and time.time() - sweep.planned < GRACE_SECONDS:
                self._say(f"sweep {sweep.name} is not visible yet")
                return
            if found is None:
                for units in sweep.shards.values():
                    for unit in units:
                        yield UnitLost(unit.id, "its sweep was never accepted")
                yield SweepEnded(sweep.name, "abandoned")
                self._stage.forget(sweep.name)
                return
            yield SweepSent(sweep.name, found.url)
        self._watches.append(self._watch(sweep))

    def _send_all(self, next_unit: UnitFeed) -> Iterator[Event]:
        units: list[Unit] = []
        while (unit := next_unit()) is not None:
            units.append(unit)
        if not units:
            return
        study = self._study
        sizes: dict[str, int] = {}

        def bytes_of(digest: str) -> int:
            if digest not in sizes:
                sizes[digest] = len(self._read_artifact(digest)) if digest else 0
            return sizes[digest]

        self._rounds += 1
        for axes, shards in self._packed(units, bytes_of):
            self.sent += 1
            name = study.sweep_name(self.sent, str(self._rounds))
            self._stage.prepare(
                name,
                self._job,
                Contexts(study.contexts),
                shards,
                axes=axes,
                read_artifact=self._read_artifact,
            )
            count = len(shards)
            self._say(
                f"submitting sweep {name}: {counted(count, 'shard')}, "
                f"{counted(sum(map(len, shards)), 'unit')}"
            )
            yield from self._sender.send(name, shards)
            sent = SentSweep(name, True, time.time(), dict(enumerate(shards)))  # noqa: FBT003
            self._watches.append(self._watch(sent))

    def _packed(
        self, units: list[Unit], bytes_of: Callable[[str], int]
    ) -> Iterator[tuple[Axes, Shards]]:
        if self._by_combination:
            yield by_combination(units)
            return
        for shards in pack(units, sizing(self._settings), bytes_of):
            yield {AXIS: range(len(shards))}, shards

    def _watch(self, sweep: SentSweep) -> SweepWatch:
        silent = self._settings.silent_minutes
        seconds = silent * 60 if silent is not None else None
        limit = self._job.limits.task_seconds
        if seconds is None and limit is not None:
            seconds = max(_LEAST_SILENT_SECONDS, 3 * limit)
        poll = self._settings.poll_seconds or _LONGEST_POLL_SECONDS
        return SweepWatch(
            sweep,
            self._access.calls,
            self._stage,
            axes=self._stage.axes_of(sweep.name),
            numbers=numbers_of(self._study.contexts),
            patience=Patience(min(GRACE_SECONDS, 10 * poll), seconds, poll),
            say=self._say,
        )
