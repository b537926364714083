"""The child that runs tasks: a process with R in it, and the page that says what it is at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from gridrun.pipeline import TaskSpec
from gridrun.plan.limits import CLASSIFIER, Limit
from gridrun.plan.units import Job, PeakMeasured
from gridrun.store.faults import in_temporary
from gridrun.worker._ending import TimeLimit
from gridrun.worker._machine_memory import default_limit
from gridrun.worker._memory import used_by_descendants
from gridrun.worker._memory_share import MemoryShare, stage_name
from gridrun.worker._messages import Dispatch
from gridrun.worker._process import ChildProcess
from gridrun.worker._shared_status import STATUS, Running, StatusPage
from gridrun.worker._stage_memory import StageMemory

START_SECONDS = 120.0
"""A child that is not ready by then is killed and counts as one that cannot start."""

DEFAULT_SECONDS = 24 * 3600.0
"""What a task may take where nobody says."""

_MORE_MEMORY = 2
"""So many times its limit a task may use that has passed it once."""

_MUCH_PART = 2
"""This part of a task's even share is much for a process that runs none."""

_SERVE = "gridrun.worker.child:serve"


class TaskProcess(ChildProcess):
    """A child for tasks. The supervisor sets what is public.

    Args:
        job: What all units have in common.
        directory: Where its own directory is made.
        share: What its worker may take of the machine's memory.
    """

    def __init__(self, job: Job, directory: Path, share: MemoryShare) -> None:
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
        self._share = share
        self._most_memory: int | None = None
        self._stages = StageMemory(0)
        self._peaks: dict[tuple[int, str], int] = {}
        self.reads: Mapping[str, tuple[str, ...]] = {}
        with in_temporary(self.directory):
            self._status = StatusPage(self.directory / STATUS)
        self.send(job)

    def stages_of(self, tasks: Iterable[TaskSpec]) -> set[str]:
        """Names of the stages of tasks, by which the memory is known that others have used."""
        return {self._name(stage, task) for task in tasks for stage in self.reads}

    def twice_as_much(self, task: TaskSpec, used: int) -> int:
        """Bytes that a task may need that has had too little.

        Args:
            task: It.
            used: Bytes that it used before, 0 where nobody knows.
        """
        limit = self._limits.of(task).over(self._default).memory
        assert limit is not None, "the default has memory"
        return _MORE_MEMORY * (used or limit)

    def dispatch(self, dispatch: Dispatch, *, room: int | None = None) -> None:
        """Hand tasks over; the child must be ready and idle.

        Args:
            dispatch: The tasks.
            room: Bytes that there are for them if they may use more than their limits, which is
                twice as much; None if they may not.
        """
        if not self.tasks_given:
            self._stages = StageMemory(used_by_descendants(self.pid))
        self.tasks_given = self.busy = True
        self._tasks = dict(dispatch.tasks)
        self._most_memory = room
        self.send(dispatch)

    def want_stop(self) -> None:
        """Ask it to leave the tasks it has not begun."""
        self._status.want_stop()

    def running(self) -> Running | None:
        """The task it is at, or was at when it died."""
        return self._status.running() if self.busy else None

    @property
    def keeps_much(self) -> bool:
        """Whether its tasks have left it with much memory, which R does not give back by itself."""
        much = default_limit() // _MUCH_PART
        return self.tasks_given and used_by_descendants(self.pid) > much

    def take_peaks(self) -> list[PeakMeasured]:
        """What has been found out about memory since this was asked last."""
        found = [PeakMeasured(*where, used) for where, used in self._peaks.items()]
        self._peaks.clear()
        return found

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

    def _left_to_others(self, used: int) -> int | None:
        running = self.running()
        if running is None:
            return None
        task = self._tasks[running.position]
        name = self._name(running.stage, task)
        own = self._stages.of_stage((running.position, running.stage), used)
        if self._share.note(name, own):
            self._peaks[task.context, name] = own
        return self._share.to_give_way(self.pid)

    def _name(self, stage: str, task: TaskSpec) -> str:
        values = {**task.values, CLASSIFIER: task.classifier}
        return stage_name(stage, self.reads.get(stage, ()), values)
