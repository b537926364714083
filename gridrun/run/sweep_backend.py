"""The part of a detachable backend that does not depend on where units go; for backends.

A backend derives from ``SweepBackend`` and says how a sweep gets there, how it is watched and
how it is found again. Order and durability of events (planned, sent, ended) are seen to here.
"""

from __future__ import annotations

import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Flag
from typing import Any

from gridrun.errors import EnvironmentFault
from gridrun.plan.units import (
    Event,
    InputsRead,
    Job,
    ReadArtifact,
    SweepEnded,
    SweepEvent,
    SweepSent,
    Unit,
)
from gridrun.run.backend import ReadingEvent, SentSweep, StudyView, UnitFeed
from gridrun.run.sweep_watch import SweepWatch
from gridrun.shard.outstanding import Outstanding

_READING = "-data"
"""Ends the name of a sweep that reads the inputs."""


@dataclass(frozen=True)
class ReadingLook:
    """The job that reads the inputs, as it is now.

    Args:
        report: Text of its report, once there is one.
        fault: Why there will be none.
        is_cancelled: Whether somebody ended it.
    """

    report: str = ""
    fault: EnvironmentFault | None = None
    is_cancelled: bool = False


class SweepBackend(ABC):
    """Runs units as sweeps of shards; see ``gridrun.run.backend.DetachableBackend``.

    Args:
        send: Whether new units are sent.
        wait: Whether ``run`` goes on until everything has ended; otherwise it sends, or
            looks once, and ends.
        say: Called with each line of progress.
    """

    def __init__(
        self, *, send: bool = True, wait: bool = True, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._sends = send
        self._waits = wait
        self._say = say
        self._job: Job | None = None
        self._read_artifact: ReadArtifact = _no_artifact
        self._study: StudyView | None = None
        self._own_directory: tempfile.TemporaryDirectory[str] | None = None
        self._watches: list[SweepWatch] = []
        self._sent = 0
        self._stopping = Flag()

    def open(self, job: Job, read_artifact: ReadArtifact) -> None:
        """Remember the job."""
        self._job = job
        self._read_artifact = read_artifact

    def attach(self, study: StudyView) -> None:
        """Take over what earlier runs sent."""
        self._study = study

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Send units, look at all sweeps until they have ended, or until stopped.

        Raises:
            GridrunError: It cannot be sent, or can run nothing where it was sent.
            RuntimeError: The backend is not open.
        """
        if self._job is None:
            msg = "open the backend first"
            raise RuntimeError(msg)
        self._watches, self._sent = [], 0
        study = self._attached()
        try:
            if not self._stopping.is_set():
                yield from self._run(next_unit, study)
        finally:
            # a second run must neither take them over again nor use a name twice
            count = study.sweeps_so_far + self._sent
            self._study = replace(study, sweeps=(), sweeps_so_far=count)

    def read(self, order: str, sweep: SentSweep | None, study: StudyView) -> Iterator[ReadingEvent]:
        """Have the inputs read where they are; see ``gridrun.run.backend.ReadingBackend``.

        Raises:
            GridrunError: It cannot be sent, or failed.
        """
        self.attach(study)
        name = sweep.name if sweep is not None else study.sweep_name(1, _READING.removeprefix("-"))
        yield from self._send_order(name, order, sweep)
        looks = 0
        while True:
            look = self._look_at_reading(name)
            if look.report:
                yield InputsRead(name, look.report)
            if look.report or look.fault is not None:
                yield SweepEnded(name, "cancelled" if look.is_cancelled else "ended")
                self._forget(name)
                if look.fault is not None:
                    raise look.fault
                return
            looks += 1
            if not self._waits or not self._pause(looks):
                return

    def changed(self, stamps: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """No input has changed that is not read elsewhere."""
        del stamps
        return ()

    def stop(self) -> None:
        """End ``run``; what was sent goes on."""
        self._stopping.set()

    def close(self) -> None:
        """Remove what only this run needed; what was sent goes on."""
        if self._own_directory is not None:
            self._own_directory.cleanup()
            self._own_directory = None

    @abstractmethod
    def _send(self, units: Sequence[Unit]) -> Iterator[Event]:
        """Send units as sweeps; each is named by ``_new_name``, planned, sent, followed."""

    @abstractmethod
    def _send_order(self, name: str, order: str, sweep: SentSweep | None) -> Iterator[SweepEvent]:
        """Send an order to read inputs; with ``sweep`` only if that is not there."""

    @abstractmethod
    def _find(self, sweep: SentSweep) -> SweepSent | str | None:
        """A sweep of which is not known whether it was sent; why not; None: too early to say."""

    @abstractmethod
    def _is_cancelled(self, sweep: str) -> bool:
        """Whether a sweep that reads inputs was cancelled."""

    @abstractmethod
    def _look_at_reading(self, sweep: str) -> ReadingLook:
        """Look at the job that reads the inputs."""

    @abstractmethod
    def _watch(self, sweep: SentSweep, study: StudyView) -> SweepWatch:
        """What looks at a sweep."""

    @abstractmethod
    def _forget(self, sweep: str) -> None:
        """Nothing more will come of a sweep: remove what is kept for it."""

    @abstractmethod
    def _pause(self, looks: int) -> bool:
        """Wait for the next look, after so many; whether there is to be one."""

    def _look(self, watch: SweepWatch) -> Iterator[Event]:
        yield from watch.look()

    def _new_name(self, suffix: str) -> str:
        self._sent += 1
        return self._attached().sweep_name(self._sent, suffix)

    def _follow(self, name: str, shards: tuple[tuple[Unit, ...], ...]) -> None:
        """Look at a sweep that was just sent."""
        sent = SentSweep(name, is_sent=True, planned=time.time(), shards=dict(enumerate(shards)))
        self._watches.append(self._watch(sent, self._attached()))

    def _run(self, next_unit: UnitFeed, study: StudyView) -> Iterator[Event]:
        for sweep in study.sweeps:
            yield from self._take_over(sweep, study)
        looks = 0
        while True:
            if self._sends and (units := list(iter(next_unit, None))):
                yield from self._send(units)
            if not self._watches or (self._sends and not self._waits):
                return
            for watch in list(self._watches):
                yield from self._look(watch)
                if watch.is_over:
                    self._watches.remove(watch)
                    self._forget(watch.name)
            if not self._waits or self._stopping.is_set():
                return
            looks += 1
            if self._watches and not self._pause(looks):
                return

    def _take_over(self, sweep: SentSweep, study: StudyView) -> Iterator[Event]:
        """Go on with a sweep that an earlier run planned, if it was ever sent."""
        if is_reading(sweep.name):
            # ``read`` waits for it; only its cancelling is seen here
            if self._is_cancelled(sweep.name):
                yield SweepEnded(sweep.name, "cancelled")
                self._forget(sweep.name)
            return
        found = SweepSent(sweep.name) if sweep.is_sent else self._find(sweep)
        if found is None:
            return
        if isinstance(found, str):
            yield from Outstanding(sweep.shards).mark_all_lost(found)
            yield SweepEnded(sweep.name, "abandoned")
            self._forget(sweep.name)
            return
        if not sweep.is_sent:
            yield found
        self._watches.append(self._watch(sweep, study))

    def _attached(self) -> StudyView:
        if self._study is None:
            # run by somebody who keeps no ledger: names must be new every time
            self._own_directory = tempfile.TemporaryDirectory(prefix="gridrun-sweeps-")
            directory = Path(self._own_directory.name)
            token = directory.name.removeprefix("gridrun-sweeps-").replace("_", "-")
            self.attach(StudyView("units", token, 0, directory))
        assert self._study is not None
        return self._study


def is_reading(sweep: str) -> bool:
    """Whether a sweep is a job that reads the inputs, by its name."""
    return sweep.endswith(_READING)


def _no_artifact(digest: str) -> bytes:
    raise KeyError(digest)
