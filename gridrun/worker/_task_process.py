"""The child that runs tasks: a process with R in it, and the page that says what it is at."""

from __future__ import annotations

from pathlib import Path

from gridrun.plan.units import Job
from gridrun.worker._ending import TimeLimit
from gridrun.worker._messages import Dispatch
from gridrun.worker._process import ChildProcess
from gridrun.worker._shared_status import STATUS, Running, StatusPage

START_SECONDS = 120.0
"""A child that is not ready by then is killed and counts as one that cannot start."""

_SERVE = "gridrun.worker.child:serve"


class TaskProcess(ChildProcess):
    """A child for tasks. The supervisor sets what is public.

    Args:
        job: What all units have in common.
        directory: Where its own directory is made.
    """

    def __init__(self, job: Job, directory: Path) -> None:
        super().__init__(_SERVE, parent_directory=directory, own_cwd=True, limit=self._limit_of_now)
        self.ready = False
        self.busy = False
        self.was_useful = False
        self.tasks_given = False
        self.spent = False
        self._start = TimeLimit(START_SECONDS)
        self._task_seconds = job.limits.task_seconds
        self._status = StatusPage(self.directory / STATUS)
        self.send(job)

    def dispatch(self, dispatch: Dispatch) -> None:
        """Hand tasks over; the child must be ready and idle."""
        self.tasks_given = self.busy = True
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
        running = self.running() if self._task_seconds is not None else None
        if running is None or self._task_seconds is None:
            return None
        return TimeLimit(self._task_seconds, running.started_ns / 1e9)
