"""Units as shards in a directory that workers see, wherever these run; for backends.

A backend derives from ``QueueBackend`` and says who is to run the shards once they are written.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from gridrun.documents.textfile import last_of
from gridrun.errors import EnvironmentFault, UserError
from gridrun.plan.units import Event, SweepEnded, SweepEvent, SweepPlanned, Unit
from gridrun.run.backend import Commands, SentSweep, StudyView
from gridrun.run.sweep_backend import ReadingLook, SweepBackend
from gridrun.run.sweep_memory import SweepMemory
from gridrun.shard import ERROR, REPORT, shard_name
from gridrun.shard.contexts import Contexts
from gridrun.shard.packing import Shards
from gridrun.shard.queue import ShardQueue, write_order, write_queue


class QueueBackend(SweepBackend):
    """Writes shards and looks at what comes of them; see ``gridrun.shard.queue``.

    Args:
        folder: Takes the shards, each sweep in a directory of its own.
        memory: Where the study remembers in which folder it put what; None for the folder.
        lease_seconds: A shard whose worker is silent for so long is free again.
        poll_seconds: Between two looks, for who waits.
        send: As ``SweepBackend`` has it.
        wait: The same.
        say: The same.
    """

    commands: Commands
    never_written = "its shard was never written"
    todo_no_room = "make room, or name another folder"

    def __init__(
        self,
        folder: Path,
        *,
        memory: Path | None,
        lease_seconds: float,
        poll_seconds: float,
        send: bool = True,
        wait: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(send=send, wait=wait, say=say)
        self._folder = folder.absolute()
        self._memory = SweepMemory(memory or self._folder / ".memory")
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds

    def attach(self, study: StudyView) -> None:
        """Take over what earlier runs wrote."""
        super().attach(study)
        self._memory = SweepMemory(study.directory)

    def cancel(self, sweep: str) -> None:
        """Have workers end; each does so within seconds."""
        try:
            self._memory.cancel(sweep)
        finally:
            # where nothing can be noted on this disk, workers elsewhere end all the same
            queue = self._queue(sweep)
            if queue.exists:
                queue.cancel()

    def publish(self, sweep: str, path: Path) -> str:
        """Nowhere: nobody looks for the table beside shards that are gone."""
        del sweep, path
        return ""

    @abstractmethod
    def _packed(self, units: Sequence[Unit]) -> list[Shards]:
        """Sweeps of shards of units."""

    @abstractmethod
    def _hand_over(self, name: str, shards: Shards) -> Iterator[Event]:
        """Have a sweep run that was just written, and follow it."""

    def _send(self, units: Sequence[Unit]) -> Iterator[Event]:
        for shards in self._packed(units):
            name = self._new_name("shards")
            yield from self._write(name, shards)
            yield from self._hand_over(name, shards)

    def _write(self, name: str, shards: Shards) -> Iterator[SweepEvent]:
        assert self._job is not None
        self._memory.note(name, self._folder)
        yield SweepPlanned(name, shards)
        try:
            write_queue(
                self._folder / name,
                self._job,
                Contexts(self._attached().contexts),
                shards,
                read_artifact=self._read_artifact,
                lease_seconds=self._lease_seconds,
            )
        except OSError as error:
            yield SweepEnded(name, "abandoned")
            self._memory.forget(name)
            raise EnvironmentFault(
                f"shards cannot be written: {error.strerror}",
                where=str(self._folder),
                todo=self.todo_no_room,
            ) from error

    def _write_order(
        self, name: str, order: str, sweep: SentSweep | None
    ) -> Generator[SweepEvent, None, bool]:
        """Write an order to read inputs, unless it was; whether it was written now."""
        if sweep is None:
            self._memory.note(name, self._folder)
            yield SweepPlanned(name, ())
        queue = self._queue(name)
        if queue.exists or self._memory.is_cancelled(name):
            return False
        write_order(queue.directory, order, self._lease_seconds)
        return True

    def _is_cancelled(self, sweep: str) -> bool:
        return self._memory.is_cancelled(sweep)

    def _is_given_up(self, sweep: str, queue: ShardQueue) -> bool:
        """Whether a sweep is cancelled, by this study or by who sees its folder."""
        return self._is_cancelled(sweep) or (queue.exists and queue.is_cancelled)

    def _look_at_reading(self, sweep: str) -> ReadingLook:
        queue, shard = self._queue(sweep), shard_name(0)
        out = queue.out(shard)
        if queue.state(shard).state == "done":
            return ReadingLook((out / REPORT).read_text("utf-8"))
        if self._is_cancelled(sweep):
            fault = EnvironmentFault(
                "the order to read the inputs was cancelled",
                where=sweep,
                todo="run the same command again to write it again",
            )
            return ReadingLook(fault=fault, is_cancelled=True)
        if error := text_of(out / ERROR):
            self._say(f"the worker could not read the inputs: {error}")
        return ReadingLook()

    def _forget(self, sweep: str) -> None:
        self._queue(sweep).remove()
        self._memory.forget(sweep)

    def _pause(self, looks: int) -> bool:
        del looks
        return not self._stopping.wait(self._poll_seconds)

    def _queue(self, sweep: str) -> ShardQueue:
        return self._memory.queue(sweep, self._folder)

    def _shard_of(self, child: str) -> tuple[ShardQueue, str]:
        """The sweep and the shard that a part's name says.

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
        return queue, shard_name(int(number))


def text_of(path: Path) -> str:
    """What a file holds, of a large one its end; empty where there is none."""
    try:
        return last_of(path)
    except OSError:
        return ""
