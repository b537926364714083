"""The backend ``folder``: units are written as shards, outcomes are read as they come."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from backends.folder._watch import Watch
from backends.folder.settings import FolderSettings
from gridrun.errors import counted
from gridrun.plan.units import Event, SweepEvent, SweepSent, Unit
from gridrun.run.backend import (
    Capabilities,
    ChildStatus,
    Commands,
    Quote,
    SentSweep,
    StudyView,
    SweepStatus,
)
from gridrun.run.queue_backend import QueueBackend, text_of
from gridrun.shard import ERROR, LOG
from gridrun.shard.contexts import numbers_of
from gridrun.shard.packing import Shards, pack
from gridrun.shard.queue import queues_in


class FolderBackend(QueueBackend):
    """Has units run by workers that share a folder; see ``ReadingBackend`` for the contract.

    Args:
        settings: Where and how.
        folder: Another folder than the settings'.
        send: As ``SweepBackend`` has it.
        wait: The same.
        say: The same.
    """

    commands = replace(Commands.below("gridrun shards"), collect="gridrun collect")
    todo_no_room = "make room, or name another folder: --folder DIR"

    def __init__(
        self,
        settings: FolderSettings,
        *,
        folder: Path | None = None,
        send: bool = True,
        wait: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(
            folder or settings.path,
            memory=settings.memory,
            lease_seconds=settings.lease_seconds,
            poll_seconds=settings.poll_seconds,
            send=send,
            wait=wait,
            say=say,
        )
        self._settings = settings

    @property
    def capabilities(self) -> Capabilities:
        """Isolated; units are cut for as many workers as the settings say."""
        return Capabilities(isolates=True, workers=self._settings.workers)

    def _hand_over(self, name: str, shards: Shards) -> Iterator[Event]:
        target = self._folder / name
        yield SweepSent(name, str(target))
        self._say(f"wrote {counted(len(shards), 'shard')}: {target}")
        self._follow(name, shards)

    def _packed(self, units: Sequence[Unit]) -> list[Shards]:
        total = sum(unit.seconds for unit in units)
        count = math.ceil(total / (self._settings.shard_minutes * 60))
        return pack(units, min(max(count, 1), len(units)))

    def _send_order(self, name: str, order: str, sweep: SentSweep | None) -> Iterator[SweepEvent]:
        if (yield from self._write_order(name, order, sweep)):
            self._say(
                f"the order to read the inputs is written; on a machine that sees them, run "
                f"gridrun worker {self._folder}"
            )
            yield SweepSent(name, str(self._queue(name).directory))

    def _find(self, sweep: SentSweep) -> SweepSent | str:
        queue = self._queue(sweep.name)
        exists = queue.exists
        return SweepSent(sweep.name, str(queue.directory)) if exists else self.never_written

    def _watch(self, sweep: SentSweep, study: StudyView) -> Watch:
        queue = self._queue(sweep.name)
        return Watch(
            sweep,
            queue,
            numbers=numbers_of(study.contexts),
            is_cancelled=lambda: self._is_given_up(sweep.name, queue),
            say=self._say,
        )

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
            error = text_of(queue.out(shard) / ERROR).replace("\n", " ").strip()
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
        queue, shard = self._shard_of(child)
        return text_of(queue.out(shard) / LOG)

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

    def next_steps(self, study: str) -> str:
        """What a person does while tasks are out."""
        folders = self._memory.folders() or [self._folder]
        run = "\n".join(f"  gridrun worker {shlex.quote(str(folder))}" for folder in folders)
        return (
            "run them on this machine or any other that sees the folder, as often at once as you "
            f"like:\n{run}\nthen collect the outcomes: {self.commands.collect} {study}; see their "
            f"state: {self.commands.status} {study}; cancel them: {self.commands.cancel} {study}"
        )
