"""One sweep in its folder: looked at again and again, until nothing more can come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gridrun.errors import UserError
from gridrun.plan.units import Event, SegmentRead, SweepEnded
from gridrun.run.backend import SentSweep
from gridrun.shard import MANIFEST, NumberOf, event_from, shard_name
from gridrun.shard.outstanding import Outstanding
from gridrun.shard.queue import ShardQueue
from gridrun.shard.segment_reader import SegmentReader


class Watch:
    """Looks at one sweep.

    Args:
        sweep: As the ledger has it.
        queue: Its shards.
        numbers: Digest of a context to its number.
        is_cancelled: Whether it was given up.
        say: Called with each line about its state.
    """

    def __init__(
        self,
        sweep: SentSweep,
        queue: ShardQueue,
        *,
        numbers: NumberOf,
        is_cancelled: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        self.name = sweep.name
        self.is_over = False
        self._queue = queue
        self._numbers = numbers
        self._is_cancelled = is_cancelled
        self._say = say
        self._outstanding = Outstanding(sweep.shards)
        self._shards = {number: shard_name(number) for number in sweep.shards}
        self._read = set(sweep.segments)
        self._readers = {
            number: SegmentReader(queue.part(name), queue.out(name), are_copies=False)
            for number, name in self._shards.items()
        }
        self._said: set[str] = set()

    def look(self) -> Iterator[Event]:
        """Look once.

        Raises:
            UserError: The sweep is not there.
            EnvironmentFault: The output of a worker was modified after it was read.
        """
        yield from self._outstanding.end_empty_units()
        cancelled = self._is_cancelled()
        if not self._queue.exists and not self._outstanding.is_settled and not cancelled:
            raise UserError(
                f"the shards of {self.name} do not exist",
                where=str(self._queue.directory),
                todo="is the folder not mounted, or was it moved? Name it with --folder; or give "
                "its tasks back: gridrun shards cancel",
            )
        # states first: what a worker writes before it ends is read below
        states = {number: self._queue.state(name) for number, name in self._shards.items()}
        for number in self._shards:
            yield from self._read_shard(number)
            reader = self._readers[number]
            if reader.has_manifest or MANIFEST in reader.problems:
                yield from self._settle(number)
        counts = [state.state for state in states.values()]
        summary = ", ".join(f"{counts.count(word)} {word}" for word in sorted(set(counts)))
        self._say_once(f"{self.name}: shards: {summary}")
        if self._outstanding.is_settled:
            self.is_over = True
            yield SweepEnded(self.name, "cancelled" if cancelled else "ended")
        elif cancelled and "running" not in counts:
            yield from self._outstanding.hand_back_all()
            self.is_over = True
            yield SweepEnded(self.name, "cancelled")

    def _read_shard(self, number: int) -> Iterator[Event]:
        known = {name for shard, name in self._read if shard == number}
        for name, lines in self._readers[number].segments(known):
            for line in lines:
                yield from self._outstanding.take(event_from(line, self._numbers))
            yield SegmentRead(self.name, number, name)
            self._read.add((number, name))

    def _settle(self, number: int) -> Iterator[Event]:
        """Give back what a shard that was run to its end has not brought, or not whole."""
        if self._outstanding.is_through(number):
            return
        problems = self._readers[number].problems
        out = self._queue.out(self._shards[number])
        for name, text in problems.items():
            self._say_once(f"{self._queue.part(self._shards[number])}: {text}")
            path = out / name
            if path.exists() and self._queue.age(path) < self._queue.lease_seconds:
                return  # it may be on its way
        reason = next(iter(problems.values()), "the worker reported its end")
        yield from self._outstanding.mark_shard_lost(number, f"outcomes are missing: {reason}")

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)
