"""The backend ``folder``: units are written as shards, outcomes are read as they come."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from backends.folder._memory import Memory
from backends.folder._watch import Watch
from backends.folder.settings import FolderSettings
from gridrun.errors import EnvironmentFault, UserError, counted
from gridrun.plan.units import Event, SweepEnded, SweepEvent, SweepPlanned, SweepSent, Unit
from gridrun.run.backend import (
    Capabilities,
    ChildStatus,
    Commands,
    Quote,
    SentSweep,
    StudyView,
    SweepStatus,
)
from gridrun.run.sweep_backend import ReadingLook, SweepBackend
from gridrun.shard import ERROR, LOG, REPORT, shard_name
from gridrun.shard.contexts import Contexts, numbers_of
from gridrun.shard.packing import Shards, pack
from gridrun.shard.queue import ShardQueue, queues_in, write_order, write_queue

_NEVER_WRITTEN = "its shard was never written"


class FolderBackend(SweepBackend):
    """Has units run by workers that share a folder; see ``ReadingBackend`` for the contract.

    Args:
        settings: Where and how.
        folder: Another folder than the settings'.
        send: As ``SweepBackend`` has it.
        wait: The same.
        say: The same.
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
        super().__init__(send=send, wait=wait, say=say)
        self._settings = settings
        self._folder = (folder or settings.path).absolute()
        self._memory = Memory(settings.memory or self._folder / ".memory")

    @property
    def capabilities(self) -> Capabilities:
        """Isolated; units are cut for as many workers as the settings say."""
        return Capabilities(isolates=True, workers=self._settings.workers)

    def attach(self, study: StudyView) -> None:
        """Take over what earlier runs wrote."""
        super().attach(study)
        self._memory = Memory(study.directory)

    def _send(self, units: Sequence[Unit]) -> Iterator[Event]:
        assert self._job is not None
        for shards in self._packed(units):
            name = self._new_name("shards")
            target = self._folder / name
            self._memory.note(name, self._folder)
            yield SweepPlanned(name, shards)
            try:
                write_queue(
                    target,
                    self._job,
                    Contexts(self._attached().contexts),
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
            self._follow(name, shards)

    def _packed(self, units: Sequence[Unit]) -> list[Shards]:
        total = sum(unit.seconds for unit in units)
        count = math.ceil(total / (self._settings.shard_minutes * 60))
        return pack(units, min(max(count, 1), len(units)))

    def _send_order(self, name: str, order: str, sweep: SentSweep | None) -> Iterator[SweepEvent]:
        if sweep is None:
            self._memory.note(name, self._folder)
            yield SweepPlanned(name, ())
        queue = self._queue(name)
        if not queue.exists and not self._memory.is_cancelled(name):
            write_order(queue.directory, order, self._settings.lease_seconds)
            self._say(
                f"the order to read the inputs is written; on a machine that sees them, run "
                f"gridrun worker {self._folder}"
            )
            yield SweepSent(name, str(queue.directory))

    def _find(self, sweep: SentSweep) -> SweepSent | str:
        queue = self._queue(sweep.name)
        exists = queue.exists
        return SweepSent(sweep.name, str(queue.directory)) if exists else _NEVER_WRITTEN

    def _is_cancelled(self, sweep: str) -> bool:
        return self._memory.is_cancelled(sweep)

    def _look_at_reading(self, sweep: str) -> ReadingLook:
        queue, shard = self._queue(sweep), shard_name(0)
        out = queue.out(shard)
        if queue.state(shard).state == "done":
            return ReadingLook((out / REPORT).read_text("utf-8"))
        if self._memory.is_cancelled(sweep):
            fault = EnvironmentFault(
                "the order to read the inputs was cancelled",
                where=sweep,
                todo="run the same command again to write it again",
            )
            return ReadingLook(fault=fault, is_cancelled=True)
        if error := _text(out / ERROR):
            self._say(f"the worker could not read the inputs: {error}")
        return ReadingLook()

    def _watch(self, sweep: SentSweep, study: StudyView) -> Watch:
        queue = self._queue(sweep.name)
        return Watch(
            sweep,
            queue,
            numbers=numbers_of(study.contexts),
            is_cancelled=lambda: (
                self._memory.is_cancelled(sweep.name) or (queue.exists and queue.is_cancelled)
            ),
            say=self._say,
        )

    def _forget(self, sweep: str) -> None:
        self._queue(sweep).remove()
        self._memory.forget(sweep)

    def _pause(self, looks: int) -> bool:
        del looks
        return not self._stopping.wait(self._settings.poll_seconds)

    def _queue(self, sweep: str) -> ShardQueue:
        return self._memory.queue(sweep, self._folder)

    def cancel(self, sweep: str) -> None:
        """Have workers end; each does so within seconds."""
        self._memory.cancel(sweep)
        queue = self._queue(sweep)
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
        queue = self._queue(sweep)
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
        queue = self._queue(sweep)
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


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
