"""What is tried again, how often and how soon: one table for all who run tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gridrun.plan.units import Kind

LOST = "lost"
"""In the table: the worker is gone, with all that it had of a unit."""

DISK = "disk"
"""In the table: the disk, or the file system of a network, does not answer."""


@dataclass(frozen=True)
class Retry:
    """How often something is tried again, and how soon.

    Args:
        more: Tries after the first one.
        first_pause: Seconds before the first of these tries; before each further one twice as
            many.
        longest_pause: Most seconds before one.
    """

    more: int = 0
    first_pause: float = 0.0
    longest_pause: float = 0.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return min(self.first_pause * 2.0 ** (failures - 1), self.longest_pause)


RETRIES: Mapping[str, Retry] = {
    Kind.ERROR: Retry(),
    Kind.UPSTREAM_DEFECT: Retry(),
    Kind.CRASH: Retry(1),
    Kind.TIMEOUT: Retry(1),
    Kind.MEMORY: Retry(1),
    # what took the worker may pass: a node that starts anew, memory that others need just now
    LOST: Retry(4, first_pause=2.0, longest_pause=60.0),
    # a minute and three seconds in all
    DISK: Retry(6, first_pause=1.0, longest_pause=60.0),
}
"""By kind of failure. An ``error`` is a finding of R's or Python's: it would come again. Who tries
a task again does so at the end of its unit, in a process of its own."""
