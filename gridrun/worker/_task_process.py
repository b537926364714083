"""The child that runs tasks: a process with R in it, and the page that says what it is at."""

from __future__ import annotations

from pathlib import Path

from gridrun.pipeline import TaskSpec
from gridrun.plan.limits import Limit
from gridrun.plan.units import Job
from gridrun.store.faults import in_temporary
from gridrun.worker._ending import TimeLimit
from gridrun.worker._memory import default_limit, free_memory
from gridrun.worker._messages import Dispatch
from gridrun.worker._process import ChildProcess
from gridrun.worker._shared_status import STATUS, Running, StatusPage

START_SECONDS = 120.0
"""A child that is not ready by then is killed and counts as one that cannot start."""

DEFAULT_SECONDS = 24 * 3600.0
"""What a task may take where nobody says."""

_MORE_MEMORY = 2
"""So many times its limit a task may use that has passed it once."""

_SERVE = "gridrun.worker.child:serve"


class TaskProcess(ChildProcess):
    """A child for tasks. The supervisor sets what is public.

    Args:
        job: What all units have in common.
        directory: Where its own directory is made.
    """

    def __init__(self, job: Job, directory: Path) -> None:
        super().__init__(
            _SERVE,
            parent_directory=directory,
            own_cwd=True,
            limit=self._limit_of_now,
            memory=self._memory_of_now,
        )
        self.ready = False
        self.busy = False
        self.was_useful = False
        self.tasks_given = False
        self.spent = False
        self._start = TimeLimit(START_SECONDS)
        self._limits = job.limits
        self._default = Limit(DEFAULT_SECONDS, default_limit())
        self._tasks: dict[int, TaskSpec] = {}
        self._most_memory: int | None = None
        with in_temporary(self.directory):
            self._status = StatusPage(self.directory / STATUS)
        self.send(job)

    def dispatch(self, dispatch: Dispatch, *, more_memory: bool = False) -> None:
        """Hand tasks over; the child must be ready and idle.

        Args:
            dispatch: The tasks.
            more_memory: Whether they may use more than their limits: twice as much, at most what
                is free.
        """
        self.tasks_given = self.busy = True
        self._tasks = dict(dispatch.tasks)
        self._most_memory = free_memory() if more_memory else None
        self.send(dispatch)

    def want_stop(self) -> None:
        """Ask it to leave the tasks it has not begun."""
        self._status.want_stop()

    def running(self) -> Running | None:
        """The task it is at, or was at when it died."""
        return self._status.running() if self.busy else None

    def close(self) -> None:
        """Kill it if it lives, and let go of everything."""
        super().close()
        self._status.close()

    def _limit_of_now(self) -> TimeLimit | None:
        if not self.ready:
            return self._start
        running = self.running()
        if running is None:
            return None
        seconds = self._limits.of(self._tasks[running.position]).over(self._default).seconds
        assert seconds is not None, "the default has seconds"
        whole = TimeLimit(seconds, running.started_ns / 1e9)
        own = self._limits.of_stage(running.stage).seconds
        if own is None or not running.stage_ns:
            return whole
        of_stage = TimeLimit(own, running.stage_ns / 1e9, running.stage)
        return min(whole, of_stage, key=lambda limit: limit.left)

    def _memory_of_now(self) -> int | None:
        running = self.running()
        if running is None:
            return None
        of_task = self._limits.of(self._tasks[running.position])
        most = self._limits.of_stage(running.stage).over(of_task).over(self._default).memory
        assert most is not None, "the default has memory"
        if self._most_memory is None:
            return most
        return min(_MORE_MEMORY * most, self._most_memory)
