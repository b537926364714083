"""What Slurm allows: by its configuration, and by the limits that a site sets its users."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from backends.slurm._accounting import Allowance, allowance
from backends.slurm._commands import answer, hours_of
from backends.slurm.settings import SlurmSettings
from gridrun.errors import EnvironmentFault

_DEFAULT_MOST_TASKS = 1001
"""Slurm's own, where its configuration does not say."""

_NO_QOS = "N/A"


@dataclass(frozen=True)
class Cluster:
    """What Slurm allows.

    Args:
        version: Slurm's.
        most_tasks: Most tasks of a job array.
        most_queued: Most tasks that this user may have in the queue, alone or with others; None
            where no limit is known.
        most_hours: Longest time limit of jobs; None where there is none.
        partitions: Names of all partitions.
        unknown: Why the limits of this user are not known, or empty.
    """

    version: str
    most_tasks: int
    most_queued: int | None
    most_hours: float | None
    partitions: tuple[str, ...]
    unknown: str = ""


def ask_cluster(settings: SlurmSettings) -> Cluster:
    """What Slurm allows, by ``scontrol``, and by ``sacctmgr`` where there are limits of users.

    Args:
        settings: Name partition, account and QOS; empty for the default ones.

    Raises:
        EnvironmentFault: It is not there, or does not answer.
    """
    found = _pairs(answer("scontrol", "show", "config").splitlines())
    # indices are below MaxArraySize, and begin with 0
    counts = [int(found.get("MaxArraySize", _DEFAULT_MOST_TASKS))]
    scheduler = found.get("SchedulerParameters", "")
    counts += [int(number) for number in re.findall(r"\bmax_array_tasks=(\d+)", scheduler)]
    lines = answer("scontrol", "--oneliner", "show", "partition").splitlines()
    partitions = {one["PartitionName"]: one for one in (_pairs(line.split()) for line in lines)}
    usual = next((name for name, one in partitions.items() if one.get("Default") == "YES"), "")
    name = settings.partition or usual
    partition = partitions.get(name, {})
    allowed, unknown = Allowance(), ""
    if "limits" in found.get("AccountingStorageEnforce", "").split(","):
        of_partition = partition.get("QoS", _NO_QOS).replace(_NO_QOS, "")
        try:
            all_qos = (of_partition, settings.qos)
            allowed = allowance(found.get("ClusterName", ""), settings.account, name, all_qos)
        except EnvironmentFault as error:
            unknown = error.what
    queued = [most for most in (allowed.queued, allowed.together) if most is not None]
    hours = (hours_of(partition.get("MaxTime", "")), allowed.hours)
    return Cluster(
        version=found.get("SLURM_VERSION", "of unknown version"),
        most_tasks=max(min(counts + queued), 1),
        most_queued=min(queued, default=None),
        most_hours=min((most for most in hours if most is not None), default=None),
        partitions=tuple(partitions),
        unknown=unknown,
    )


def _pairs(words: Iterable[str]) -> dict[str, str]:
    """Names and values of ``NAME = VALUE``."""
    parts = (word.partition("=") for word in words)
    return {name.strip(): value.strip() for name, is_pair, value in parts if is_pair}
