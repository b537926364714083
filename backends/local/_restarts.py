"""How often, and how soon, a Ray that has ended is started or joined again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from backends.local._ray_process import RayEnded
from gridrun.errors import EnvironmentFault, counted
from gridrun.plan.retries import CLUSTER, RETRIES
from gridrun.plan.units import Loss


class Restarts:
    """Ends of Ray in one run, and what is done about the next one.

    Args:
        address: Of a running cluster, or None for a Ray of our own.
        clock: Seconds, for example of the monotonic clock.
    """

    def __init__(self, address: str | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._retry = RETRIES[Loss.HOST if address is None else CLUSTER]
        self._clock = clock
        self._ends: deque[float] = deque()
        self._lost: RayEnded | None = None
        self._lost_at = 0.0
        self._tries = 0

    def ended(self, fault: RayEnded) -> str:
        """Note an end; gives what is worth saying.

        Raises:
            EnvironmentFault: A Ray of our own has ended too often.
        """
        now = self._clock()
        self._lost, self._lost_at, self._tries = fault, now, 0
        if self._address is not None:
            return (
                f"{fault.text()}; the cluster at {self._address} is tried again for "
                f"{self._retry.at_most:.0f} s"
            )
        while self._ends and now - self._ends[0] > self._retry.within:
            self._ends.popleft()
        self._ends.append(now)
        if len(self._ends) == self._retry.tries:
            raise EnvironmentFault(
                f"Ray ended {counted(len(self._ends), 'time')} within an hour, the last time: "
                f"{fault.text()}",
                todo="check the machine (memory, disk, `gridrun doctor`), then run again: what was "
                "committed is kept",
            ) from fault
        return f"{fault.text()}; it is started again ({len(self._ends)} of {self._retry.more})"

    @property
    def pause(self) -> float:
        """Seconds to wait before the next start; none before the first."""
        nth = self._tries if self._address is not None else len(self._ends) - 1
        return self._retry.pause(nth)

    def failed(self, fault: EnvironmentFault) -> None:
        """Note that it did not come up again.

        Raises:
            EnvironmentFault: It was tried often enough.
        """
        self._tries += 1
        if self._address is None:
            raise fault
        tried = self._clock() - self._lost_at
        if tried + self.pause < self._retry.at_most:
            return
        raise EnvironmentFault(
            f"the Ray cluster was lost, and could not be joined again for {tried:.0f} s: "
            f"{fault.what}",
            where=f"--address {self._address}",
            todo="once the cluster is up again, run the same command: what was committed is kept",
        ) from fault
