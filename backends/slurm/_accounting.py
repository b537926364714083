"""What Slurm's accounting knows, where a site keeps one: how jobs ended, how many may be sent."""

from __future__ import annotations

import getpass
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from backends.slurm._commands import answer, hours_of
from backends.slurm._controller import JobState, tasks_of
from gridrun.errors import EnvironmentFault

_DAY_SECONDS = 86400.0
_NONE = "accounting storage is disabled"
_TASK = re.compile(r"\d+_(\d+)")
_DEFAULT_QOS = "normal"
"""Slurm's own, where nobody has one."""


@dataclass(frozen=True)
class Allowance:
    """What a site allows the jobs of a user.

    Args:
        queued: Most tasks of arrays in the queue, or None.
        hours: Longest time limit, or None.
        together: The same as ``queued`` of all who share an account or a QOS, or None.
    """

    queued: int | None = None
    hours: float | None = None
    together: int | None = None

    def filled(self, limits: Sequence[str]) -> Allowance:
        """It, and what it does not say by limits that come after it.

        Args:
            limits: Of the queue, of time, and any number of those for several users, of which the
                least holds.
        """
        queued, wall, *groups = limits
        shared = [int(each) for each in groups if each]
        return Allowance(
            int(queued) if self.queued is None and queued else self.queued,
            hours_of(wall) if self.hours is None and wall else self.hours,
            min([*shared, *([] if self.together is None else [self.together])], default=None),
        )


def known_tasks(
    name: str, numbers: Collection[int], since: float | None, say: Callable[[str], None]
) -> Mapping[int, JobState]:
    """Tasks of the arrays of a name: as the controller has them, or else the accounting.

    The controller forgets a job some minutes after its end. Many sites have no accounting, and
    then nothing is known of such a job any more.

    Args:
        name: Of the arrays.
        numbers: Indices of the tasks that somebody waits for.
        since: When they were sent, seconds since the epoch; None where they never were.
        say: Called with why the accounting has no answer, where there is one.

    Raises:
        NoAnswer: The controller does not answer.
    """
    found = tasks_of(name)
    forgotten = [number for number in numbers if number not in found]
    if not forgotten or since is None:
        return found
    try:
        return {**_ended(name, forgotten, since), **found}
    except EnvironmentFault as error:
        if _NONE not in error.what:
            say(f"{error.what}; how jobs ended that Slurm has forgotten is not known")
        return found


def allowance(cluster: str, account: str, partition: str, qos: Sequence[str]) -> Allowance:
    """What this user's jobs may have: by a QOS that says so, else by the association.

    Args:
        cluster: Its name, for the accounting may be that of several.
        account: Its name, or empty for the user's default one.
        partition: Name of the partition, for some associations are of one alone.
        qos: Names: that of the partition first, then that of the job; empty for none and for the
            default one.

    Raises:
        NoAnswer: The accounting does not answer.
        EnvironmentFault: There is no ``sacctmgr``.
    """
    user = getpass.getuser()
    account = account or _shown("user", f"name={user}", "DefaultAccount").strip()
    who = (f"cluster={cluster}", f"user={user}", f"account={account}")
    fields = "Partition,DefaultQOS,MaxSubmit,MaxWall,GrpSubmit"
    rows = {of: rest for of, *rest in _rows("association", *who, fields)}
    usual, *association = rows.get(partition) or rows.get("") or ("", "", "")
    *first, of_job = qos
    found = Allowance()
    for name in filter(None, (*first, of_job or usual or _DEFAULT_QOS)):
        for limits in _rows("qos", f"name={name}", "MaxSubmitPU,MaxWall,GrpSubmit,MaxSubmitPA"):
            found = found.filled(limits)
    found = found.filled(association)
    # what the accounts above allow all of theirs holds as well
    while account:
        lines = _rows("association", who[0], f"account={account}", "User,ParentName,GrpSubmit")
        account, together = next(((up, most) for of, up, most in lines if not of), ("", ""))
        found = found.filled(("", "", together))
    return found


def _ended(name: str, numbers: Collection[int], since: float) -> dict[int, JobState]:
    """Tasks that have ended, by ``sacct``."""
    # clocks of a login node and of the cluster may differ
    begin = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(since - _DAY_SECONDS))
    text = answer(
        "sacct",
        f"--name={name}",
        f"--user={getpass.getuser()}",
        f"--starttime={begin}",
        "--allocations",
        "--noheader",
        "--parsable2",
        "--format=JobID,State,NodeList,End",
    )
    found: dict[int, JobState] = {}
    for line in text.splitlines():
        job, state, node, end = line.split("|")
        # CANCELLED by 1000
        ended = JobState(state.partition(" ")[0], "", node, float(end) if end.isdigit() else None)
        task = _TASK.fullmatch(job)
        if not ended.is_over:
            continue
        # tasks that never started have one record together: 12, or 12_[3-5]
        for number in [int(task[1])] if task else [n for n in numbers if n not in found]:
            found[number] = ended
    return found


def _rows(what: str, *words: str) -> list[list[str]]:
    """The lines of :func:`_shown`, each by its fields."""
    return [line.split("|") for line in _shown(what, *words).splitlines()]


def _shown(what: str, *words: str) -> str:
    """What ``sacctmgr`` shows: by conditions, of which fields."""
    *conditions, fields = words
    options = ("--noheader", "--parsable2", "--readonly")
    return answer("sacctmgr", *options, "show", what, "where", *conditions, f"format={fields}")
