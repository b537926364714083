"""The backend ``azureml``: units go away as HyperDrive sweeps and come back as segments."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from backends.azureml._access import VISIBLE_SECONDS, Access
from backends.azureml._check import check
from backends.azureml._children import LATE_LOOKS, Patience, latest
from backends.azureml._combinations import Axes, by_combination
from backends.azureml._estimates import cores, poll_seconds, quote, sizing
from backends.azureml._pack import pack
from backends.azureml._reading import ReadingJob, stamps_before
from backends.azureml._sender import Sender
from backends.azureml._staging import StagingDirectory
from backends.azureml._watch import AXIS, LOGS, AzureWatch
from backends.azureml.sdk.calls import Detached
from backends.azureml.sdk.secrets import without_secrets
from backends.azureml.sdk.types import CANCELLED, AzureTrouble, Trouble
from backends.azureml.settings import AzureSettings
from backends.azureml.stamps import is_same
from gridrun.errors import EnvironmentFault, UserError, counted
from gridrun.plan.retries import RETRIES
from gridrun.plan.units import (
    Event,
    Job,
    Loss,
    ReadArtifact,
    SweepEnded,
    SweepEvent,
    SweepSent,
    Unit,
)
from gridrun.run.backend import (
    Capabilities,
    ChildStatus,
    Commands,
    Quote,
    ReadingEvent,
    SentSweep,
    StudyView,
    SweepStatus,
    UnitFeed,
)
from gridrun.run.sweep_backend import ReadingLook, SweepBackend
from gridrun.run.sweep_watch import SweepWatch
from gridrun.shard.contexts import Contexts, numbers_of
from gridrun.shard.packing import Shards

_LONGEST_POLL_SECONDS = 30.0
_LEAST_SILENT_SECONDS = 3600.0
_GONE = re.compile(r"pre-?empt|without (its|these) outcomes|is damaged", re.IGNORECASE)
"""A lost node or a damaged file, not a worker that cannot work: another may succeed."""


class AzureBackend(SweepBackend):
    """Runs units on Azure ML; see ``gridrun.run.backend.DetachableBackend`` for the contract.

    Args:
        settings: Where and how.
        send: As ``SweepBackend`` has it.
        wait: The same.
        by_combination: One child for each combination, as upstream's notebook has it.
        hourly_rate: Price of a node for an hour, instead of the settings'.
        say: As ``SweepBackend`` has it.
    """

    commands = Commands.below("gridrun azure")

    def __init__(
        self,
        settings: AzureSettings,
        *,
        send: bool = True,
        wait: bool = True,
        by_combination: bool = False,
        hourly_rate: float | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(send=send, wait=wait, say=say)
        if hourly_rate is not None:
            settings = replace(settings, hourly_rate=hourly_rate)
        self._settings = settings
        self._by_combination = by_combination
        self._access = Access(settings, say, waits=wait)
        self._rounds = self._fruitless = 0
        self._reading: ReadingJob | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Isolated; as many units at once as all nodes have cores."""
        return Capabilities(
            isolates=True,
            workers=self._settings.max_nodes * cores(self._settings),
            most_tasks=1 if self._by_combination else None,
        )

    def open(self, job: Job, read_artifact: ReadArtifact) -> None:
        """Remember the job; the process that talks to Azure starts in the background."""
        super().open(job, read_artifact)
        self._access.start()

    def attach(self, study: StudyView) -> None:
        """Take over what earlier runs sent."""
        super().attach(study)
        self._stage = StagingDirectory(study.directory, self._settings.data)
        self._sender = Sender(self._settings, self._access, self._stage, self._say)

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Send units, look at all sweeps until they have ended, or until stopped.

        Raises:
            UserError: Azure refuses what the settings ask for.
            EnvironmentFault: Azure cannot be reached or signed in to, or no child can work.
            RuntimeError: The backend is not open.
        """
        self._rounds = self._fruitless = 0
        known = {sweep.name for sweep in self._attached().sweeps}
        self._stage.keep_only(known)
        with contextlib.suppress(Detached), self._access.explained():
            yield from super().run(next_unit)

    def read(self, order: str, sweep: SentSweep | None, study: StudyView) -> Iterator[ReadingEvent]:
        """Have the inputs read where they are; see ``gridrun.run.backend.ReadingBackend``.

        Raises:
            UserError: Azure refuses what the settings ask for.
            EnvironmentFault: Azure cannot be reached or signed in to, or the job cannot work.
        """
        with contextlib.suppress(Detached), self._access.explained():
            yield from super().read(order, sweep, study)

    def stop(self) -> None:
        """End ``run``; what was sent goes on."""
        super().stop()
        self._access.stop()

    def close(self) -> None:
        """End the process that talks to Azure; what was sent goes on."""
        self._access.close()
        super().close()

    def cancel(self, sweep: str) -> None:
        """Ask for the end of a sweep; of one that is not there, nothing can be asked."""
        self._if_there("cancel", sweep)

    def quote(self, units: Sequence[Unit]) -> Quote:
        """Estimated size and cost of sending units."""
        return quote(self._settings, units, by_combination=self._by_combination)

    def look(self, sweep: str) -> SweepStatus:
        """A sweep as it is now, also one that is not there (any more, or yet)."""
        run: SweepStatus | None = self._if_there("find", sweep)
        if run is None:
            text = "Azure has no sweep of this name: it is not visible yet, or was deleted"
            return SweepStatus(sweep, "not found", "", text)
        records = latest(self._access.ask("children", sweep)).values()
        children = [ChildStatus(child.name, child.state, child.error) for child in records]
        return replace(run, children=tuple(sorted(children, key=_by_number)))

    def log(self, child: str) -> str:
        """What a child printed."""
        text: str | None = self._if_there("text", child, LOGS)
        if text is None:
            raise UserError(
                "Azure has no child of this name",
                where=child,
                todo=f"list the children with: {self.commands.logs} STUDY",
            )
        return without_secrets(text)

    def publish(self, sweep: str, path: Path) -> str:
        """Put a file among those of a sweep; its name there."""
        name = self._access.ask("upload", sweep, f"outputs/{path.name}", path)
        return f"{sweep}, {name}"

    def changed(self, stamps: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Inputs that are not what they were; see ``gridrun.run.backend.ReadingBackend``."""
        data = self._settings.data
        if data is None:
            return ()
        if not stamps:
            raise EnvironmentFault(
                "nothing is recorded by which a change shows; --read-again has them read anew"
            )
        now = self._access.ask("stamps", data)
        roles = [role for role in now if role in stamps and not is_same(stamps[role], now[role])]
        return tuple(data.place(role) for role in roles)

    def next_steps(self, study: str) -> str:
        """What a person does while tasks are out."""
        return (
            f"resume with: {self.commands.send} {study}; see their state: {self.commands.status} "
            f"{study}; end them: {self.commands.cancel} {study}"
        )

    def check(self) -> Iterator[tuple[str, str, str, str]]:
        """Check what a run needs: what was checked, verdict, what was found, what to do."""
        yield from check(self._settings, self._access)

    def _if_there(self, name: str, *positional: Any) -> Any:
        """What Azure answers; None where it has no such run.

        Raises:
            GridrunError: It failed otherwise.
        """
        with self._access.explained():
            try:
                return self._access.call(name, *positional)
            except AzureTrouble as trouble:
                if trouble.kind is not Trouble.MISSING:
                    raise
        return None

    def _send(self, units: Sequence[Unit]) -> Iterator[Event]:
        assert self._job is not None
        self._rounds += 1
        for axes, shards in self._packed(units):
            name = self._new_name(str(self._rounds))
            self._stage.prepare(
                name,
                self._job,
                Contexts(self._attached().contexts),
                shards,
                axes=axes,
                read_artifact=self._read_artifact,
            )
            self._say(
                f"submitting sweep {name}: {counted(len(shards), 'shard')}, "
                f"{counted(sum(map(len, shards)), 'unit')}"
            )
            yield from self._sender.send(name, shards)
            self._follow(name, shards)

    def _packed(self, units: Sequence[Unit]) -> Iterator[tuple[Axes, Shards]]:
        if self._by_combination:
            yield by_combination(units)
            return
        size = cache(lambda digest: len(self._read_artifact(digest)) if digest else 0)
        for shards in pack(units, sizing(self._settings), size):
            yield {AXIS: range(len(shards))}, shards

    def _send_order(self, name: str, order: str, sweep: SentSweep | None) -> Iterator[SweepEvent]:
        self._reading = ReadingJob(name, self._access, self._stage, self._say)
        if sweep is None:
            stamps = stamps_before(self._access, self._settings)
            self._stage.prepare_reading(name, order, {AXIS: (0,)}, stamps)
            self._say(f"submitting {name}: it reads the inputs where they are")
            yield from self._sender.send(name, ())
        elif not sweep.is_sent:
            found = self._sender.find_again(sweep, submit=True)
            if found is None:
                yield SweepEnded(name, "abandoned")
                raise EnvironmentFault(
                    "the job that reads the inputs was never accepted",
                    where=name,
                    todo="run the same command again to send it again",
                )
            yield SweepSent(name, found.place)

    def _find(self, sweep: SentSweep) -> SweepSent | str | None:
        found = self._sender.find_again(sweep, submit=self._sends and sweep.is_wanted)
        if found is not None:
            return SweepSent(sweep.name, found.place)
        if not self._sends and time.time() - sweep.planned < VISIBLE_SECONDS:
            self._say(f"sweep {sweep.name} is not visible yet")
            return None
        return "its sweep was never accepted"

    def _is_cancelled(self, sweep: str) -> bool:
        found = self._access.find(sweep)
        return found is not None and found.state in CANCELLED

    def _look_at_reading(self, sweep: str) -> ReadingLook:
        assert self._reading is not None, sweep
        return self._access.wait_for(self._reading.look)

    def _watch(self, sweep: SentSweep, study: StudyView) -> AzureWatch:
        assert self._job is not None
        silent = self._settings.silent_minutes
        seconds = silent * 60 if silent is not None else None
        limit = self._job.limits.longest
        if seconds is None and limit is not None:
            seconds = max(_LEAST_SILENT_SECONDS, 3 * limit)
        poll = self._settings.poll_seconds or _LONGEST_POLL_SECONDS
        return AzureWatch(
            sweep,
            self._access,
            self._stage,
            axes=self._stage.axes_of(sweep.name),
            numbers=numbers_of(study.contexts),
            patience=Patience(min(VISIBLE_SECONDS, 10 * poll), seconds, poll),
            all_children=not self._waits,
            say=self._say,
        )

    def _look(self, watch: SweepWatch) -> Iterator[Event]:
        assert isinstance(watch, AzureWatch)
        yield from self._access.patiently(watch.look)
        for looks in range(1, LATE_LOOKS):
            # who looks once would never find out that a child ended without its outcomes
            if self._waits or not watch.awaits_late_files:
                break
            self._pause(looks)
            yield from self._access.patiently(watch.look)
        if watch.machine_fault:
            raise EnvironmentFault(
                f"a worker found its machine at fault: {watch.machine_fault}",
                where=watch.name,
                todo="read its log with gridrun azure logs and put the image right; then run the "
                "same command again: the tasks wait",
            )
        if not watch.is_over:
            return
        if watch.outstanding.outcomes or watch.segments_of(None):
            self._fruitless = 0
        elif watch.outstanding.reasons:
            self._fruitless += 1
            (reason, _), *_ = watch.outstanding.reasons.most_common(1)
            if not _GONE.search(reason) or self._fruitless >= RETRIES[Loss.SWEEP].tries:
                self._forget(watch.name)
                raise EnvironmentFault(
                    f"no child of the sweep produced a result: {reason}",
                    where=watch.name,
                    todo="read their logs with gridrun azure logs, and check with gridrun worker "
                    "--self-test that the image has this version of gridrun, R and its packages",
                )

    def _forget(self, sweep: str) -> None:
        self._stage.forget(sweep)

    def _pause(self, looks: int) -> bool:
        self._access.pause(poll_seconds(self._settings, looks))
        return True


def _by_number(child: ChildStatus) -> tuple[str, int]:
    name, _, number = child.name.rpartition("_")
    return (name, int(number)) if number.isdigit() else (child.name, 0)
