"""The supervisor: hands a unit's tasks to a child, streams outcomes, outlives every child.

No R and no pipeline code runs in its process. It is driven by being polled,
from one thread, and keeps no thread of its own.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gridrun.errors import EnvironmentFault, GridrunError
from gridrun.plan.retries import RETRIES, START
from gridrun.plan.units import (
    Event,
    FoundAtFault,
    Job,
    Notice,
    Unit,
    UnitFinished,
    UnitStarted,
    WorkerReady,
)
from gridrun.worker._artifact import put_artifact
from gridrun.worker._ending import Ending, last_printed
from gridrun.worker._memory_share import MemoryShare
from gridrun.worker._messages import Dispatch, Idle, Outcome, Ready
from gridrun.worker._progress import Quarantine, UnitProgress
from gridrun.worker._suspicion import MachineAtFault, Suspicion
from gridrun.worker._task_process import TaskProcess

_GATHER_SECONDS = 0.02
"""How long the first event of a poll waits for company: many tiny tasks, few polls."""

_OF_NO_UNIT = 1 << 32
"""Position of a task that is repeated to try the machine."""

_GATHER_EVENTS = 512
_ARTIFACTS_KEPT = 8


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
        self.worker = worker_name()
        self._quarantine = Quarantine()
        self._artifacts: OrderedDict[str, Path] = OrderedDict()
        self._child: TaskProcess | None = None
        self._progress: UnitProgress | None = None
        self._events: list[Event] = []
        self._environment: dict[str, str] | None = None
        self._stopping = False
        self._failed_starts = 0
        self._fault: EnvironmentFault | None = None
        self._suspicion = Suspicion()
        study = hashlib.blake2b(pickle.dumps(job.settings), digest_size=8).hexdigest()
        self._share = MemoryShare(study, job.peaks)
        self._has_waited = False

    @property
    def is_idle(self) -> bool:
        """Whether a unit may be started."""
        return self._progress is None

    def start(self, unit: Unit) -> None:
        """Take a unit; returns before any of it has run.

        Raises:
            RuntimeError: The unit before has not ended.
            DamagedArtifact: The artifact that came is not the one that was sent.
        """
        if not self.is_idle:
            msg = "one unit at a time"
            raise RuntimeError(msg)
        self._materialise(unit)
        self._progress = UnitProgress(unit, self.worker, self._quarantine)
        self._stopping = False
        self._events.append(UnitStarted(unit.id, self.worker))
        if self._child is None:
            self._child = TaskProcess(self._job, self._workdir, self._share)

    def stop(self) -> None:
        """Let the task that runs finish and hand the rest of the unit back."""
        if self._progress is not None:
            self._stopping = True
            if self._child is not None:
                self._child.want_stop()

    def poll(self, timeout_seconds: float) -> list[Event]:
        """Wait for events, at most so long.

        A machine found at fault is an event; the next poll raises.

        Args:
            timeout_seconds: 0 to only look.

        Returns:
            What happened since the last poll, in order.

        Raises:
            EnvironmentFault: The pipeline's process cannot be started, or tasks fail by what
                this machine has lost.
        """
        if self._fault is not None:
            raise self._fault
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                self._advance(max(deadline - time.monotonic(), 0.0))
            except MachineAtFault as fault:
                self._note_fault(fault)
                deadline = 0.0
            if self._events:
                deadline = min(deadline, time.monotonic() + _GATHER_SECONDS)
            over = self._progress is None or len(self._events) >= _GATHER_EVENTS
            if over or time.monotonic() >= deadline:
                events, self._events = self._events, []
                return events

    def _note_fault(self, fault: MachineAtFault) -> None:
        """Say what was found, as what every backend passes on; nothing more runs here."""
        advice = {"todo": fault.todo} if fault.todo else {}
        found = FoundAtFault(self.worker, fault.alike, fault.what, **advice)
        self._fault = found.fault()
        self._events.append(found)

    def close(self) -> None:
        """End the child and remove every file; may be called twice."""
        if self._child is not None:
            self._child.close()
            self._child = None
        self._share.close()
        self._progress = None
        shutil.rmtree(self._workdir, ignore_errors=True)

    def _advance(self, seconds: float) -> None:
        """One look at the child; starts, feeds and reaps it."""
        progress = self._progress
        if progress is None:
            return
        if self._stopping and not (self._child is not None and self._child.busy):
            self._finish(progress)
            return
        if self._child is None and progress.is_over and not self._suspicion.reason:
            self._finish(progress)  # there is nothing to start one for
            return
        if self._child is None:
            self._child = TaskProcess(self._job, self._workdir, self._share)
        child = self._child
        if child.ready and not child.busy and not self._feed(child, progress):
            return
        messages, ending = child.wait(seconds)
        for message in messages:
            self._receive(message, child, progress)
        if ending is not None and child is self._child:
            self._reap(child, ending, progress)

    def _feed(self, child: TaskProcess, progress: UnitProgress) -> bool:
        """Give an idle child what comes next; False when there is nothing to wait for."""
        if self._suspicion.reason:
            return self._try_machine(child)
        if progress.is_over:
            self._finish(progress)
            return False
        if child.spent or (progress.alone and child.tasks_given):
            self._discard(child)  # a second attempt has a process to itself
            return False
        tasks, used = progress.next_tasks(), progress.too_little
        room = self._share.admit(
            child.pid,
            lambda: child.stages_of(task for _, task in tasks),
            0 if used is None else child.twice_as_much(tasks[0][1], used),
        )
        if room is None:
            self._say_that_it_waits()
            return True
        artifact = self._artifacts.get(progress.unit.artifact)
        child.dispatch(
            Dispatch(
                tasks, str(artifact) if artifact is not None else None, progress.quarantined()
            ),
            room=None if used is None else room,
        )
        return True

    def _say_that_it_waits(self) -> None:
        if not self._has_waited:
            self._has_waited = True
            place = self.worker.partition("/")[0]
            self._events.append(
                Notice(
                    f"tasks on {place} wait until others there have ended: together they would use "
                    "more memory than there is"
                )
            )

    def _try_machine(self, child: TaskProcess) -> bool:
        """Repeat in a new process a task that was done before; False when there is none yet.

        The new process opens the pipeline's runner, which looks for what tasks need.
        """
        if child.tasks_given:
            self._discard(child)
            return False
        known = self._suspicion.known(self._artifacts)
        if known is None:
            self._suspicion.judge_without()
            return False
        artifact = self._artifacts.get(known.artifact)
        tasks = ((_OF_NO_UNIT, known.task),)
        child.dispatch(Dispatch(tasks, str(artifact) if artifact else None, frozenset()))
        return True

    def _receive(
        self,
        message: Ready | GridrunError | Idle | Outcome,
        child: TaskProcess,
        progress: UnitProgress,
    ) -> None:
        if isinstance(message, Ready):
            child.ready, child.reads = True, message.reads
            if self._environment != dict(message.environment):
                self._environment = dict(message.environment)
                self._events.append(WorkerReady(self.worker, self._environment))
        elif isinstance(message, GridrunError):
            if alike := self._suspicion.reason:
                raise MachineAtFault(message.what, todo=message.todo, alike=alike)
            raise EnvironmentFault(message.what, where=message.where, todo=message.todo)
        elif isinstance(message, Idle):
            child.busy = False
            child.spent = message.spent
            if child.keeps_much:
                self._discard(child)  # who waits for its memory is not let in before it is free
            else:
                self._share.leave()
        elif message.position == _OF_NO_UNIT:
            self._suspicion.judge(message)
        else:
            child.was_useful = True
            event = progress.outcome(message)
            self._events += [event, *child.take_peaks()]
            self._suspicion.note(event, progress.unit)
            if self._suspicion.reason:
                child.want_stop()

    def _reap(self, child: TaskProcess, ending: Ending, progress: UnitProgress) -> None:
        """Attribute a death to a task, or to the start; the next look starts another child."""
        running = child.running()
        if running is not None and not progress.waits_for(running.position):
            running = None  # its outcome is known: it died between two tasks
        # A death with no task to attribute it to counts against the environment, unless the
        # child has done something or had nothing to do: a machine on which R does not start
        # must end the run with a reason, not start children for ever.
        was_idle = child.ready and not child.busy
        failed_start = running is None and not (child.was_useful or was_idle)
        log = child.take_log()
        self._discard(child)
        if running is not None:
            seconds = (time.monotonic_ns() - running.started_ns) / 1e9
            stage = f" in stage {running.stage}" if running.stage else ""
            log += (
                f"gridrun: process {ending.pid}, {seconds:.1f} s after the task started{stage}: "
                f"{ending.reason}\n"
            )
            began = time.time() - seconds
            death = progress.death(running, began, seconds, ending, log)
            self._events += [death, *child.take_peaks()]
        self._failed_starts = self._failed_starts + 1 if failed_start else 0
        if self._failed_starts >= RETRIES[START].tries:
            raise _cannot_start(ending, log, was_ready=child.ready)

    def _discard(self, child: TaskProcess) -> None:
        child.close()
        self._child = None
        self._share.leave()

    def _finish(self, progress: UnitProgress) -> None:
        stopped = not progress.is_over
        self._events.append(UnitFinished(progress.unit.id, self.worker, stopped))
        self._progress = None
        if self._stopping and self._child is not None:
            self._discard(
                self._child
            )  # its status page says stop, and would say so to the next unit

    def _materialise(self, unit: Unit) -> None:
        """Put an artifact on disk, once; forget the ones not used for longest."""
        digest = unit.artifact
        if not digest:
            return
        path = self._workdir / f"artifact-{digest}"
        put_artifact(unit, self._read_artifact, path)
        self._artifacts[digest] = path
        self._artifacts.move_to_end(digest)
        while len(self._artifacts) > _ARTIFACTS_KEPT:
            _, path = self._artifacts.popitem(last=False)
            path.unlink()


def worker_name() -> str:
    """Display name of this process: host, process id and start.

    Where a host's name means nothing, the environment variable ``GRIDRUN_PLACE`` stands
    in its place: the name of the job, for example.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return f"{os.environ.get('GRIDRUN_PLACE') or socket.gethostname()}/{os.getpid()}/{now}"


def _cannot_start(ending: Ending, log: str, *, was_ready: bool) -> EnvironmentFault:
    if ending.limit is not None:
        what = f"was not ready within {ending.limit.seconds:g} s"
    else:
        what = f"{ending.reason} {'before its first task' if was_ready else 'while it started'}"
    return EnvironmentFault(
        f"the worker's process {what}, {RETRIES[START].tries} times in a row",
        todo=last_printed(log),
    )
