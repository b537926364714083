"""The backend ``azureml``: units go away as HyperDrive sweeps and come back as segments."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from backends.azureml._about import cores, quote, sizing, sweep_name
from backends.azureml._access import Access
from backends.azureml._calls import Detached
from backends.azureml._check import check
from backends.azureml._children import Patience, latest
from backends.azureml._combinations import Axes, by_combination
from backends.azureml._faults import fault_of
from backends.azureml._pack import Shards, pack
from backends.azureml._reading import read_inputs
from backends.azureml._secrets import without_secrets
from backends.azureml._sender import GRACE_SECONDS, Sender
from backends.azureml._stage import Stage
from backends.azureml._terms import AzureTrouble
from backends.azureml._watch import AXIS, SweepWatch
from gridrun.backend import (
    Capabilities,
    ChildLook,
    Quote,
    ReadArtifact,
    ReadingEvent,
    SentSweep,
    StudyView,
    SweepLook,
    UnitFeed,
)
from gridrun.errors import EnvironmentFault
from gridrun.study import AzureSettings
from gridrun.units import (
    ContextFacts,
    Event,
    Job,
    SweepEnded,
    SweepSent,
    Unit,
    UnitLost,
)

_FIRST_POLL_SECONDS = 5.0
_LONGEST_POLL_SECONDS = 30.0
_LEAST_SILENT_SECONDS = 3600.0
_MOST_FRUITLESS = 3
"""Rounds of sweeps without a single outcome."""

_LOGS = r"user_logs/std_log.*\.txt|azureml-logs/70_driver_log.*\.txt|logs/azureml/.*stderr.*"
"""Names of what a child prints, by age of the service."""

_GONE = re.compile(r"pre-?empt|without (its|these) outcomes|is damaged", re.IGNORECASE)
"""A node or a file that came to harm, not a worker that cannot work: another may do better."""


class AzureBackend:
    """Runs units on Azure ML; see ``gridrun.backend.DetachableBackend`` for the contract.

    Args:
        settings: Where and how.
        send: Whether new units are sent.
        wait: Whether ``run`` goes on until everything has ended; otherwise it sends, or
            looks once, and ends.
        by_combination: One child for each combination, as upstream's notebook has it.
        say: Told how it goes; what it is told changes nothing.
    """

    def __init__(
        self,
        settings: AzureSettings,
        *,
        send: bool = True,
        wait: bool = True,
        by_combination: bool = False,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._send = send
        self._wait = wait
        self._by_combination = by_combination
        self._say = say
        self._access = Access(settings, say, waits=wait)
        self._job: Job | None = None
        self._read_artifact: ReadArtifact = _no_artifact
        self._study: StudyView | None = None
        self._own_directory: tempfile.TemporaryDirectory[str] | None = None
        self._watches: list[SweepWatch] = []
        self._sent = 0
        self._rounds = 0
        self._fruitless = 0
        self._stopping = False

    @property
    def capabilities(self) -> Capabilities:
        """Isolated and detachable, for money; as many units at once as all nodes have cores."""
        return Capabilities(
            isolates=True,
            detachable=True,
            shares_disk=False,
            costs_money=True,
            workers=self._settings.max_nodes * cores(self._settings),
            most_tasks=1 if self._by_combination else None,
        )

    def open(self, job: Job, read_artifact: ReadArtifact) -> None:
        """Remember the job; the process that talks to Azure starts in the background."""
        self._job = job
        self._read_artifact = read_artifact
        self._access.calls.start()

    def attach(self, study: StudyView) -> None:
        """Take over what earlier runs sent."""
        self._study = study

    def cancel(self, sweep: str) -> None:
        """Ask for the end of a sweep."""
        self._access.ask("cancel", sweep)

    def quote(self, units: Sequence[Unit]) -> Quote:
        """What sending units would come to."""
        return quote(self._settings, units, by_combination=self._by_combination)

    def look(self, sweep: str) -> SweepLook:
        """A sweep as it is now."""
        run = self._access.ask("find", sweep)
        records = latest(self._access.ask("children", sweep))
        children = [
            ChildLook(child.run_id, child.status, child.error)
            for child in sorted(records.values(), key=lambda child: _by_number(child.run_id))
        ]
        return SweepLook(run.run_id, run.status, run.url, run.error, tuple(children))

    def log(self, child: str) -> str:
        """What a child printed."""
        text: str = self._access.ask("text", child, _LOGS)
        return without_secrets(text)

    def publish(self, sweep: str, path: Path) -> None:
        """Put a file among those of a sweep."""
        self._access.ask("upload", sweep, f"outputs/{path.name}", path)

    def check(self) -> Iterator[tuple[str, str, str, str]]:
        """Look at what a run needs, in turn: what, verdict, what was found, what to do."""
        yield from check(self._settings, self._access.calls)

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Send units, look at all sweeps until they have ended, or until stopped.

        Raises:
            UserError: Azure refuses what the settings ask for.
            EnvironmentFault: Azure cannot be reached or signed in to, or no child can work.
            RuntimeError: The backend is not open.
        """
        if self._job is None:
            msg = "open the backend first"
            raise RuntimeError(msg)
        if self._stopping:
            return
        try:
            yield from self._run(next_unit)
        except Detached:
            return
        except AzureTrouble as trouble:
            raise fault_of(trouble, self._settings) from None

    def read(self, order: str, sweep: SentSweep | None, study: StudyView) -> Iterator[ReadingEvent]:
        """Have the inputs read where they are; see ``gridrun.backend.ReadingBackend``.

        Raises:
            UserError: Azure refuses what the settings ask for.
            EnvironmentFault: Azure cannot be reached or signed in to, or the job cannot work.
        """
        stage = Stage(study.directory, self._settings.data)
        sender = Sender(self._settings, self._access, stage, self._say)
        try:
            yield from read_inputs(
                order,
                sweep,
                study,
                access=self._access,
                sender=sender,
                stage=stage,
                say=self._say,
                wait=self._wait,
                poll_seconds=self._poll_seconds,
            )
        except Detached:
            return
        except AzureTrouble as trouble:
            raise fault_of(trouble, self._settings) from None

    def stop(self) -> None:
        """End ``run``; what was sent goes on."""
        self._stopping = True
        self._access.calls.stop()

    def close(self) -> None:
        """End the process that talks to Azure; what was sent goes on."""
        self._access.calls.close()
        self._watches = []
        if self._own_directory is not None:
            self._own_directory.cleanup()
            self._own_directory = None

    def _run(self, next_unit: UnitFeed) -> Iterator[Event]:
        study = self._study_view()
        stage = Stage(study.directory, self._settings.data)
        stage.keep_only({sweep.name for sweep in study.sweeps})
        sender = Sender(self._settings, self._access, stage, self._say)
        for sweep in study.sweeps:
            yield from self._take_over(sweep, sender, stage)
        self._study = replace(study, sweeps=())  # a second run must not take them over again
        looks = 0
        while True:
            if self._send:
                yield from self._send_all(next_unit, sender, stage)
            if not self._watches or (self._send and not self._wait):
                return
            for watch in list(self._watches):
                yield from self._look(watch, stage)
            if not self._wait:
                return
            looks += 1
            if self._watches:
                self._access.calls.pause(self._poll_seconds(looks))

    def _study_view(self) -> StudyView:
        if self._study is not None:
            return self._study
        # run by somebody who keeps no ledger: names must be new every time
        self._own_directory = tempfile.TemporaryDirectory(prefix="gridrun-sweeps-")
        directory = Path(self._own_directory.name)
        token = directory.name.removeprefix("gridrun-sweeps-").replace("_", "-")
        self._study = StudyView("units", token, 0, directory)
        return self._study

    def _look(self, watch: SweepWatch, stage: Stage) -> Iterator[Event]:
        yield from self._access.patiently(lambda: watch.look(all_children=not self._wait))
        if not watch.is_over:
            return
        self._watches.remove(watch)
        stage.forget(watch.name)
        if watch.owed.outcomes:
            self._fruitless = 0
        elif watch.owed.reasons:
            self._fruitless += 1
            (reason, _), *_ = watch.owed.reasons.most_common(1)
            if not _GONE.search(reason) or self._fruitless >= _MOST_FRUITLESS:
                raise EnvironmentFault(
                    f"no child of the sweep came to any outcome: {reason}",
                    where=watch.name,
                    todo="what the children printed: gridrun azure logs; does the image hold "
                    "this version of gridrun, R and its packages (gridrun worker --self-test)?",
                )

    def _poll_seconds(self, looks: int) -> float:
        if self._settings.poll_seconds is not None:
            return self._settings.poll_seconds
        return min(_FIRST_POLL_SECONDS * looks, _LONGEST_POLL_SECONDS)

    def _take_over(self, sweep: SentSweep, sender: Sender, stage: Stage) -> Iterator[Event]:
        """Go on with a sweep that an earlier run planned, if it was ever accepted."""
        if not sweep.shards:
            # it reads the inputs, which ``read`` waits for; only its cancelling is seen here
            found = self._access.find(sweep.name)
            if found is not None and found.status in ("CancelRequested", "Canceled"):
                yield SweepEnded(sweep.name, "cancelled")
            return
        if not sweep.is_sent:
            found = sender.find_again(sweep, submit=self._send and sweep.is_wanted)
            if found is None and not self._send and time.time() - sweep.planned < GRACE_SECONDS:
                self._say(f"sweep {sweep.name} is not visible yet")
                return
            if found is None:
                for units in sweep.shards.values():
                    for unit in units:
                        yield UnitLost(unit.id, "its sweep was never accepted")
                yield SweepEnded(sweep.name, "abandoned")
                stage.forget(sweep.name)
                return
            yield SweepSent(sweep.name, found.url)
        self._watches.append(self._watch(sweep, stage))

    def _send_all(self, next_unit: UnitFeed, sender: Sender, stage: Stage) -> Iterator[Event]:
        units: list[Unit] = []
        while (unit := next_unit()) is not None:
            units.append(unit)
        if not units:
            return
        assert self._job is not None
        study = self._study_view()
        sizes: dict[str, int] = {}

        def bytes_of(digest: str) -> int:
            if digest not in sizes:
                sizes[digest] = len(self._read_artifact(digest)) if digest else 0
            return sizes[digest]

        self._rounds += 1
        for axes, shards in self._packed(units, bytes_of):
            self._sent += 1
            name = sweep_name(study, self._sent, str(self._rounds))
            stage.prepare(
                name,
                self._job,
                _Contexts(study.contexts),
                shards,
                axes=axes,
                read_artifact=self._read_artifact,
            )
            count = len(shards)
            self._say(f"submitting sweep {name}: {count} shards, {sum(map(len, shards))} units")
            yield from sender.send(name, shards)
            sent = SentSweep(name, True, time.time(), dict(enumerate(shards)))  # noqa: FBT003
            self._watches.append(self._watch(sent, stage))

    def _packed(
        self, units: list[Unit], bytes_of: Callable[[str], int]
    ) -> Iterator[tuple[Axes, Shards]]:
        if self._by_combination:
            yield by_combination(units)
            return
        for shards in pack(units, sizing(self._settings), bytes_of):
            yield {AXIS: range(len(shards))}, shards

    def _watch(self, sweep: SentSweep, stage: Stage) -> SweepWatch:
        assert self._job is not None
        silent = self._settings.silent_minutes
        seconds = silent * 60 if silent is not None else None
        limit = self._job.limits.task_seconds
        if seconds is None and limit is not None:
            seconds = max(_LEAST_SILENT_SECONDS, 3 * limit)
        poll = self._settings.poll_seconds or _LONGEST_POLL_SECONDS
        numbers = {facts.digest: n for n, facts in self._study_view().contexts.items()}
        return SweepWatch(
            sweep,
            self._access.calls,
            stage,
            axes=stage.axes_of(sweep.name),
            numbers=lambda digest: _number(digest, numbers),
            patience=Patience(min(GRACE_SECONDS, 10 * poll), seconds, poll),
            say=self._say,
        )


class _Contexts(dict[int, ContextFacts]):
    """Contexts by number; one that nobody described goes by its number."""

    def __missing__(self, number: int) -> ContextFacts:
        return ContextFacts(f"context {number}", "")


def _number(digest: str, numbers: dict[str, int]) -> int:
    if digest in numbers:
        return numbers[digest]
    word, _, number = digest.partition(" ")
    if word == "context" and number.isdigit():
        return int(number)
    raise EnvironmentFault(
        f"an outcome came back for tasks that this ledger has never had ({digest})",
        todo="is this the study directory that the sweep was sent from, or a copy of it?",
    )


def _by_number(run_id: str) -> tuple[str, int]:
    name, _, number = run_id.rpartition("_")
    return (name, int(number)) if number.isdigit() else (run_id, 0)


def _no_artifact(digest: str) -> bytes:
    raise KeyError(digest)
