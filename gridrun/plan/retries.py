"""What is tried again, how often, how soon, and what ends when that was of no use: one table.

All who run tasks read it: workers, the engine, every backend. Who tries something again counts its
failures; nobody has a limit of their own for what stands here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gridrun.plan.units import Kind, Loss

STAGE = "stage"
"""In the table: one stage, with one table as its input, has ended the process of a task."""

START = "start"
"""In the table: the process that runs tasks has ended before it was ready."""

HOST_START = "host start"
"""In the table: what a backend starts to run workers, Ray for example, has not come up."""

CLUSTER = "cluster"
"""In the table: a cluster that others have started was lost."""

SERVICE = "service"
"""In the table: a service of a network has not answered a call, or says that it cannot now."""

DISK = "disk"
"""In the table: the disk, or the file system of a network, does not answer."""


class Ends(StrEnum):
    """What a failure ends that is not tried again."""

    TASK = "task"
    """The task has failed, others go on."""
    RUN = "run"
    """The run writes its tables and ends with exit code 3; its tasks wait."""


@dataclass(frozen=True)
class Retry:
    """How often something is tried again, and how soon.

    Args:
        more: Tries after the first one.
        first_pause: Seconds before the first of these tries; before each further one twice as
            many.
        longest_pause: Most seconds before one.
        ends: What ends when the last of them fails.
        within: Seconds after which a failure does not count any more.
        at_most: Seconds for which it is tried, however often that is.
    """

    more: int | float = 0
    first_pause: float = 0.0
    longest_pause: float = 0.0
    ends: Ends = Ends.TASK
    within: float = math.inf
    at_most: float = math.inf

    def __post_init__(self) -> None:
        if math.isinf(self.more) and math.isinf(self.at_most):
            msg = "something would be tried for ever"
            raise ValueError(msg)

    @property
    def tries(self) -> int:
        """All of them, the first one too, where their number is bounded."""
        return int(self.more) + 1

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row; none where there was none."""
        pause = self.first_pause * 2.0 ** (failures - 1) if failures > 0 else 0.0
        return min(pause, self.longest_pause)


RETRIES: Mapping[str, Retry] = {
    Kind.ERROR: Retry(),
    Kind.UPSTREAM_DEFECT: Retry(),
    Kind.CRASH: Retry(1),
    Kind.TIMEOUT: Retry(1),
    Kind.MEMORY: Retry(1),
    STAGE: Retry(1),
    START: Retry(2, ends=Ends.RUN),
    # what took the worker may pass: a node that starts anew, memory that others need just now
    Loss.WORKER: Retry(4, first_pause=2.0, longest_pause=60.0, ends=Ends.RUN),
    # sweeps in a row whose nodes went, without a single outcome
    Loss.SWEEP: Retry(2, ends=Ends.RUN),
    # on a loaded machine its parts may not find each other in time
    HOST_START: Retry(2, ends=Ends.RUN),
    Loss.HOST: Retry(5, first_pause=2.0, longest_pause=30.0, ends=Ends.RUN, within=3600.0),
    CLUSTER: Retry(math.inf, 2.0, longest_pause=30.0, ends=Ends.RUN, at_most=300.0),
    # half a minute in all
    SERVICE: Retry(5, first_pause=1.0, longest_pause=60.0, ends=Ends.RUN),
    # a minute and three seconds in all
    DISK: Retry(6, first_pause=1.0, longest_pause=60.0, ends=Ends.RUN),
}
"""By kind of failure, all counted in a row: what works between them has the count begin anew. An
``error`` is a finding of R's or Python's: it would come again. Who tries a task again does so at
the end of its unit, in a process of its own."""
