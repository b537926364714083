"""What is known of the children of one sweep: state, shard, news, and when to give one up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backends.azureml._combinations import Axes, shard_of
from backends.azureml.sdk.types import ENDED, ChildFacts

LATE_LOOKS = 3
"""So many looks, and at least so long, after its end, a child may still bring files."""

_TROUBLED_LOOKS = 30
"""So many looks that failed, and what a child may still have is given up."""

_NOT_BEGUN = ("NotStarted", "Starting", "Provisioning", "Queued", "Preparing")


@dataclass(frozen=True)
class Patience:
    """How long what is waited for.

    Args:
        late_seconds: For files of a child that has ended, and for records of a sweep.
        silent_seconds: For news of a child that runs; None: as long as it may live.
        between_seconds: Between two looks into a child that runs.
    """

    late_seconds: float
    silent_seconds: float | None
    between_seconds: float


@dataclass
class Child:
    """What is known of a child; times are monotonic seconds.

    Args:
        news: When it last changed its state, brought an outcome or was seen to print.
        status: The service's word.
        shard: Position of its shard, once known.
        error: First line of what went wrong, or empty.
        looked: When its files were last looked at.
        looks_after_end: Looks at its files since it ended, those that failed aside.
        troubled_looks: Looks that failed.
        ended: When it was first seen to have ended, or None.
        given_up: Whether its end was asked for because it was silent.
        log_size: Bytes of its log when that was last asked for.
        settled: Whether nothing more is expected of it.
    """

    news: float
    status: str = ""
    shard: int | None = None
    error: str = ""
    looked: float = 0.0
    looks_after_end: int = 0
    troubled_looks: int = 0
    ended: float | None = None
    given_up: bool = False
    log_size: int = 0
    settled: bool = False

    def note(self, record: ChildFacts, now: float, axes: Axes) -> None:
        """Take in a record of the service."""
        if record.state != self.status:
            self.status, self.news = record.state, now
        if self.status in ENDED and self.ended is None:
            self.ended = now
        if self.status not in ENDED:
            self.ended, self.looks_after_end = None, 0
        self.error = record.error or self.error
        if self.shard is None:
            self.shard = shard_of(record.values, axes)

    def is_silent(self, now: float, patience: Patience, *, sweep_ended: bool = False) -> bool:
        """Whether it is without news for too long; one that has not begun waits for a node.

        Of a sweep that has ended it waits in vain.
        """
        if self.ended is not None or (self.status in _NOT_BEGUN and not sweep_ended):
            return False
        limit = patience.silent_seconds
        return limit is not None and now - self.news >= limit

    def is_late(self, now: float, patience: Patience) -> bool:
        """Whether nothing more is to be expected of a child that has ended."""
        assert self.ended is not None
        return (
            self.looks_after_end >= LATE_LOOKS
            or self.troubled_looks >= _TROUBLED_LOOKS
            or self.given_up
            or (self.looks_after_end > 0 and now - self.ended >= patience.late_seconds)
        )

    def has_printed(self, log_size: int, now: float) -> bool:
        """Whether its log is not what it was: a sign of life, where outputs come late."""
        has_grown = log_size != self.log_size
        if has_grown:
            self.log_size, self.news = log_size, now
        return has_grown

    def give_up(self, now: float) -> bool:
        """A silent child's end is asked for first, the second time it counts as ended.

        Returns:
            Whether its end has to be asked for.
        """
        if not self.given_up:
            self.given_up, self.news = True, now
            return True
        self.ended, self.looks_after_end = now, LATE_LOOKS
        return False


@dataclass
class Children:
    """The children of a sweep, by run id."""

    by_id: dict[str, Child] = field(default_factory=dict)

    def note(self, records: Iterable[ChildFacts], now: float, axes: Axes) -> None:
        """Take in the records of a listing."""
        for record in records:
            self.by_id.setdefault(record.name, Child(news=now)).note(record, now, axes)

    def due(self, now: float, patience: Patience, most_running: int | None) -> list[str]:
        """Those whose files are to be looked at, the longest not looked at first.

        Args:
            now: Monotonic seconds.
            patience: How long a child that runs is left alone.
            most_running: Of those that run; None: all of them, whether their turn or not.
        """
        wanted, running = [], 0
        for run_id, child in sorted(self.by_id.items(), key=lambda item: item[1].looked):
            if child.settled or child.status in _NOT_BEGUN:
                continue
            if child.ended is None and most_running is not None:
                running += 1
                if now - child.looked < patience.between_seconds or running > most_running:
                    continue
            wanted.append(run_id)
        return wanted

    @property
    def living_shards(self) -> set[int | None]:
        """Shards that a child which has not ended may still bring."""
        return {child.shard for child in self.by_id.values() if child.ended is None}

    def summary(self, shards: int) -> str:
        """How many are in which state."""
        counts = Counter(child.status for child in self.by_id.values())
        parts = [f"{count} {status.lower()}" for status, count in sorted(counts.items())]
        waiting = shards - len(self.by_id)
        if waiting > 0:
            parts.append(f"{waiting} not begun")
        return ", ".join(parts)


def latest(records: list[ChildFacts]) -> Mapping[str, ChildFacts]:
    """One record of each child: listings may repeat some, older ones too."""
    found: dict[str, ChildFacts] = {}
    for record in records:
        known = found.get(record.name)
        if known is None or (known.state not in ENDED and record.state in ENDED):
            found[record.name] = record
    return found
