"""The worker: a supervisor without R that owns, watches and replaces a child that has it."""

from gridrun.worker._parent_death import die_with_parent
from gridrun.worker._task import Tried, try_task
from gridrun.worker.supervisor import Supervisor, worker_name

__all__ = ["Supervisor", "Tried", "die_with_parent", "try_task", "worker_name"]
