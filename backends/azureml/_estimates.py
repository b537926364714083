"""What follows from the settings: sizes and prices. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backends.azureml import _combinations
from backends.azureml._pack import DEFAULT_CORES, Sizing, cores_of, pack
from backends.azureml.settings import AzureSettings
from gridrun.plan.units import Unit
from gridrun.run.backend import Quote
from gridrun.shard.packing import Shards

CHILD_START_SECONDS = 180.0
"""Assumed between the start of a child and its first task, and paid: container and R."""

_FIRST_POLL_SECONDS = 5.0
_LONGEST_POLL_SECONDS = 30.0


def cores(settings: AzureSettings) -> int:
    """Processors of a node."""
    return settings.cores or cores_of(settings.vm_size) or DEFAULT_CORES


def sizing(settings: AzureSettings) -> Sizing:
    """What decides how long shards are."""
    minutes = settings.shard_minutes
    return Sizing(cores(settings), settings.max_nodes, minutes * 60 if minutes else None)


def poll_seconds(settings: AzureSettings, looks: int) -> float:
    """Before the next look at sweeps, after so many."""
    if settings.poll_seconds is not None:
        return settings.poll_seconds
    return min(_FIRST_POLL_SECONDS * looks, _LONGEST_POLL_SECONDS)


def quote(settings: AzureSettings, units: Sequence[Unit], *, by_combination: bool = False) -> Quote:
    """Estimated size and cost of sending units."""
    sweeps: list[Shards] = pack(units, sizing(settings), lambda _: 0)
    if by_combination and units:
        sweeps = [_combinations.by_combination(units)[1]]
    shards = [shard for sweep in sweeps for shard in sweep]
    processors = cores(settings)
    lengths = [
        CHILD_START_SECONDS
        + max(sum(u.seconds for u in shard) / processors, *(u.seconds for u in shard), 0.0)
        for shard in shards
    ]
    nodes = min(settings.max_nodes, len(shards)) or 1
    hours = sum(lengths) / 3600
    priority = "low priority" if settings.low_priority else "dedicated"
    return Quote(
        tasks=sum(len(unit.tasks) for unit in units),
        units=len(units),
        shards=len(shards),
        sweeps=len(sweeps),
        machine=f"{settings.vm_size or settings.compute}, {priority}",
        cores=processors,
        most_nodes=settings.max_nodes,
        node_hours=hours,
        wall_hours=max(hours / nodes, max(lengths, default=0.0) / 3600),
        hourly_rate=settings.hourly_rate,
    )
