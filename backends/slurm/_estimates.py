"""What follows from units and settings: shards, time and memory of jobs, and the price. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from backends.slurm.settings import SlurmSettings
from gridrun.plan.limits import Limits
from gridrun.plan.units import Unit
from gridrun.run.backend import Quote
from gridrun.shard.packing import Shards, pack

START_SECONDS = 30.0
"""Assumed between the start of a job and its first task: Python, R and its packages."""

USUAL_AT_ONCE = 20
"""So many jobs are assumed to run at once where the study does not say."""

_USUAL_ARRAY = 1001
_MOST_HOURS = 24.0
_ROOM = 3.0
"""A job may take so many times what its shard is estimated to take."""

_OWN_BYTES = 0.5e9
"""Memory of gridrun itself in a job, beside that of tasks."""

_MOST_NOTICE = 0.25
"""Notice of a job's end is at most so much of its time."""


def shards_of(
    settings: SlurmSettings, units: Sequence[Unit], most_tasks: int = _USUAL_ARRAY
) -> list[Shards]:
    """Sweeps of shards: one task of an array for each, no more than Slurm and the study allow."""
    if not units:
        return []
    total = sum(unit.seconds for unit in units)
    count = max(math.ceil(total / (settings.shard_minutes * 60 * settings.cpus)), 1)
    bounds = (most_tasks, settings.max_array, settings.max_queued)
    most = min(bound for bound in bounds if bound is not None)
    return pack(units, min(count, len(units)), most_shards=most)


def workers(settings: SlurmSettings) -> int:
    """About how many workers run at once, so that units are cut fine enough."""
    return settings.cpus * (settings.max_running or USUAL_AT_ONCE)


def job_seconds(settings: SlurmSettings, shard: Sequence[Unit]) -> float:
    """Estimated seconds of a job."""
    longest = max((unit.seconds for unit in shard), default=0.0)
    return START_SECONDS + max(sum(unit.seconds for unit in shard) / settings.cpus, longest)


def time_limit(
    settings: SlurmSettings, shards: Shards, limits: Limits, most_hours: float | None = None
) -> int:
    """Minutes that each job of a sweep may take, for all jobs of an array have one limit.

    Reading inputs, which is a sweep without shards, may take as long as any.

    Args:
        settings: With the bounds.
        shards: Of the sweep.
        limits: Of tasks: one that may take so long has to have room for that.
        most_hours: Longest time limit of the partition, or None.
    """
    longest = max((job_seconds(settings, shard) for shard in shards), default=0.0)
    notice = settings.notice_minutes * 60
    wanted = max(_ROOM * longest, limits.longest or 0.0) + notice
    hours = settings.hours.keep(wanted / 3600 if shards else math.inf)
    if math.isinf(hours):
        hours = _MOST_HOURS
    if most_hours is not None and settings.hours.least != settings.hours.most:
        hours = min(hours, most_hours)
    return max(math.ceil(hours * 60 - 1e-6), 1)


def notice_seconds(settings: SlurmSettings, minutes: int) -> int:
    """Seconds of notice that a job has before its limit of so many minutes."""
    return max(round(min(settings.notice_minutes * 60, _MOST_NOTICE * minutes * 60)), 1)


def memory_mb(settings: SlurmSettings, limits: Limits) -> int:
    """Megabytes (of 2^20 bytes, as Slurm has them) of a job.

    Where tasks have a limit each processor gets twice as much, for that is what a task may use
    that is tried again; else the least of the settings, for each processor.
    """
    least = settings.memory.least
    if settings.memory.least == settings.memory.most:
        return math.ceil(least / 2**20)
    memory = [limits.task.memory, *(limit.memory for limit in limits.values.values())]
    of_task = max((size for size in memory if size is not None), default=0)
    wanted = max(settings.cpus * max(2 * of_task, least), limits.read_bytes) + _OWN_BYTES
    return math.ceil(settings.memory.keep(wanted) / 2**20)


def quote(settings: SlurmSettings, units: Sequence[Unit]) -> Quote:
    """Estimated size and cost of sending units."""
    sweeps = shards_of(settings, units)
    lengths = [job_seconds(settings, shard) for shards in sweeps for shard in shards]
    hours = sum(lengths) / 3600
    at_once = settings.max_running or USUAL_AT_ONCE
    return Quote(
        tasks=sum(len(unit.tasks) for unit in units),
        units=len(units),
        shards=len(lengths),
        sweeps=len(sweeps),
        machine=f"partition {settings.partition}" if settings.partition else "the partition",
        cores=settings.cpus,
        most_nodes=at_once,
        node_hours=hours,
        wall_hours=max(hours / at_once, max(lengths, default=0.0) / 3600),
        hourly_rate=settings.hourly_rate,
    )
