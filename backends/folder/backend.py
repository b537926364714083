"""The backend ``folder``: units are written as shards, outcomes are read as they come."""

from __future__ import annotations

import math
import os
import shlex
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from backends.folder._memory import Memory
from backends.folder._reading import is_reading, read_inputs
from backends.folder._watch import Watch
from backends.folder.settings import FolderSettings
from gridrun.errors import EnvironmentFault, UserError, counted
from gridrun.plan.units import (
    Event,
    Job,
    ReadArtifact,
    SweepEnded,
    SweepPlanned,
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
from gridrun.shard import ERROR, LOG, shard_name
from gridrun.shard.contexts import Contexts, numbers_of
from gridrun.shard.outstanding import Outstanding
from gridrun.shard.packing import Shards, pack
from gridrun.shard.queue import ShardQueue, queues_in, write_queue


class FolderBackend:
    """Has units run by workers that share a folder; see ``ReadingBackend`` for the contract.

    Args:
        settings: Where and how.
        folder: Another folder than the settings'.
        send: Whether new units are written.
        wait: Whether ``run`` goes on until everything has ended; otherwise it writes, or
            looks once, and ends.
        say: Called with each line of progress.
    """

    commands = replace(Commands.below("gridrun shards"), collect="gridrun collect")

    def __init__(
        self,
        settings: FolderSettings,
        *,
        folder: Path | None = None,
        send: bool = True,
        wait: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._folder = (folder or settings.path).absolute()
        self._send = send
        self._wait = wait
        self._say = say
        self._job: Job | None = None
        self._read_artifact: ReadArtifact = _no_artifact
        self._study: StudyView | None = None
        self._own_directory: tempfile.TemporaryDirectory[str] | None = None
        self._memory = Memory(settings.memory or self._folder / ".memory")
        self._watches: list[Watch] = []
        self._sent = 0
        self._stopping = threading.Event()

    @property
    def capabilities(self) -> Capabilities:
        """Isolated; units are cut for as many workers as the settings say."""
        return Capabilities(isolates=True, workers=self._settings.workers)

    def open(self, job: Job, read_artifact: ReadArtifact) -> None:
        """Remember the job."""
        self._job = job
        self._read_artifact = read_artifact

    def attach(self, study: StudyView) -> None:
        """Take over what earlier runs wrote."""
        self._study = study
        self._memory = Memory(study.directory)

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Write units, look at all sweeps until they have ended, or until stopped.

        Raises:
            UserError: The folder of a sweep is not there.
            EnvironmentFault: The folder cannot be written.
            RuntimeError: The backend is not open.
        """
        if self._job is None:
            msg = "open the backend first"
            raise RuntimeError(msg)
        study = self._study_view()
        self._watches = []
        self._sent = 0
        try:
            if not self._stopping.is_set():
                yield from self._run(next_unit, self._job, study)
        finally:
            # a second run must neither take them over again nor use a name twice
            count = study.sweeps_so_far + self._sent
            self._study = replace(study, sweeps=(), sweeps_so_far=count)

    def _run(self, next_unit: UnitFeed, job: Job, study: StudyView) -> Iterator[Event]:
        for sweep in study.sweeps:
            yield from self._take_over(sweep, study)
        while True:
            if self._send:
                yield from self._write(next_unit, job, study)
            if not self._watches or (self._send and not self._wait):
                return
            for watch in list(self._watches):
                yield from watch.look()
                if watch.is_over:
                    self._watches.remove(watch)
                    self._memory.queue(watch.name, self._folder).remove()
                    self._memory.forget(watch.name)
            if not self._wait or self._stopping.is_set():
                return
            if self._watches and self._stopping.wait(self._settings.poll_seconds):
                return

    def _take_over(self, sweep: SentSweep, study: StudyView) -> Iterator[Event]:
        """Go on with a sweep that an earlier run planned, if it was ever written."""
        queue = self._memory.queue(sweep.name, self._folder)
        if is_reading(sweep.name):
            # ``read`` waits for it; only its cancelling is seen here
            if self._memory.is_cancelled(sweep.name):
                yield SweepEnded(sweep.name, "cancelled")
                queue.remove()
                self._memory.forget(sweep.name)
            return
        if not sweep.is_sent:
            if not queue.exists:
                yield from Outstanding(sweep.shards).mark_all_lost("its shard was never written")
                yield SweepEnded(sweep.name, "abandoned")
                self._memory.forget(sweep.name)
                return
            yield SweepSent(sweep.name, str(queue.directory))
        self._watches.append(self._watch(sweep, queue, study))

    def _write(self, next_unit: UnitFeed, job: Job, study: StudyView) -> Iterator[Event]:
        units: list[Unit] = []
        while (unit := next_unit()) is not None:
            units.append(unit)
        for shards in self._packed(units):
            self._sent += 1
            name = study.sweep_name(self._sent, "shards")
            target = self._folder / name
            self._memory.note(name, self._folder)
            yield SweepPlanned(name, shards)
            try:
                write_queue(
                    target,
                    job,
                    Contexts(study.contexts),
                    shards,
                    read_artifact=self._read_artifact,
                    lease_seconds=self._settings.lease_seconds,
                )
            except OSError as error:
                yield SweepEnded(name, "abandoned")
                self._memory.forget(name)
                raise EnvironmentFault(
                    f"shards cannot be written: {error.strerror}",
                    where=str(self._folder),
                    todo="make room, or name another folder: --folder DIR",
                ) from error
            yield SweepSent(name, str(target))
            self._say(f"wrote {counted(len(shards), 'shard')}: {target}")
            sent = SentSweep(name, True, time.time(), dict(enumerate(shards)))  # noqa: FBT003
            self._watches.append(self._watch(sent, ShardQueue(target), study))

    def _packed(self, units: Sequence[Unit]) -> list[Shards]:
        total = sum(unit.seconds for unit in units)
        count = math.ceil(total / (self._settings.shard_minutes * 60))
        return pack(units, min(max(count, 1), len(units)))

    def _watch(self, sweep: SentSweep, queue: ShardQueue, study: StudyView) -> Watch:
        return Watch(
            sweep,
            queue,
            numbers=numbers_of(study.contexts),
            is_cancelled=lambda: (
                self._memory.is_cancelled(sweep.name) or (queue.exists and queue.is_cancelled)
            ),
            say=self._say,
        )

    def read(self, order: str, sweep: SentSweep | None, study: StudyView) -> Iterator[ReadingEvent]:
        """Have a worker read the inputs; see ``gridrun.run.backend.ReadingBackend``.

        Raises:
            EnvironmentFault: It was cancelled.
        """
        self._memory = Memory(study.directory)
        yield from read_inputs(
            order,
            sweep,
            study,
            folder=self._folder,
            memory=self._memory,
            lease_seconds=self._settings.lease_seconds,
            say=self._say,
            wait=lambda: self._wait and not self._stopping.wait(self._settings.poll_seconds),
        )

    def stop(self) -> None:
        """End ``run``; workers go on."""
        self._stopping.set()

    def close(self) -> None:
        """Remove what only this run needed; workers go on."""
        if self._own_directory is not None:
            self._own_directory.cleanup()
            self._own_directory = None

    def cancel(self, sweep: str) -> None:
        """Have workers end; each does so within seconds."""
        self._memory.cancel(sweep)
        queue = self._memory.queue(sweep, self._folder)
        if queue.exists:
            queue.cancel()

    def quote(self, units: Sequence[Unit]) -> Quote:
        """Estimated size of writing units."""
        hours = sum(unit.seconds for unit in units) / 3600
        most = self._settings.workers
        return Quote(
            tasks=sum(len(unit.tasks) for unit in units),
            units=len(units),
            shards=sum(len(shards) for shards in self._packed(units)),
            sweeps=len(self._packed(units)),
            machine="whoever finds them",
            cores=1,
            most_nodes=most,
            node_hours=hours,
            wall_hours=hours / most,
            hourly_rate=None,
        )

    def look(self, sweep: str) -> SweepStatus:
        """A sweep as it is now."""
        queue = self._memory.queue(sweep, self._folder)
        if not queue.exists:
            error = "" if self._memory.is_cancelled(sweep) else "its folder does not exist"
            return SweepStatus(sweep, "gone", str(queue.directory), error)
        children = []
        for shard in queue.shards():
            state = queue.state(shard)
            error = _text(queue.out(shard) / ERROR).replace("\n", " ").strip()
            if state.state == "waiting" and state.owner and not error:
                error = (
                    f"{state.owner} is gone, or has been silent for {state.silent_seconds:.0f} s"
                )
            children.append(ChildStatus(queue.part(shard), state.state, error))
        states = {child.state for child in children}
        words = ("cancelled",) if queue.is_cancelled else ("running", "waiting", "done")
        word = next((word for word in words if word in states), words[-1])
        return SweepStatus(sweep, word, str(queue.directory), "", tuple(children))

    def log(self, child: str) -> str:
        """What the workers of a shard said.

        Raises:
            UserError: There is no such shard.
        """
        sweep, _, number = child.rpartition("_")
        queue = self._memory.queue(sweep, self._folder)
        if not number.isdigit() or shard_name(int(number)) not in queue.shards():
            raise UserError(
                f"there is no shard {child}",
                where=str(queue.directory),
                todo=f"`{self.commands.logs}` lists those that are there",
            )
        return _text(queue.out(shard_name(int(number))) / LOG)

    def check(self) -> Iterator[tuple[str, str, str, str]]:
        """Check what a run needs: what was checked, verdict, what was found, what to do."""
        place = self._folder
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir() or not os.access(place, os.W_OK):
            yield ("folder", "missing", f"{self._folder} cannot be written", "name another one")
            return
        count = sum(len(queue.shards()) for queue in queues_in(self._folder))
        yield ("folder", "ok", f"{self._folder}: {counted(count, 'shard')}", "")
        advice = "on each of them: gridrun worker --self-test"
        yield ("workers", "note", "the machines that run shards cannot be tried from here", advice)

    def publish(self, sweep: str, path: Path) -> str:
        """Nowhere: nobody looks for the table beside shards that are gone."""
        del sweep, path
        return ""

    def next_steps(self, study: str) -> str:
        """What a person does while tasks are out."""
        folders = self._memory.folders() or [self._folder]
        run = "\n".join(f"  gridrun worker {shlex.quote(str(folder))}" for folder in folders)
        return (
            "run them on this machine or any other that sees the folder, as often at once as you "
            f"like:\n{run}\nthen collect the outcomes: {self.commands.collect} {study}; see their "
            f"state: {self.commands.status} {study}; cancel them: {self.commands.cancel} {study}"
        )

    def _study_view(self) -> StudyView:
        if self._study is None:
            # run by somebody who keeps no ledger: names must be new every time
            self._own_directory = tempfile.TemporaryDirectory(prefix="gridrun-sweeps-")
            directory = Path(self._own_directory.name)
            token = directory.name.removeprefix("gridrun-sweeps-").replace("_", "-")
            self.attach(StudyView("units", token, 0, directory))
        assert self._study is not None
        return self._study


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _no_artifact(digest: str) -> bytes:
    raise KeyError(digest)
