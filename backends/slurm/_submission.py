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

SCRIPT = "job.sh"
_OPTIONS = "sbatch.json"

_JOB = """#!/bin/bash
# A task of a job array runs the shard of its own number; after a kill it goes on where it was.
set -e
{setup}
exec {python} -m backends.slurm._task . {notice}
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
    text = _JOB.format(setup=settings.setup.strip(), python=python, notice=notice)
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
    """Whether a job of a sweep was ever started, for then there is its log."""
    return any((directory / LOGS).glob("*"))


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
    places = {name: getattr(settings, name) for name in ("partition", "account", "qos")}
    return [
        *(f"--{name}={value}" for name, value in places.items() if value),
        f"--job-name={directory.name}",
        f"--array=0-{count - 1}{at_once}",
        f"--time={minutes}",
        f"--mem={megabytes}M",
        f"--cpus-per-task={settings.cpus}",
        "--ntasks=1",
        "--requeue",
        f"--signal=B:USR1@{notice_seconds(settings, minutes)}",
        f"--chdir={directory}",
        f"--output={LOGS}/shard-%5a.txt",
        "--open-mode=append",
        *settings.options,
    ]
