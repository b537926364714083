"""Packing units into shards, and shards into sweeps. Pure."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence

from gridrun.plan.units import Unit

Shards = tuple[tuple[Unit, ...], ...]
"""The units of each shard of a sweep."""


def pack(
    units: Sequence[Unit],
    count: int,
    bytes_of: Callable[[str], int] = lambda _: 0,
    *,
    most_shards: int | None = None,
    most_bytes: float = math.inf,
) -> list[Shards]:
    """Sweeps of shards of units, balanced by estimated seconds.

    Units stay in the order of the plan as far as sweeps go, so that a sweep needs
    few blocks' artifacts; within a sweep the longest unit goes to the shard that
    has least (longest processing time first, Graham 1969).

    Args:
        units: In the order of the plan.
        count: Shards that are wanted, over all sweeps.
        bytes_of: Size of an artifact by digest.
        most_shards: Most shards of a sweep; None for no bound.
        most_bytes: Most bytes of artifacts of a sweep.
    """
    if not units:
        return []
    most = most_shards or count
    total = sum(unit.seconds for unit in units) or 1.0
    sweeps = []
    for group in _groups(units, math.ceil(count / most), bytes_of, most_bytes):
        share = math.ceil(count * sum(unit.seconds for unit in group) / total)
        sweeps.append(_balanced(group, min(max(share, 1), len(group), most)))
    return sweeps


def _groups(
    units: Sequence[Unit], count: int, bytes_of: Callable[[str], int], most_bytes: float
) -> list[list[Unit]]:
    """Consecutive units, about equal in seconds and number, within the limit of bytes."""
    most_units = math.ceil(len(units) / count)
    groups: list[list[Unit]] = [[]]
    artifacts: set[str] = set()
    size = 0
    for unit in units:
        more = bytes_of(unit.artifact) if unit.artifact not in artifacts else 0
        full = len(groups[-1]) >= most_units or size + more > most_bytes
        if full and groups[-1]:
            groups.append([])
            artifacts, size = set(), 0
            more = bytes_of(unit.artifact)
        groups[-1].append(unit)
        artifacts.add(unit.artifact)
        size += more
    return groups


def _balanced(units: Sequence[Unit], count: int) -> Shards:
    shards: list[list[Unit]] = [[] for _ in range(count)]
    load = [(0.0, 0, number) for number in range(count)]
    # equal units keep the order of the plan
    for unit in sorted(units, key=lambda unit: -unit.seconds):
        seconds, held, number = heapq.heappop(load)
        shards[number].append(unit)
        heapq.heappush(load, (seconds + unit.seconds, held + 1, number))
    return tuple(tuple(shard) for shard in shards if shard)
