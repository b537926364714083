"""Runs what may die: a supervisor and its children; for all above.

A :class:`Supervisor` has no R in it and owns a child that has. :class:`ChildProcess` is
the one way to start such a child; backends use it for libraries that hang or die.
"""

from gridrun.worker._artifact import DamagedArtifact, put_artifact
from gridrun.worker._channel import Channel
from gridrun.worker._ending import Ending, TimeLimit, last_printed
from gridrun.worker._machine_memory import default_limit, free_memory, total_memory
from gridrun.worker._parent_death import adopt_orphans, die_with_parent
from gridrun.worker._process import ChildProcess
from gridrun.worker._task import StageClock, Tried, company_of, try_task
from gridrun.worker.private import private_directory, who_may_replace
from gridrun.worker.supervisor import Supervisor, worker_name

__all__ = [
    "Channel",
    "ChildProcess",
    "DamagedArtifact",
    "Ending",
    "StageClock",
    "Supervisor",
    "TimeLimit",
    "Tried",
    "adopt_orphans",
    "company_of",
    "default_limit",
    "die_with_parent",
    "free_memory",
    "last_printed",
    "private_directory",
    "put_artifact",
    "total_memory",
    "try_task",
    "who_may_replace",
    "worker_name",
]
