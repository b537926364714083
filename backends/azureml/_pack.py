"""How many shards a study makes on Azure, and how many of them a sweep takes. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gridrun.plan.units import Unit
from gridrun.shard import packing
from gridrun.shard.packing import Shards

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
    """

    cores: int
    nodes: int
    shard_seconds: float | None = None


def cores_of(vm_size: str) -> int | None:
    """Processors of a machine by the name of its size, or None where the name does not say."""
    if old := _OLD_SERIES.fullmatch(vm_size):
        return _OLD_CORES.get(int(old.group(1)))
    found = _CORES_IN_NAME.match(vm_size)
    return int(found.group(1)) if found else None


def shard_count(units: Sequence[Unit], sizing: Sizing) -> int:
    """How many shards the units of one round make."""
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
    """Sweeps of shards of units within Azure's limits; see ``gridrun.shard.packing``."""
    count = shard_count(units, sizing)
    return packing.pack(units, count, bytes_of, most_shards=MOST_SHARDS, most_bytes=most_bytes)
