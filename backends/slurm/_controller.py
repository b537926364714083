"""Slurm's own commands, and what their answers mean."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrun.errors import EnvironmentFault, UserError

OVER = frozenset(
    (
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    )
)
"""States after which nothing more comes of a job."""

_LONGEST_ANSWER_SECONDS = 120.0
_FIELDS = "%K|%T|%r|%N|%e"
_RETRYING = "sleeping and retrying"
_NO_ANSWER = re.compile(
    r"unable to contact|unable to establish|timed out|connection|zero bytes|communication"
    r"|standby mode|shut ?down|not responding|try again",
    re.IGNORECASE,
)
"""Sentences after which it is not known whether a request was carried out."""

_DEFAULT_MOST_TASKS = 1001
"""Slurm's own, where its configuration does not say."""


class QueueFull(EnvironmentFault):
    """Slurm takes no further job just now."""


class NoAnswer(EnvironmentFault):
    """Slurm did not answer."""


@dataclass(frozen=True)
class JobState:
    """A task of an array as Slurm knows it.

    Args:
        state: Slurm's word, in capitals.
        reason: Why it waits, or ``None``.
        node: Where it runs, or empty.
        ended: When it ended or would end at the latest, seconds since the epoch; None where
            that is not known.
    """

    state: str
    reason: str = ""
    node: str = ""
    ended: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in OVER

    @property
    def words(self) -> str:
        """It in words, for people."""
        more = self.node if self.state == "RUNNING" else self.reason.strip("()")
        return self.state.lower() + (f" ({more})" if more not in ("", "None") else "")


@dataclass(frozen=True)
class Cluster:
    """What Slurm allows.

    Args:
        version: Slurm's.
        most_tasks: Most tasks of a job array.
        most_hours: Longest time limit of jobs in the partition; None where it has none.
        partitions: Names of all partitions.
    """

    version: str
    most_tasks: int
    most_hours: float | None
    partitions: tuple[str, ...]


def ask_cluster(partition: str) -> Cluster:
    """What Slurm allows, by ``scontrol show config`` and ``sinfo``.

    Args:
        partition: In which jobs are to run; empty for the default one.

    Raises:
        EnvironmentFault: It is not there, or does not answer.
    """
    lines = _answer("scontrol", "show", "config").splitlines()
    pairs = (line.partition("=") for line in lines)
    found = {name.strip(): value.strip() for name, _, value in pairs}
    # indices are below MaxArraySize, and begin with 0
    limits = [int(found.get("MaxArraySize", _DEFAULT_MOST_TASKS))]
    scheduler = found.get("SchedulerParameters", "")
    limits += [int(number) for number in re.findall(r"\bmax_array_tasks=(\d+)", scheduler)]
    most_hours, names = None, []
    for line in _answer("sinfo", "--noheader", "--format=%P|%l").splitlines():
        name, _, limit = line.strip().partition("|")
        names.append(name.rstrip("*"))
        if names[-1] == partition or (not partition and name.endswith("*")):
            most_hours = _hours(limit)
    version = found.get("SLURM_VERSION", "of unknown version")
    return Cluster(version, max(min(limits), 1), most_hours, tuple(dict.fromkeys(names)))


def submit(options: Sequence[str], script: Path, directory: Path) -> str:
    """Submit a job script; gives the job's id.

    Args:
        options: Of sbatch.
        script: The job.
        directory: Where sbatch is run.

    Raises:
        UserError: Slurm refuses it.
        QueueFull: Slurm has no room for it just now.
        NoAnswer: It is not known whether it was accepted.
        EnvironmentFault: There is no sbatch.
    """
    said: list[str] = []
    try:
        process = subprocess.Popen(  # noqa: S603 - words, no shell
            ["sbatch", "--parsable", *options, str(script)],  # noqa: S607 - Slurm's own on the PATH
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        raise _not_there("sbatch", error) from error
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        patience = threading.Timer(_LONGEST_ANSWER_SECONDS, process.kill)
        patience.start()
        for line in process.stderr:
            said.append(line.strip())
            if _RETRYING in line:
                process.kill()  # it would do so for two minutes; who calls knows better when
        out = process.stdout.read()
        patience.cancel()
    if process.returncode == 0:
        return out.strip().partition(";")[0]
    sentence = _sentence(said)
    if any(_RETRYING in line for line in said):
        raise QueueFull(f"Slurm takes no more jobs just now: {sentence}")
    if process.returncode < 0 or _NO_ANSWER.search(sentence):
        raise NoAnswer(f"sbatch had no answer: {sentence or 'it was ended'}")
    raise UserError(
        f"Slurm refuses the jobs: {sentence or f'sbatch ended with {process.returncode}'}",
        todo="what is asked for follows from the key slurm of study.yaml; see docs/slurm.md",
    )


def tasks_of(name: str) -> Mapping[int, JobState]:
    """Tasks of the arrays of a name, by index; without those that Slurm has forgotten.

    Raises:
        NoAnswer: Slurm does not answer.
    """
    text = _answer(
        "squeue",
        f"--name={name}",
        f"--user={getpass.getuser()}",
        "--array",
        "--noheader",
        "--states=all",
        f"--format={_FIELDS}",
    )
    found: dict[int, JobState] = {}
    for line in text.splitlines():
        index, state, reason, node, ended = line.strip().split("|")
        seconds = float(ended) if ended.isdigit() else None
        job = JobState(state, reason, node, seconds)
        # an array that was sent twice: what lives counts
        if index.isdigit() and (int(index) not in found or found[int(index)].is_over):
            found[int(index)] = job
    return found


def cancel(name: str) -> None:
    """Cancel all jobs of a name.

    Raises:
        NoAnswer: Slurm does not answer.
    """
    _answer("scancel", f"--name={name}", f"--user={getpass.getuser()}")


def _answer(*words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - words, no shell
            words,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_ANSWER_SECONDS,
            check=False,
        )
    except OSError as error:
        raise _not_there(words[0], error) from error
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(f"{words[0]} had no answer in {error.timeout:.0f} s") from error
    if done.returncode:
        sentence = _sentence(done.stderr.splitlines()) or f"{words[0]} ended: {done.returncode}"
        raise NoAnswer(f"Slurm does not answer: {sentence}")
    return done.stdout


def _environment() -> dict[str, str]:
    """Variables for Slurm's commands: none that would have them show something else."""
    own = ("SQUEUE_", "SINFO_", "SCANCEL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {**kept, "SLURM_TIME_FORMAT": "%s"}


def _sentence(lines: Sequence[str]) -> str:
    """What Slurm said, without the names of its programs."""
    return "; ".join(re.sub(r"^\w+: (error: )?", "", line) for line in lines if line.strip())


def _not_there(program: str, error: OSError) -> EnvironmentFault:
    return EnvironmentFault(
        f"{program}, a command of Slurm, cannot be run here: {error.strerror}",
        todo="run gridrun slurm where jobs are submitted, on a login node of the cluster; "
        "elsewhere gridrun shards writes shards that jobs can run",
    )


def _hours(limit: str) -> float | None:
    """Hours of a time limit as Slurm writes it: ``2-00:00:00``, ``30:00``, ``infinite``."""
    days, _, rest = limit.rpartition("-")
    parts = rest.split(":")
    if not all(part.isdigit() for part in (*parts, days or "0")):
        return None
    hours, minutes, seconds = [0, 0, 0, *map(int, parts)][-3:]
    return int(days or 0) * 24 + hours + minutes / 60 + seconds / 3600
