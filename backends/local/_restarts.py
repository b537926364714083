"""How often, and how soon, a Ray that has ended is started or joined again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from backends.local._ray_process import RayEnded
from gridrun.errors import EnvironmentFault, counted

MOST_RESTARTS = 5
"""Starts of a Ray of our own after it has ended, within an hour."""

_WITHIN_SECONDS = 3600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 30.0

JOIN_AGAIN_SECONDS = 300.0
"""So long a cluster that was lost is tried again."""


class Restarts:
    """Ends of Ray in one run, and what is done about the next one.

    Args:
        address: Of a running cluster, or None for a Ray of our own.
        clock: Seconds, for example of the monotonic clock.
    """

    def __init__(self, address: str | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = address
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
                f"{JOIN_AGAIN_SECONDS:.0f} s"
            )
        while self._ends and now - self._ends[0] > _WITHIN_SECONDS:
            self._ends.popleft()
        self._ends.append(now)
        if len(self._ends) > MOST_RESTARTS:
            raise EnvironmentFault(
                f"Ray ended {counted(len(self._ends), 'time')} within an hour, the last time: "
                f"{fault.text()}",
                todo="check the machine (memory, disk, `gridrun doctor`), then run again: what was "
                "committed is kept",
            ) from fault
        return f"{fault.text()}; it is started again ({len(self._ends)} of {MOST_RESTARTS})"

    @property
    def pause(self) -> float:
        """Seconds to wait before the next start; none before the first."""
        nth = self._tries if self._address is not None else len(self._ends) - 1
        return min(_FIRST_PAUSE * 2 ** (nth - 1), _LONGEST_PAUSE) if nth > 0 else 0.0

    def failed(self, fault: EnvironmentFault) -> None:
        """Note that it did not come up again.

        Raises:
            EnvironmentFault: It was tried often enough.
        """
        self._tries += 1
        if self._address is None:
            raise fault
        tried = self._clock() - self._lost_at
        if tried + self.pause < JOIN_AGAIN_SECONDS:
            return
        raise EnvironmentFault(
            f"the Ray cluster was lost, and could not be joined again for {tried:.0f} s: "
            f"{fault.what}",
            where=f"--address {self._address}",
            todo="once the cluster is up again, run the same command: what was committed is kept",
        ) from fault
