"""How far a unit has got: what is left, what is retried, what is quarantined. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gridrun.pipeline import TaskSpec
from gridrun.plan.retries import RETRIES, STAGE
from gridrun.plan.units import Attempt, Kind, TaskDone, TaskFailed, Unit
from gridrun.worker._ending import Ending
from gridrun.worker._messages import Outcome, Ran, Refused
from gridrun.worker._shared_status import Running


@dataclass
class Quarantine:
    """Stages, by artifact and key, at which processes died.

    A prepared table that kills its process would kill one process for every task
    that shares it. After the second death its other tasks are failed unrun.
    """

    deaths: dict[tuple[str, str, str], list[Ending]] = field(default_factory=dict)

    def count(self, artifact: str, stage: str, key: str, ending: Ending) -> None:
        """Note a death."""
        if stage:
            self.deaths.setdefault((artifact, stage, key), []).append(ending)

    def of(self, artifact: str) -> frozenset[tuple[str, str]]:
        """(stage, key) pairs that must not be started again with this artifact."""
        return frozenset(
            (stage, key)
            for (known, stage, key), deaths in self.deaths.items()
            if known == artifact and len(deaths) >= RETRIES[STAGE].tries
        )

    def last(self, artifact: str, stage: str, key: str) -> Ending:
        """The latest death at a stage that is quarantined."""
        return self.deaths[artifact, stage, key][-1]


class UnitProgress:
    """The tasks of one unit on their way to a final event each.

    Args:
        unit: The unit.
        worker: Who runs it.
        quarantine: Shared by all units of a supervisor.
    """

    def __init__(self, unit: Unit, worker: str, quarantine: Quarantine) -> None:
        self.unit = unit
        self._worker = worker
        self._quarantine = quarantine
        self._first = dict.fromkeys(range(len(unit.tasks)))
        self._again: dict[int, None] = {}
        self._failures: dict[int, int] = {}
        self._large: dict[int, int] = {}

    @property
    def is_over(self) -> bool:
        """Whether every task has a final event."""
        return not self._first and not self._again

    @property
    def alone(self) -> bool:
        """Whether what comes next is a second attempt, which gets a process of its own."""
        return not self._first and bool(self._again)

    def next_tasks(self) -> tuple[tuple[int, TaskSpec], ...]:
        """What to hand to a child now: all first attempts, or one second attempt."""
        positions = list(self._first) or list(self._again)[:1]
        return tuple((position, self.unit.tasks[position]) for position in positions)

    def quarantined(self) -> frozenset[tuple[str, str]]:
        """Stages that the child must refuse; a second attempt, alone, is given its chance."""
        return frozenset() if self.alone else self._quarantine.of(self.unit.artifact)

    def waits_for(self, position: int) -> bool:
        """Whether a task has no final event yet and is not put off."""
        return position in self._first or (not self._first and position in self._again)

    def outcome(self, message: Outcome) -> TaskDone | TaskFailed:
        """Take the outcome of a task whose process lives on."""
        task = self.unit.tasks[message.position]
        if isinstance(message, Ran):
            tried = message.tried
            attempt = self._attempt(message.position, tried.started, tried.seconds)
        else:
            attempt = self._attempt(message.position, message.started, 0.0)
        kind = message.tried.kind if isinstance(message, Ran) else None
        if kind is Kind.MEMORY:
            self._large[message.position] = 0
        final = self._end(message.position, kind)
        if isinstance(message, Refused):
            stage = message.stage
            ending = self._quarantine.last(self.unit.artifact, stage, message.key)
            reason = f"not run: its {stage} stage killed two processes before; {ending.reason}"
            log = f"{message.log}gridrun: {reason}\ngridrun: stage {stage}, {message.key}\n"
            return replace(
                _killed(task, attempt, ending, reason=reason, stage=stage, log=log),
                shares=message.key,
            )
        event = tried.event(task, attempt, stage=message.stage, log=message.log)
        return event if final or isinstance(event, TaskDone) else replace(event, final=False)

    @property
    def too_little(self) -> int | None:
        """Bytes that what comes next, alone, used when it had too little memory before.

        0 where nobody knows how many; None where it had enough.
        """
        return self._large.get(next(iter(self._again))) if self.alone else None

    def death(
        self, running: Running, started: float, seconds: float, ending: Ending, log: str
    ) -> TaskFailed:
        """Attribute a death to the task that was running; its first one is not final."""
        position = running.position
        attempt = self._attempt(position, started, seconds)
        # A death says nothing of the task yet: it may have come from what ran before it in the
        # process, or from the machine. So the task is put off to the end of the unit, where it
        # runs in a process of its own; if it dies there, it is the cause. The others go on in
        # a new process and lose no attempt by it.
        if ending.memory is not None:
            self._large[position] = ending.memory.used
        final = self._end(position, _kind_of(ending))
        # counted by stage and key, not by task: tasks that share the stage's result would die
        # of it one by one, each with a process and, after a timeout, with the whole limit
        if ending.memory is None or ending.memory.left is None:  # not for what others took
            self._quarantine.count(self.unit.artifact, running.stage, running.key, ending)
        task, reason = self.unit.tasks[position], ending.reason
        killed = _killed(
            task, attempt, ending, reason=reason, stage=running.stage, log=log, final=final
        )
        return replace(killed, shares=running.key)

    def _end(self, position: int, kind: Kind | None) -> bool:
        """End an attempt; whether it was the task's last, or put off to the end of the unit."""
        self._first.pop(position, None)
        self._again.pop(position, None)
        failures = self._failures[position] = self._failures.get(position, 0) + 1
        if kind is None or failures > RETRIES[kind].more:
            return True
        self._again[position] = None
        return False

    def _attempt(self, position: int, started: float, seconds: float) -> Attempt:
        number = self._failures.get(position, 0) + 1
        return Attempt(self.unit.id, number, self._worker, started, seconds)


def _kind_of(ending: Ending) -> Kind:
    if ending.memory is not None:
        return Kind.MEMORY
    return Kind.CRASH if ending.limit is None else Kind.TIMEOUT


def _killed(
    task: TaskSpec,
    attempt: Attempt,
    ending: Ending,
    *,
    reason: str,
    stage: str,
    log: str,
    final: bool = True,
) -> TaskFailed:
    limit = ending.limit
    return TaskFailed(
        task,
        attempt,
        _kind_of(ending),
        reason,
        final=final,
        signal=ending.signal,
        exit_code=ending.exit_code,
        limit_seconds=None if limit is None else limit.seconds,
        stage=stage,
        log=log,
    )
