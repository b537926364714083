"""The backend ``local``: a Ray of one's own on this machine, or a running cluster.

Ray's driver is a process of its own, which may die; here are only its questions and answers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator

from backends.local._messages import (
    Answer,
    Content,
    Happened,
    NextUnit,
    Open,
    Run,
    Stop,
    Through,
)
from backends.local._ray_process import RayEnded, RayProcess
from backends.local._restarts import Restarts
from gridrun.errors import EnvironmentFault, UserError
from gridrun.plan.units import (
    Event,
    Job,
    Loss,
    Notice,
    ReadArtifact,
    Unit,
    UnitFinished,
    UnitLost,
    UnitStarted,
)
from gridrun.run.backend import Capabilities, UnitFeed

_LOOK_SECONDS = 0.5
"""Longest wait without a look at whether a stop is wanted."""

_KEPT: list[RayProcess] = []
"""A Ray that this process keeps up for all its backends, if it does."""


class LocalBackend:
    """Runs units in Ray actors, each of which supervises a process of its own.

    Args:
        workers: How many units run at once; None for one per processor.
        address: ``HOST:PORT`` of a running Ray cluster, or ``auto``; no disk has
            to be shared with it, and it is left running. None to start a Ray here.

    Raises:
        UserError: ``workers`` is not a positive number.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        if workers is not None and workers < 1:
            raise UserError(
                f"{workers} workers cannot run a task", where="--workers", todo="use 1 or more"
            )
        self._workers = workers
        self._address = address
        self._ray: RayProcess | None = None
        self._is_shared = False
        self._count = workers or len(os.sched_getaffinity(0))
        self._read_artifact: ReadArtifact | None = None
        self._stopping = False
        self._given: set[str] = set()
        self._restarts = Restarts(address)

    @property
    def capabilities(self) -> Capabilities:
        """Isolated; as many workers as asked for, or as there are processors.

        Where a cluster's own size decides, this waits until it is joined.

        Raises:
            EnvironmentFault: The cluster cannot be joined.
        """
        if self._address is not None and self._workers is None and self._ray is not None:
            for _ in self._come_up(self._ray):
                pass
        return Capabilities(isolates=True, workers=self._count)

    @property
    def address(self) -> str:
        """``HOST:PORT`` of the Ray that ``keep_up`` has brought up."""
        return self._ray.up.address if self._ray is not None and self._ray.up is not None else ""

    @property
    def token(self) -> str:
        """Secret that lets a driver into the Ray that ``keep_up`` has brought up."""
        return self._ray.token if self._ray is not None else ""

    def prepare(self) -> None:
        """Start a Ray of one's own in the background, before it is known what it is for.

        Raises:
            EnvironmentFault: There is no place for its files.
        """
        if self._address is None and not _KEPT:
            self._ray = RayProcess(self._count, None)
            self._ray.start()

    def open(self, job: Job, read_artifact: ReadArtifact) -> None:
        """Start or join Ray in the background, if it is not prepared.

        Raises:
            EnvironmentFault: There is no place for its files.
        """
        self._read_artifact = read_artifact
        prepared = self._ray
        self._is_shared = prepared is None and self._address is None and bool(_KEPT)
        self._ray = ray = prepared or (
            _KEPT[0] if self._is_shared else RayProcess(self._count, self._address)
        )
        is_elsewhere = self._address is not None
        ray.job = Open(job, self._workers if is_elsewhere else self._count)
        if self._is_shared or prepared is not None:
            ray.send(ray.job)
        else:
            ray.start()

    def keep_up(self) -> None:
        """Bring Ray up for other backends of this process, without workers; ``close`` ends it.

        Raises:
            EnvironmentFault: It did not come up.
        """
        self._ray = RayProcess(self._count, self._address)
        self._ray.start()
        for _ in self._come_up(self._ray):
            pass
        _KEPT.append(self._ray)

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Run units until there are none, or until stopped.

        Raises:
            EnvironmentFault: Ray did not come up, or ended again and again, or no worker can run
                anything.
            RuntimeError: The backend is not open.
        """
        ray = self._ray
        if ray is None:
            msg = "open the backend first"
            raise RuntimeError(msg)
        # whether Ray is needed at all is known when there is a unit
        first = next_unit() if not self._stopping else None
        if first is None:
            return
        if ray.removed:
            yield Notice(ray.removed)
        yield from self._come_up(ray)
        while first is not None:
            self._given = {first.id}
            if self._stopping:
                yield UnitStarted(first.id, "")
                yield UnitFinished(first.id, "", stopped=True)
                return
            fault = yield from self._converse(ray, first, next_unit)
            if fault is None:
                return
            yield from self._go_on_after(ray, fault)
            first = next_unit() if not self._stopping else None

    def stop(self) -> None:
        """End units after their current task."""
        self._stopping = True

    def close(self) -> None:
        """End the workers, and Ray if it is ours."""
        ray, self._ray = self._ray, None
        if ray is None:
            return
        if self._is_shared:
            ray.end_job()
        else:
            if ray in _KEPT:
                _KEPT.remove(ray)
            ray.close()

    def _come_up(self, ray: RayProcess) -> Iterator[Event]:
        """Wait until Ray is up, or a stop is wanted; gives what is worth saying meanwhile."""
        while ray.up is None and not self._stopping:
            said = ray.come_up(_LOOK_SECONDS)
            if said is not None:
                yield Notice(said)
        if ray.up is not None and self._workers is None and self._address is not None:
            self._count = ray.up.workers

    def _converse(
        self, ray: RayProcess, first: Unit, next_unit: UnitFeed
    ) -> Generator[Event, None, RayEnded | None]:
        """Answer the driver's questions and pass on what happens, until its units are through.

        Returns:
            How Ray ended, if it did before.
        """
        has_stopped = False
        ray.send(Run(first))
        while True:
            if self._stopping and not has_stopped:
                has_stopped = True
                ray.send(Stop())
            try:
                messages = ray.hear(_LOOK_SECONDS)
            except RayEnded as fault:
                return fault
            for message in messages:
                if isinstance(message, Happened):
                    self._note_ends(message.events)
                    yield from message.events
                elif isinstance(message, Through):
                    return None
                elif isinstance(message, NextUnit):
                    unit = next_unit() if not self._stopping else None
                    self._given |= {unit.id} if unit is not None else set()
                    ray.send(Answer(unit))
                elif isinstance(message, Content):
                    assert self._read_artifact is not None
                    ray.send(Answer(self._read_artifact(message.digest)))

    def _note_ends(self, events: list[Event]) -> None:
        ended = {event.unit for event in events if isinstance(event, UnitFinished | UnitLost)}
        self._given -= ended

    def _go_on_after(self, ray: RayProcess, fault: RayEnded) -> Iterator[Event]:
        """Give back what Ray had, and bring another one up, unless a stop is wanted.

        Raises:
            EnvironmentFault: That was of no use, or Ray ended with the run.
        """
        if self._stopping:
            raise fault
        said = self._restarts.ended(fault)
        yield Notice(said)
        for unit in sorted(self._given):
            yield UnitLost(unit, fault.what, Loss.HOST)
        ray.close()
        while not self._stopping:
            self._pause()
            try:
                ray.start_again()
                yield from self._come_up(ray)
            except EnvironmentFault as again:
                ray.close()
                self._restarts.failed(again)
            else:
                return

    def _pause(self) -> None:
        """Wait before a start, unless a stop is wanted."""
        until = time.monotonic() + self._restarts.pause
        while not self._stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_SECONDS))
