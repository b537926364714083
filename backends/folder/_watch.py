"""One sweep in its folder: looked at again and again, until nothing more can come of it."""

from __future__ import annotations

from collections.abc import Iterator

from gridrun.plan.units import Event, SweepEnded
from gridrun.run.queue_watch import QueueWatch


class Watch(QueueWatch):
    """Looks at one sweep, as ``QueueWatch`` has it."""

    todo_missing = (
        "is the folder not mounted, or was it moved? Name it with --folder; or give its tasks "
        "back: gridrun shards cancel"
    )

    def look(self) -> Iterator[Event]:
        """Look once.

        Raises:
            UserError: The sweep is not there.
            EnvironmentFault: The output of a worker was modified after it was read.
        """
        yield from self.outstanding.end_empty_units()
        cancelled = self.is_cancelled()
        self.require_shards()
        # states first: what a worker writes before it ends is read below
        states = {number: self.queue.state(name) for number, name in self.shards.items()}
        yield from self.read_shards()
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
