"""One sweep, looked at again and again until nothing more can come of it; for backends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

from gridrun._version import __version__
from gridrun.errors import EnvironmentFault
from gridrun.plan.units import Event, SegmentRead
from gridrun.run.backend import SentSweep
from gridrun.shard import NumberOf, event_from, written_by
from gridrun.shard.outstanding import Outstanding
from gridrun.shard.segment_reader import SegmentReader

UNKNOWN_SHARD = -1
"""In place of the shard of a child that has not said which it is."""


class SweepWatch(ABC):
    """What is known of one sweep; where its files are is for who derives from it.

    Args:
        sweep: As the ledger has it.
        numbers: Digest of a context to its number.
        say: Called with each line about its state.
    """

    def __init__(self, sweep: SentSweep, numbers: NumberOf, say: Callable[[str], None]) -> None:
        self.name = sweep.name
        self.is_over = False
        self.outstanding = Outstanding(sweep.shards)
        self.readers: dict[str, SegmentReader] = {}
        """By child; made when its files are first looked at."""
        self.say = say
        self._numbers = numbers
        self._read = set(sweep.segments)
        self._said: set[str] = set()

    @abstractmethod
    def look(self) -> Iterator[Event]:
        """Look once; gives what came, in the end ``SweepEnded``.

        Raises:
            UserError: The sweep is not there.
            EnvironmentFault: The output of a worker was modified after it was read.
        """

    def read_segments(
        self, child: str, shard: int | None, directory: Path, *, are_copies: bool
    ) -> Iterator[Event]:
        """Take in what came of a child; what is wrong with it is in its reader's ``problems``.

        Args:
            child: Its name.
            shard: Which shard it has; None where that is not known yet.
            directory: Where its files are.
            are_copies: Whether they are copies, to be removed.
        """
        if child not in self.readers:
            self.readers[child] = SegmentReader(child, directory, are_copies=are_copies)
        number = shard if shard is not None else UNKNOWN_SHARD
        for name, lines in self.readers[child].segments(self.segments_of(shard)):
            for line in lines:
                yield from self.outstanding.take(self._event(line, directory / name))
            yield SegmentRead(self.name, number, name)
            self._read.add((number, name))

    def _event(self, line: str, segment: Path) -> Event:
        """The event that a line of a segment is.

        Raises:
            EnvironmentFault: It is none that this gridrun knows; with the one that wrote it.
        """
        try:
            return event_from(line, self._numbers)
        except EnvironmentFault as fault:
            version = written_by(segment)
            todo = (
                f"gridrun {version} wrote it, and this is gridrun {__version__}: collect the "
                "outcomes with that one, or let the shard run again"
                if version
                else fault.todo
            )
            raise EnvironmentFault(fault.what, where=str(segment), todo=todo) from fault

    def segments_of(self, shard: int | None) -> set[str]:
        """Segments that were read of a shard; where that is not known, of any."""
        shards = (shard, UNKNOWN_SHARD) if shard is not None else None
        return {name for number, name in self._read if shards is None or number in shards}

    def say_once(self, text: str) -> None:
        """Say something unless it was said of this sweep before."""
        if text not in self._said:
            self._said.add(text)
            self.say(text)
