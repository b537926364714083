"""Jobs in Slurm's queue: submitted, asked for, cancelled."""

from __future__ import annotations

import getpass
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.slurm._commands import (
    LONGEST_ANSWER_SECONDS,
    NoAnswer,
    answer,
    not_there,
    sentence_of,
)
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

_FIELDS = "%K|%T|%r|%N|%e|%A"
_PUT_BACK_HELD = "requeued in held state"
_RETRYING = "sleeping and retrying"
_NO_ANSWER = re.compile(
    r"unable to contact|unable to establish|timed out|connection|zero bytes|communication"
    r"|standby mode|shut ?down|not responding|try again",
    re.IGNORECASE,
)
"""Sentences after which it is not known whether a request was carried out."""

_AT_LIMIT = re.compile(r"\b(?:(?:Assoc|QOS)\w*Submit\w*Limit|MaxSubmitJobsPerAccount)\b")
"""Slurm's words for a limit on how many jobs may be in the queue."""


class QueueFull(EnvironmentFault):
    """Slurm takes no further job just now."""


class AtLimit(QueueFull):
    """So many jobs are more than a site allows this user, or an account, to have in the queue."""


@dataclass(frozen=True)
class JobState:
    """A task of an array as Slurm knows it.

    Args:
        state: Slurm's word, in capitals.
        reason: Why it waits, or ``None``.
        node: Where it runs, or empty.
        ended: When it ended or would end at the latest, seconds since the epoch; None where
            that is not known.
        job: Its number, or empty.
    """

    state: str
    reason: str = ""
    node: str = ""
    ended: float | None = None
    job: str = ""

    @property
    def is_held(self) -> bool:
        """Whether it was put back, as nobody brought its shard, and waits to be released."""
        return self.state == "PENDING" and _PUT_BACK_HELD in self.reason

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in OVER

    @property
    def words(self) -> str:
        """It in words, for people."""
        more = self.node if self.state == "RUNNING" else self.reason.strip("()")
        return self.state.lower() + (f" ({more})" if more not in ("", "None") else "")


def submit(options: Sequence[str], script: Path, directory: Path) -> str:
    """Submit a job script; gives the job's id.

    Args:
        options: Of sbatch.
        script: The job.
        directory: Where sbatch is run.

    Raises:
        UserError: Slurm refuses it.
        QueueFull: Slurm has no room for it just now; ``AtLimit`` where a limit says so.
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
        raise not_there("sbatch", error) from error
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        patience = threading.Timer(LONGEST_ANSWER_SECONDS, process.kill)
        patience.start()
        for line in process.stderr:
            said.append(line.strip())
            if _RETRYING in line:
                process.kill()  # it would do so for two minutes; who calls knows better when
        out = process.stdout.read()
        patience.cancel()
    if process.returncode == 0:
        return out.strip().partition(";")[0]
    sentence = sentence_of(said)
    if any(_RETRYING in line for line in said):
        raise QueueFull(f"Slurm takes no more jobs just now: {sentence}")
    if _AT_LIMIT.search(sentence):
        raise AtLimit(f"Slurm takes no more jobs just now: {sentence}")
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
    text = answer(
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
        index, state, reason, node, ended, number = line.strip().split("|")
        seconds = float(ended) if ended.isdigit() else None
        job = JobState(state, reason, node, seconds, number)
        # an array that was sent twice: what lives counts
        if index.isdigit() and (int(index) not in found or found[int(index)].is_over):
            found[int(index)] = job
    return found


def has_jobs() -> bool:
    """Whether this user has any job in the queue.

    Raises:
        NoAnswer: Slurm does not answer.
    """
    return bool(answer("squeue", f"--user={getpass.getuser()}", "--noheader").strip())


def cancel(name: str, *, only_waiting: bool = False) -> None:
    """Cancel all jobs of a name, or those that wait in the queue.

    Raises:
        NoAnswer: Slurm does not answer.
    """
    state = ("--state=PENDING",) if only_waiting else ()
    answer("scancel", f"--name={name}", f"--user={getpass.getuser()}", *state)


def release(job: str) -> None:
    """Have a job that is held wait for its turn again.

    Raises:
        NoAnswer: Slurm does not answer.
    """
    answer("scontrol", "release", job)


def state_of_node(node: str) -> str:
    """Slurm's word for how a node is; empty where it is not known.

    Raises:
        NoAnswer: Slurm does not answer.
    """
    words = answer("sinfo", "--noheader", "--Node", f"--nodes={node}", "--format=%t").split()
    return words[0] if words else ""
