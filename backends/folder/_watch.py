"""One sweep in its folder: looked at again and again, until nothing more can come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gridrun.errors import UserError
from gridrun.plan.units import Event, SweepEnded
from gridrun.run.backend import SentSweep
from gridrun.run.sweep_watch import SweepWatch
from gridrun.shard import MANIFEST, NumberOf, shard_name
from gridrun.shard.queue import ShardQueue


class Watch(SweepWatch):
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
        super().__init__(sweep, numbers, say)
        self._queue = queue
        self._is_cancelled = is_cancelled
        self._shards = {number: shard_name(number) for number in sweep.shards}

    def look(self) -> Iterator[Event]:
        """Look once.

        Raises:
            UserError: The sweep is not there.
            EnvironmentFault: The output of a worker was modified after it was read.
        """
        yield from self.outstanding.end_empty_units()
        cancelled = self._is_cancelled()
        if not self._queue.exists and not self.outstanding.is_settled and not cancelled:
            raise UserError(
                f"the shards of {self.name} do not exist",
                where=str(self._queue.directory),
                todo="is the folder not mounted, or was it moved? Name it with --folder; or give "
                "its tasks back: gridrun shards cancel",
            )
        # states first: what a worker writes before it ends is read below
        states = {number: self._queue.state(name) for number, name in self._shards.items()}
        for number, name in self._shards.items():
            child = self._queue.part(name)
            yield from self.read_segments(child, number, self._queue.out(name), are_copies=False)
            reader = self.readers[child]
            if reader.has_manifest or MANIFEST in reader.problems:
                yield from self._settle(number, child)
        counts = [state.state for state in states.values()]
        summary = ", ".join(f"{counts.count(word)} {word}" for word in sorted(set(counts)))
        self.say_once(f"{self.name}: shards: {summary}")
        if self.outstanding.is_settled:
            self.is_over = True
            yield SweepEnded(self.name, "cancelled" if cancelled else "ended")
        elif cancelled and "running" not in counts:
            yield from self.outstanding.hand_back_all()
            self.is_over = True
            yield SweepEnded(self.name, "cancelled")

    def _settle(self, number: int, child: str) -> Iterator[Event]:
        """Give back what a shard that was run to its end has not brought, or not whole."""
        if self.outstanding.is_through(number):
            return
        problems = self.readers[child].problems
        out = self._queue.out(self._shards[number])
        for name, text in problems.items():
            self.say_once(f"{child}: {text}")
            path = out / name
            if path.exists() and self._queue.age(path) < self._queue.lease_seconds:
                return  # it may be on its way
        reason = next(iter(problems.values()), "the worker reported its end")
        yield from self.outstanding.mark_shard_lost(number, f"outcomes are missing: {reason}")
