"""What a sweep asks Slurm for: the job script, and the options of sbatch."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from backends.slurm._estimates import memory_mb, notice_seconds, time_limit
from backends.slurm.settings import SlurmSettings
from gridrun.plan.limits import Limits
from gridrun.shard.packing import Shards

LOGS = "logs"
"""Directory of a sweep that has what its jobs printed."""

NODES = "nodes"
"""Directory of a sweep that has, for each shard, the nodes on whose own disk it was."""

JOB_LOG = "job.txt"
"""What a job without a shared disk prints, beside its shard on its node."""

SCRIPT = "job.sh"
_OPTIONS = "sbatch.json"
_NODE_PATH = "node_path"

_MOST_WAIT_SECONDS = 300
"""So long a job waits at most for somebody to bring its shard to its node."""

_JOB = """#!/bin/bash
# A task of a job array runs the shard of its own number; after a kill it goes on where it was.
set -e
{setup}
exec {python} -m backends.slurm._task . {notice}
"""

_JOB_ON_A_DISK_OF_ITS_OWN = """#!/bin/bash
# A task of a job array runs the shard of its own number, which is brought to a disk of this node.
umask 077
place={place}_$SLURM_ARRAY_TASK_ID
mkdir -p "$place" && [ -O "$place" ] && [ ! -L "$place" ] || exit 1
exec >> "$place/{log}" 2>&1
set -e
{setup}
exec {python} -m backends.slurm._task "$place/{sweep}" {notice} {wait}
"""


def write_job(
    settings: SlurmSettings,
    directory: Path,
    shards: Shards,
    limits: Limits,
    most_hours: float | None,
) -> int:
    """Write the job script of a sweep and what sbatch is to be given; gives the job's minutes.

    Args:
        settings: Of the study.
        directory: The sweep's.
        shards: Of the sweep; one without units for an order to read inputs.
        limits: Of tasks.
        most_hours: Longest time limit of the partition, or None.
    """
    minutes = time_limit(settings, shards, limits, most_hours)
    notice = notice_seconds(settings, minutes)
    python = settings.python or f"{shlex.quote(sys.executable)} -P"
    setup = settings.setup.strip()
    text = _JOB.format(setup=setup, python=python, notice=notice)
    if not settings.shared_disk:
        text = _JOB_ON_A_DISK_OF_ITS_OWN.format(
            place=shlex.quote(f"{settings.node_path}/{directory.name}"),
            sweep=directory.name,
            log=JOB_LOG,
            setup=setup,
            python=python,
            notice=notice,
            wait=min(_MOST_WAIT_SECONDS, 30 * minutes),
        )
        (directory / _NODE_PATH).write_text(settings.node_path, "utf-8")
    (directory / SCRIPT).write_text(text, "utf-8")
    (directory / LOGS).mkdir(exist_ok=True)
    count = max(len(shards), 1)
    options = _options(settings, directory, count, minutes, memory_mb(settings, limits))
    (directory / _OPTIONS).write_text(json.dumps(options, indent=1), "utf-8")
    return minutes


def options_of(directory: Path) -> list[str]:
    """What sbatch is to be given for a sweep, as it was written."""
    options: list[str] = json.loads((directory / _OPTIONS).read_text("utf-8"))
    return options


def has_begun(directory: Path) -> bool:
    """Whether a job of a sweep was ever started, for then there is its log, or its node."""
    return any((directory / LOGS).glob("*")) or (directory / NODES).exists()


def node_path_of(directory: Path) -> str:
    """Where nodes keep the shards of a sweep on their own disks; empty where the disk is shared."""
    path = directory / _NODE_PATH
    return path.read_text("utf-8") if path.exists() else ""


def places(settings: SlurmSettings) -> list[str]:
    """Options that say where jobs go."""
    found = {name: getattr(settings, name) for name in ("partition", "account", "qos")}
    return [f"--{name}={value}" for name, value in found.items() if value]


def sent_at(directory: Path) -> float | None:
    """When a sweep was sent or about to be, seconds since the epoch; None where it never was."""
    script = directory / SCRIPT
    return script.stat().st_mtime if script.exists() else None


def log_of(directory: Path, shard: str) -> Path:
    """What the job of a shard printed."""
    return directory / LOGS / f"{shard}.txt"


def _options(
    settings: SlurmSettings, directory: Path, count: int, minutes: int, megabytes: int
) -> list[str]:
    at_once = f"%{settings.max_running}" if settings.max_running else ""
    log = f"--output={LOGS}/shard-%5a.txt" if settings.shared_disk else "--output=/dev/null"
    return [
        *places(settings),
        f"--job-name={directory.name}",
        f"--array=0-{count - 1}{at_once}",
        f"--time={minutes}",
        f"--mem={megabytes}M",
        f"--cpus-per-task={settings.cpus}",
        "--ntasks=1",
        "--requeue",
        f"--signal=B:USR1@{notice_seconds(settings, minutes)}",
        f"--chdir={directory if settings.shared_disk else '/'}",
        log,
        "--open-mode=append",
        *settings.options,
    ]
