"""A sweep whose shards lie in a directory that this process sees; for backends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gridrun.errors import UserError
from gridrun.plan.units import Event
from gridrun.run.backend import SentSweep
from gridrun.run.sweep_watch import SweepWatch
from gridrun.shard import MANIFEST, NumberOf, shard_name
from gridrun.shard.queue import ShardQueue


class QueueWatch(SweepWatch):
    """Reads what workers wrote beside the shards; who derives from it says who works on them.

    Args:
        sweep: As the ledger has it.
        queue: Its shards.
        numbers: Digest of a context to its number.
        is_cancelled: Whether it was given up.
        say: Called with each line about its state.
    """

    todo_missing = ""
    """What to do where the shards are not there."""

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
        self.queue = queue
        self.is_cancelled = is_cancelled
        self.shards = {number: shard_name(number) for number in sweep.shards}

    def require_shards(self) -> None:
        """Refuse to go on where the shards are gone though nobody has given them up.

        Raises:
            UserError: They are.
        """
        if not (self.queue.exists or self.outstanding.is_settled or self.is_cancelled()):
            raise UserError(
                f"the shards of {self.name} do not exist",
                where=str(self.queue.directory),
                todo=self.todo_missing,
            )

    def read_shards(self) -> Iterator[Event]:
        """Take in what came of each shard, and give back what one that is through lacks."""
        for number, name in self.shards.items():
            child = self.queue.part(name)
            yield from self.read_segments(child, number, self.queue.out(name), are_copies=False)
            reader = self.readers[child]
            if reader.has_manifest or MANIFEST in reader.problems:
                yield from self._settle(number, child)

    def _settle(self, number: int, child: str) -> Iterator[Event]:
        """Give back what a shard that was run to its end has not brought, or not whole."""
        if self.outstanding.is_through(number):
            return
        problems = self.readers[child].problems
        out = self.queue.out(self.shards[number])
        for name, text in problems.items():
            self.say_once(f"{child}: {text}")
            path = out / name
            if path.exists() and self.queue.age(path) < self.queue.lease_seconds:
                return  # it may be on its way
        reason = next(iter(problems.values()), "the worker reported its end")
        yield from self.outstanding.mark_shard_lost(number, f"outcomes are missing: {reason}")
