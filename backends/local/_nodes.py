"""What Ray has to start workers on: said where none comes up, used where there is more.

The ray module is handed in: only ``backends.local._driver`` imports it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from gridrun.errors import counted
from gridrun.plan.units import Event, Notice

_PATIENCE_SECONDS = 30.0
"""So long no worker may be up before it is asked what Ray has to start one on."""

_ASK_SECONDS = 10.0
"""Between two questions whether a cluster has grown."""


class SlotsGone(Exception):
    """No worker will ever come up on this Ray any more."""


class Nodes:
    """The nodes of a Ray, asked now and then.

    Args:
        ray: The module.
        is_own: Whether it is a Ray of our own, of one node.
    """

    def __init__(self, ray: Any, *, is_own: bool) -> None:
        self._ray = ray
        self._is_own = is_own
        self._last_up = self._asked = time.monotonic()
        self._has_said_so = False

    def look(self, *, is_any_up: bool) -> Iterator[Event]:
        """Say what is waited for where no worker comes up.

        Raises:
            SlotsGone: A Ray of our own has lost its only node: none will ever come up.
        """
        now = time.monotonic()
        if is_any_up:
            self._last_up, self._has_said_so = now, False
        if now - self._last_up < _PATIENCE_SECONDS or self._has_said_so:
            return
        self._has_said_so = True
        alive = [node for node in self._ray.nodes() if node["Alive"]]
        if self._is_own and not alive:
            raise SlotsGone(
                "Ray has lost this machine, which was stopped or asleep for long, and starts no "
                "worker on it any more"
            )
        free = self._ray.available_resources().get("CPU", 0)
        yield Notice(
            f"no worker has been up for {now - self._last_up:.0f} s; waiting for Ray to start one: "
            f"{counted(len(alive), 'node')} of the cluster live, with {free:g} processors free. "
            "Ctrl-C ends the run; the same command goes on later"
        )

    def processors(self, *, now: bool = False) -> int | None:
        """Processors of all nodes that live; None between two questions, unless asked for now."""
        time_now = time.monotonic()
        if not now and time_now - self._asked < _ASK_SECONDS:
            return None
        self._asked = time_now
        return int(self._ray.cluster_resources().get("CPU", 0))
