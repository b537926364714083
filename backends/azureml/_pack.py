"""Packing units into shards and shards into sweeps. Pure."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gridrun.plan.units import Unit

MOST_SHARDS = 1000
"""Children that one HyperDrive run may have."""

MOST_BYTES = 250 << 20
"""Artifacts that travel with one sweep; a snapshot may have 300 MB."""

_SHORTEST_SECONDS = 300.0
"""Below it the start of a container, minutes long, would outweigh the work."""

_LONGEST_SECONDS = 3600.0
"""A longer shard costs more when its node is taken away."""

_PARTS_PER_NODE = 4
"""Shards for each node, so that nodes end together."""

_CORES_IN_NAME = re.compile(r"Standard_[A-Z]+(\d+)")
_OLD_SERIES = re.compile(r"Standard_DS?(\d+)(?:_v2)?(?:_Promo)?", re.IGNORECASE)
_OLD_CORES = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 11: 2, 12: 4, 13: 8, 14: 16, 15: 20}

DEFAULT_CORES = 4


@dataclass(frozen=True)
class Sizing:
    """What decides how long shards are.

    Args:
        cores: Processors of a node, each of which runs a unit.
        nodes: Most nodes at once.
        shard_seconds: Length of a shard on one node as asked for, or None to choose.
        by_unit: A shard for each unit, whatever its length.
    """

    cores: int
    nodes: int
    shard_seconds: float | None = None
    by_unit: bool = False


Shards = tuple[tuple[Unit, ...], ...]


def cores_of(vm_size: str) -> int | None:
    """Processors of a machine by the name of its size, or None where that does not tell."""
    if old := _OLD_SERIES.fullmatch(vm_size):
        return _OLD_CORES.get(int(old.group(1)))
    found = _CORES_IN_NAME.match(vm_size)
    return int(found.group(1)) if found else None


def shard_count(units: Sequence[Unit], sizing: Sizing) -> int:
    """How many shards the units of one round make."""
    if sizing.by_unit:
        return len(units)
    total = sum(unit.seconds for unit in units)
    length = sizing.shard_seconds
    if length is None:
        fair = total / (sizing.cores * sizing.nodes * _PARTS_PER_NODE)
        length = min(max(fair, _SHORTEST_SECONDS), _LONGEST_SECONDS)
    return min(max(math.ceil(total / (sizing.cores * length)), 1), len(units))


def pack(
    units: Sequence[Unit],
    sizing: Sizing,
    bytes_of: Callable[[str], int],
    most_bytes: int = MOST_BYTES,
) -> list[Shards]:
    """Sweeps of shards of units, balanced by estimated seconds.

    Units stay in the order of the plan as far as sweeps go, so that a sweep needs
    few blocks' artifacts; within a sweep the longest unit goes to the shard that
    has least (longest processing time first, Graham 1969).

    Args:
        units: In the order of the plan.
        sizing: How long shards are to be.
        bytes_of: Size of an artifact by digest.
        most_bytes: Artifacts of one sweep.
    """
    if not units:
        return []
    count = shard_count(units, sizing)
    groups = _groups(units, math.ceil(count / MOST_SHARDS), bytes_of, most_bytes)
    total = sum(unit.seconds for unit in units) or 1.0
    sweeps = []
    for group in groups:
        share = math.ceil(count * sum(unit.seconds for unit in group) / total)
        own = len(group) if sizing.by_unit else min(max(share, 1), len(group))
        sweeps.append(_balanced(group, min(own, MOST_SHARDS)))
    return sweeps


def _groups(
    units: Sequence[Unit], count: int, bytes_of: Callable[[str], int], most_bytes: int
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
