"""Slurm's own commands: what each answers, or why it has none."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence

from gridrun.errors import EnvironmentFault

LONGEST_ANSWER_SECONDS = 120.0
"""After which a command is given up."""


class NoAnswer(EnvironmentFault):
    """Slurm did not answer."""


def answer(*words: str) -> str:
    """What one of the commands prints.

    Raises:
        NoAnswer: It ended with an error, or not in time.
        EnvironmentFault: There is no such command.
    """
    try:
        done = subprocess.run(  # noqa: S603 - words, no shell
            words,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_ANSWER_SECONDS,
            check=False,
        )
    except OSError as error:
        raise not_there(words[0], error) from error
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(f"{words[0]} had no answer in {error.timeout:.0f} s") from error
    if done.returncode:
        sentence = sentence_of(done.stderr.splitlines()) or f"{words[0]} ended: {done.returncode}"
        raise NoAnswer(f"Slurm does not answer: {sentence}")
    return done.stdout


def sentence_of(lines: Sequence[str]) -> str:
    """What Slurm said, without the names of its programs."""
    return "; ".join(re.sub(r"^\w+: (error: )?", "", line) for line in lines if line.strip())


def not_there(program: str, error: OSError) -> EnvironmentFault:
    """That a command cannot be run, and where it can be."""
    return EnvironmentFault(
        f"{program}, a command of Slurm, cannot be run here: {error.strerror}",
        todo="run gridrun slurm where jobs are submitted, on a login node of the cluster; "
        "elsewhere gridrun shards writes shards that jobs can run",
    )


def _environment() -> dict[str, str]:
    """Variables for Slurm's commands: none that would have them show something else."""
    own = ("SQUEUE_", "SINFO_", "SCANCEL_", "SACCT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {**kept, "SLURM_TIME_FORMAT": "%s"}


def hours_of(limit: str) -> float | None:
    """Hours of a time limit as Slurm writes it: ``2-00:00:00``, ``30:00``, ``infinite``."""
    days, _, rest = limit.rpartition("-")
    parts = rest.split(":")
    if not all(part.isdigit() for part in (*parts, days or "0")):
        return None
    hours, minutes, seconds = [0, 0, 0, *map(int, parts)][-3:]
    return int(days or 0) * 24 + hours + minutes / 60 + seconds / 3600
