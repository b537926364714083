"""The supervisor: hands a unit's tasks to a child, streams outcomes, outlives every child.

No R and no pipeline code runs in its process. It is driven by being polled,
from one thread, and keeps no thread of its own.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gridrun.errors import EnvironmentFault
from gridrun.plan.units import (
    Event,
    Job,
    Kind,
    Unit,
    UnitFinished,
    UnitStarted,
    WorkerReady,
)
from gridrun.worker._messages import Broken, Dispatch, Idle, Message, Ready
from gridrun.worker._process import ChildProcess, Death
from gridrun.worker._progress import Failure, Progress, Quarantine

START_SECONDS = 120.0
"""A child that is not ready by then is killed and counts as one that cannot start."""

FAILED_STARTS = 3
"""So many in a row, and the environment is at fault."""

_GATHER_SECONDS = 0.02
"""How long the first event of a poll waits for company: many tiny tasks, few polls."""

_GATHER_EVENTS = 512
_ARTIFACTS_KEPT = 8
_LOOK_EVERY_SECONDS = 1.0
"""Longest wait without a look at limits and at the size of the log."""


class Supervisor:
    """Runs one unit at a time in a child process that may die.

    Args:
        job: What all units have in common.
        read_artifact: Content of an artifact by digest; asked once per digest
            as long as the file is kept.
        workdir: Directory of its own; made if missing, removed by ``close``.
    """

    def __init__(self, job: Job, read_artifact: Callable[[str], bytes], workdir: Path) -> None:
        self._job = job
        self._read_artifact = read_artifact
        self._workdir = workdir.absolute()
        self._workdir.mkdir(parents=True, exist_ok=True)
        (self._workdir / "job").write_bytes(pickle.dumps(job, pickle.HIGHEST_PROTOCOL))
        self.worker = worker_name()
        self._quarantine = Quarantine()
        self._artifacts: OrderedDict[str, Path] = OrderedDict()
        self._child: ChildProcess | None = None
        self._progress: Progress | None = None
        self._events: list[Event] = []
        self._environment: dict[str, str] | None = None
        self._busy = False
        self._over_limit = False
        self._stopping = False
        self._failed_starts = 0
        self._trimmed = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether a unit may be started."""
        return self._progress is None

    def start(self, unit: Unit) -> None:
        """Take a unit; returns before any of it has run.

        Raises:
            RuntimeError: The unit before has not ended.
        """
        if not self.is_idle:
            msg = "one unit at a time"
            raise RuntimeError(msg)
        self._materialise(unit.artifact)
        self._progress = Progress(unit, self.worker, self._quarantine)
        self._stopping = False
        self._events.append(UnitStarted(unit.id, self.worker))
        if self._child is None:
            self._child = ChildProcess(self._workdir)

    def stop(self) -> None:
        """Let the task that runs finish and hand the rest of the unit back."""
        if self._progress is not None:
            self._stopping = True
            if self._child is not None:
                self._child.want_stop()

    def poll(self, timeout_seconds: float) -> list[Event]:
        """Wait for events, at most so long.

        Args:
            timeout_seconds: 0 to only look.

        Returns:
            What happened since the last poll, in order.

        Raises:
            EnvironmentFault: The pipeline's process cannot be started.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            self._advance(max(deadline - time.monotonic(), 0.0))
            if self._events:
                deadline = min(deadline, time.monotonic() + _GATHER_SECONDS)
            over = self._progress is None or len(self._events) >= _GATHER_EVENTS
            if over or time.monotonic() >= deadline:
                events, self._events = self._events, []
                return events

    def close(self) -> None:
        """End the child and remove every file; may be called twice."""
        if self._child is not None:
            self._child.close()
            self._child = None
        self._progress = None
        shutil.rmtree(self._workdir, ignore_errors=True)

    def _advance(self, seconds: float) -> None:
        """One look at the child; starts, feeds, limits and buries it."""
        progress = self._progress
        if progress is None:
            return
        if self._stopping and not self._busy:
            self._finish(progress)
            return
        if self._child is None:
            self._child = ChildProcess(self._workdir)
        child = self._child
        if child.ready and not self._busy and not self._feed(child, progress):
            return
        messages, death = child.wait(min(seconds, self._seconds_to_limit(child)))
        for message in messages:
            self._receive(message, child, progress)
        if death is not None:
            self._bury(child, death, progress)
        else:
            self._enforce(child)

    def _feed(self, child: ChildProcess, progress: Progress) -> bool:
        """Give an idle child what comes next; False when there is nothing to wait for."""
        if progress.is_over:
            self._finish(progress)
            return False
        if progress.alone and child.tasks_given:
            self._discard(child)  # a second attempt has a process to itself
            return False
        tasks = progress.next_tasks()
        artifact = self._artifacts.get(progress.unit.artifact)
        child.dispatch(
            Dispatch(tasks, str(artifact) if artifact is not None else None, progress.quarantined())
        )
        self._busy = True
        return True

    def _receive(self, message: Message, child: ChildProcess, progress: Progress) -> None:
        if isinstance(message, Ready):
            child.ready = True
            if self._environment != dict(message.environment):
                self._environment = dict(message.environment)
                self._events.append(WorkerReady(self.worker, self._environment))
        elif isinstance(message, Broken):
            if message.explained:
                raise EnvironmentFault(message.text, todo=message.todo)
        elif isinstance(message, Idle):
            self._busy = False
        else:
            child.was_useful = True
            self._events.append(progress.outcome(message))

    def _bury(self, child: ChildProcess, death: Death, progress: Progress) -> None:
        """Blame a dead child's task, or its start; the next look starts another child."""
        over_limit, self._over_limit = self._over_limit, False
        running = child.running() if self._busy else None
        blamed = running is not None and progress.waits_for(running.position)
        failed_start = not blamed and not (child.was_useful or (child.ready and not self._busy))
        log = child.take_log()
        self._discard(child)
        if running is not None and blamed:
            seconds = (time.monotonic_ns() - running.started_ns) / 1e9
            failure = self._timeout() if over_limit else _crash(death)
            place = f" in stage {running.stage}" if running.stage else ""
            why = f": {failure.reason}" if over_limit else ""
            if death.signal == signal.SIGKILL and not over_limit:
                why = "; not by gridrun: out of memory? (the kernel's log says)"
            log += (
                f"gridrun: process {death.pid} {death.text()} {seconds:.1f} s after the task "
                f"started{place}{why}\n"
            )
            self._events.append(
                progress.death(running, time.time() - seconds, seconds, failure, log)
            )
        self._failed_starts = self._failed_starts + 1 if failed_start else 0
        if self._failed_starts >= FAILED_STARTS:
            raise _cannot_start(death, log, was_ready=child.ready, over_limit=over_limit)

    def _enforce(self, child: ChildProcess) -> None:
        if self._seconds_to_limit(child) <= 0 and not self._over_limit:
            self._over_limit = True
            child.kill()
        now = time.monotonic()
        if now - self._trimmed > _LOOK_EVERY_SECONDS:
            self._trimmed = now
            child.trim_log()

    def _seconds_to_limit(self, child: ChildProcess) -> float:
        """Seconds until the child has to be killed; looked at again at least each second."""
        now = time.monotonic()
        if not child.ready:
            return min(child.started + START_SECONDS - now, _LOOK_EVERY_SECONDS)
        limit = self._job.limits.task_seconds
        running = child.running() if self._busy and limit is not None else None
        if limit is None or running is None:
            return _LOOK_EVERY_SECONDS
        return min(running.started_ns / 1e9 + limit - now, _LOOK_EVERY_SECONDS)

    def _timeout(self) -> Failure:
        limit = self._job.limits.task_seconds
        return Failure(
            Kind.TIMEOUT, f"ran longer than its limit of {limit:g} s", limit_seconds=limit
        )

    def _discard(self, child: ChildProcess) -> None:
        child.close()
        self._child = None
        self._busy = False

    def _finish(self, progress: Progress) -> None:
        stopped = not progress.is_over
        self._events.append(UnitFinished(progress.unit.id, self.worker, stopped))
        self._progress = None
        if self._stopping and self._child is not None:
            self._discard(self._child)  # its board says stop, and would say so to the next unit

    def _materialise(self, digest: str) -> None:
        """Put an artifact on disk, once; forget the ones not used for longest."""
        if not digest:
            return
        if digest not in self._artifacts:
            path = self._workdir / f"artifact-{digest}"
            path.write_bytes(self._read_artifact(digest))
            self._artifacts[digest] = path
        self._artifacts.move_to_end(digest)
        while len(self._artifacts) > _ARTIFACTS_KEPT:
            _, path = self._artifacts.popitem(last=False)
            path.unlink()


def worker_name() -> str:
    """Host, process id and start of this process, for people.

    Where a host's name means nothing, the environment variable ``GRIDRUN_PLACE`` stands
    in its place: the name of the job, for example.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return f"{os.environ.get('GRIDRUN_PLACE') or socket.gethostname()}/{os.getpid()}/{now}"


def _crash(death: Death) -> Failure:
    return Failure(Kind.CRASH, death.text(), signal=death.signal, exit_code=death.exit_code)


def _cannot_start(death: Death, log: str, *, was_ready: bool, over_limit: bool) -> EnvironmentFault:
    if over_limit:
        what = f"was not ready within {START_SECONDS:g} s"
    else:
        what = f"{death.text()} {'before its first task' if was_ready else 'while it started'}"
    lines = "\n    ".join(log.strip().splitlines()[-20:])
    return EnvironmentFault(
        f"the worker's process {what}, {FAILED_STARTS} times in a row",
        todo=f"it printed:\n    {lines}" if lines else "it printed nothing",
    )
