"""Plain data that crosses between driver and workers: units out, events back.

Everything here is frozen and can be pickled; a unit can also be written to a
file. Nothing in it depends on who runs it, where or when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeGuard

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import Settings, TaskResult, TaskSpec
from gridrun.plan.limits import Limits


class State(StrEnum):
    """State of a task; states never overlap."""

    WAITING = "waiting"
    """Not yet run, or the worker that had it is gone."""
    RUNNING = "running"
    """Part of a unit that a worker holds."""
    DONE = "done"
    """Ran to its end; its rows are in the ledger."""
    FAILED = "failed"
    """Ended in a failure, see :class:`Kind`. Failed is not done."""
    SKIPPED = "skipped"
    """Not asked of this classifier by the protocol."""


class Kind(StrEnum):
    """Kind of failure."""

    ERROR = "error"
    """R or Python raised an error: a finding, not retried."""
    CRASH = "crash"
    """The process died by a signal or an unexpected exit, or stopped answering; retried, alone."""
    TIMEOUT = "timeout"
    """The process was killed because its time limit had passed; retried, alone."""
    MEMORY = "memory"
    """The task used more memory than its limit, or more than there was; retried, alone."""
    UPSTREAM_DEFECT = "upstream-defect"
    """Upstream cannot run the task either; not run."""


@dataclass(frozen=True)
class Unit:
    """Tasks that one worker runs without going back to anyone.

    Args:
        id: Unique within a run; display name in logs, never part of a result.
        artifact: Digest of the block's artifact, or an empty string for none.
        tasks: In the order that shares most.
        seconds: Estimated wall seconds.
        checksum: SHA-256 of the bytes that the artifact has to have where tasks are run, or
            empty where nobody recorded it.
    """

    id: str
    artifact: str
    tasks: tuple[TaskSpec, ...]
    seconds: float = 0.0
    checksum: str = ""


@dataclass(frozen=True)
class Job:
    """What every unit of a run has in common; sent to a worker once.

    Args:
        pipeline: Name that ``load_pipeline`` takes.
        settings: The study's settings.
        limits: Limits of each task.
        peaks: Name of a stage, with values, to the bytes of memory that it took in earlier runs,
            see :class:`PeakMeasured`.
    """

    pipeline: str
    settings: Settings
    limits: Limits = field(default_factory=Limits)
    peaks: Mapping[str, int] = field(default_factory=dict)


ReadArtifact = Callable[[str], bytes]
"""Content of an artifact by digest."""


@dataclass(frozen=True)
class ContextFacts:
    """What can be said of a context far from the ledger, so that a worker can check its code.

    Args:
        digest: As in the ledger.
        classifier: Which classifier.
        code: Stage to digest of its code; empty where there is nothing to compare.
    """

    digest: str
    classifier: str
    code: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Attempt:
    """One try of a task.

    Args:
        unit: Unit it was part of.
        number: 1 for the first try; a later one is made alone.
        worker: Display name of the worker: host, process id and start.
        started: Seconds since the epoch.
        seconds: Wall seconds.
        shared_seconds: Of these, in stages whose results classifiers share; an attempt that found
            them made has next to none.
    """

    unit: str
    number: int
    worker: str
    started: float
    seconds: float
    shared_seconds: float = 0.0


@dataclass(frozen=True)
class WorkerReady:
    """A worker's process started; its environment is known."""

    worker: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class UnitStarted:
    """A worker took a unit."""

    unit: str
    worker: str


@dataclass(frozen=True)
class TaskDone:
    """A task ran to its end."""

    task: TaskSpec
    attempt: Attempt
    result: TaskResult
    log: str = ""


@dataclass(frozen=True)
class TaskFailed:
    """An attempt of a task failed.

    Args:
        task: Which task.
        attempt: Which attempt.
        kind: Kind of failure.
        reason: One line: R's own message, the signal, the exit code, the limit.
        final: False when another attempt follows within the unit.
        signal: Signal number that ended the process, for ``crash``.
        exit_code: Exit code of the process, for ``crash``.
        limit_seconds: The limit that was passed, for ``timeout``.
        stage: Stage it happened in, where known.
        log: What the attempt printed, with R's calls at an error.
        shares: As that of a ``TaskResult``.
    """

    task: TaskSpec
    attempt: Attempt
    kind: Kind
    reason: str
    final: bool = True
    signal: int | None = None
    exit_code: int | None = None
    limit_seconds: float | None = None
    stage: str = ""
    log: str = ""
    shares: str = ""


@dataclass(frozen=True)
class UnitFinished:
    """Every task of the unit has a final event, or was handed back (``stopped``)."""

    unit: str
    worker: str
    stopped: bool = False


class Loss(StrEnum):
    """Why a unit comes back; ``gridrun.plan.retries`` says how often it may."""

    WORKER = "lost"
    """Its worker is gone."""
    HOST = "host"
    """What the backend runs workers on has ended, with all of them: who starts it anew judges."""
    SWEEP = "sweep"
    """It was sent away, and that has ended without its outcomes: who sends it judges."""


@dataclass(frozen=True)
class UnitLost:
    """A unit comes back: what of it has no final event is to be offered again."""

    unit: str
    reason: str
    kind: Loss = Loss.WORKER


@dataclass(frozen=True)
class WorkerLost:
    """A worker is gone that had no unit."""

    reason: str


@dataclass(frozen=True)
class FoundAtFault:
    """A worker found its machine at fault: what failed for a reason is to be run again.

    Args:
        worker: Its name.
        alike: The general reason, see ``gridrun.plan.alike``.
        text: What is wrong, for people.
        todo: What to do about it.
    """

    worker: str
    alike: str
    text: str
    todo: str = "what failed for that reason waits; put it right and run the same command again"

    def fault(self) -> EnvironmentFault:
        """What ends a run for it, wherever it was found."""
        return EnvironmentFault(self.text, where=self.worker.partition("/")[0], todo=self.todo)


@dataclass(frozen=True)
class PeakMeasured:
    """A process has used more memory at a stage than was known of it: others will, too.

    Args:
        context: Number of the context of the task.
        stage: The stage, and the values that it reads.
        used: Bytes.
    """

    context: int
    stage: str
    used: int


@dataclass(frozen=True)
class Notice:
    """Something about the backend itself that is worth saying once."""

    text: str


@dataclass(frozen=True)
class SweepPlanned:
    """Units are about to be sent away as one; see ``gridrun.run.backend.DetachableBackend``.

    Args:
        sweep: Name it will have where it is sent.
        shards: Units of each shard, by position.
    """

    sweep: str
    shards: tuple[tuple[Unit, ...], ...]


@dataclass(frozen=True)
class SweepSent:
    """A sweep was accepted; it goes on without the driver.

    Args:
        sweep: Its name.
        place: Where a person can look at it, or an empty string.
    """

    sweep: str
    place: str = ""


@dataclass(frozen=True)
class SegmentRead:
    """Everything a segment holds has been yielded before this.

    Args:
        sweep: Name of the sweep.
        shard: Position of the shard.
        name: File name of the segment.
    """

    sweep: str
    shard: int
    name: str


@dataclass(frozen=True)
class SweepEnded:
    """Nothing more will come of a sweep.

    Args:
        sweep: Its name.
        state: ``ended``, ``cancelled``, or ``abandoned`` when it was never accepted.
    """

    sweep: str
    state: str


@dataclass(frozen=True)
class InputsRead:
    """A job has read the inputs where they are.

    Args:
        sweep: Name of the sweep that it was.
        report: Text of its report, see ``gridrun.shard.remote_inputs``.
    """

    sweep: str
    report: str


SweepEvent = SweepPlanned | SweepSent | SegmentRead | SweepEnded
"""What a detachable backend yields beside the rest."""

Event = (
    WorkerReady
    | UnitStarted
    | TaskDone
    | TaskFailed
    | UnitFinished
    | UnitLost
    | WorkerLost
    | Notice
    | FoundAtFault
    | PeakMeasured
    | SweepEvent
)
"""What a backend yields; ``UnitStarted`` precedes, ``UnitFinished`` or ``UnitLost`` ends a unit."""


def is_final(event: Event) -> TypeGuard[TaskDone | TaskFailed]:
    """Whether an event is the last one about its task in its unit."""
    return isinstance(event, TaskDone) or (isinstance(event, TaskFailed) and event.final)
