"""Taking events: each goes into the ledger once, is counted, and is reported as progress."""

from __future__ import annotations

import json
import time
from typing import Any

from gridrun.errors import EnvironmentFault, Fault, counted
from gridrun.pipeline import TaskResult
from gridrun.plan.alike import MANY, general
from gridrun.plan.units import (
    Event,
    FoundAtFault,
    Kind,
    Notice,
    PeakMeasured,
    SegmentRead,
    SweepEnded,
    SweepEvent,
    SweepPlanned,
    SweepSent,
    TaskDone,
    TaskFailed,
    UnitFinished,
    UnitLost,
    UnitStarted,
    WorkerLost,
    WorkerReady,
)
from gridrun.run._progress import Progress, Tally
from gridrun.run._unit_queue import PutOff, UnitQueue
from gridrun.run.backend import SentSweep
from gridrun.store.ledger import AttemptKey, Ledger, cannot_write
from gridrun.store.paths import make_file
from gridrun.store.patience import patiently
from gridrun.study.state import PEAKS_META, PUT_OFF_META, StudyState


class Notes:
    """What was worth saying, each thing once.

    Args:
        progress: Progress callback.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.said: list[Fault | str] = []

    def add(self, note: Fault | str) -> None:
        """Say something unless it was said before."""
        if note not in self.said:
            self.said.append(note)
            self._progress.note(note)


class Recorder:
    """Takes the events of one run.

    Args:
        study_state: The study and the request.
        ledger: Open for writing.
        queue: Keeps account of units in flight.
        backend_name: For the ledger.
        progress: Progress callback.
        tally: Counts of this run.
        notes: What was worth saying.
    """

    def __init__(
        self,
        study_state: StudyState,
        ledger: Ledger,
        queue: UnitQueue,
        *,
        backend_name: str,
        progress: Progress,
        tally: Tally,
        notes: Notes,
    ) -> None:
        self._study_state = study_state
        self._ledger = ledger
        self._queue = queue
        self._backend_name = backend_name
        self._progress = progress
        self._tally = tally
        self._notes = notes
        self._environment: dict[str, Any] | None = ledger.environment()
        if ledger.meta(PUT_OFF_META) is not None:
            ledger.store_meta(PUT_OFF_META, "[]")  # of a run that was killed
        self._peaks: dict[str, dict[str, int]] = json.loads(ledger.meta(PEAKS_META) or "{}")
        self._known: set[AttemptKey] = set()
        self._resumed: set[str] = set()
        self._in_a_row: dict[str, tuple[str, int]] = {}
        self._of_machine: set[str] = set()
        self.fault: EnvironmentFault | None = None
        """What is wrong with a machine on which tasks failed that wait now."""
        self._too_many = False
        self._put_off: tuple[PutOff, ...] = ()
        self.cancelled = 0
        """Sweeps that somebody cancelled."""

    @property
    def has_too_many(self) -> bool:
        """Whether as many tasks have just failed as may; asked for, it is said once."""
        too_many, self._too_many = self._too_many, False
        return too_many

    def resume(self, sweeps: tuple[SentSweep, ...], known: set[AttemptKey]) -> None:
        """Expect events of what earlier runs sent, some of which may be in the ledger."""
        self._known = known
        for sweep in sweeps:
            for units in sweep.shards.values():
                for unit in units:
                    self._queue.resume(unit)
                    self._resumed.add(unit.id)

    def failed(self, event: TaskFailed) -> None:
        """Record a failure."""
        log = self._keep_log(event)
        self._ledger.record(event, log)
        if event.final:
            self._tally.failed += 1
            self._too_many = self._tally.failed == self._study_state.request.max_failures
        else:
            self._tally.retried += 1
        self._progress.failure(event, log)
        self._progress.update(self._tally)

    def let_wait(self, alike: str = "") -> None:
        """Have tasks wait again that failed, in whatever run, for a reason of the machine's.

        Args:
            alike: Its general form; empty where nobody knows it, so that it is that of many
                failures in a row of one worker.
        """
        many = {reason for reason, count in self._in_a_row.values() if count >= MANY}
        self._of_machine |= {alike} if alike else many
        self.let_late_wait()
        self._in_a_row.clear()

    def let_late_wait(self) -> None:
        """Have tasks wait again that failed for such a reason after it was known for the machine's.

        Other workers go on for a while.
        """
        self._ledger.commit()
        for reason in self._of_machine:
            tasks, own = self._ledger.failed_for(reason, general)
            self._ledger.forget(tasks)
            self._tally.failed -= own
            if tasks:
                self._notes.add(
                    f"{counted(len(tasks), 'task')} that had failed will run again: "
                    "the machine was at fault"
                )

    def _note_failure(self, event: TaskFailed) -> None:
        """Count failures of a worker in a row that have one reason."""
        if event.kind is Kind.ERROR:
            reason, worker = general(event.reason), event.attempt.worker
            before, count = self._in_a_row.get(worker, (reason, 0))
            self._in_a_row[worker] = (reason, count + 1 if before == reason else 1)

    def take(self, event: Event) -> None:
        """Take one event.

        Raises:
            EnvironmentFault: A worker's versions are not those of the study, or
                worker after worker is lost.
        """
        match event:
            case TaskDone():
                self._in_a_row.pop(event.attempt.worker, None)
                if self._is_news(event) and self._queue.settle(event):
                    self._ledger.record(event, self._keep_log(event))
                    self._count(event.result)
                    self._progress.update(self._tally)
            case TaskFailed():
                if self._is_news(event) and (not event.final or self._queue.settle(event)):
                    self._note_failure(event)
                    self.failed(event)
            case WorkerReady():
                self._take_worker(event)
            case UnitStarted() | UnitFinished() | UnitLost() | WorkerLost():
                self._take_unit(event)
            case Notice(text):
                self._notes.add(text)
            case PeakMeasured() | FoundAtFault():
                self._take_finding(event)
            case _:
                if isinstance(event, SweepPlanned):
                    self._resumed.update(unit.id for units in event.shards for unit in units)
                self.cancelled += isinstance(event, SweepEnded) and event.state == "cancelled"
                record_sweep(event, self._ledger, self._backend_name)

    def _take_finding(self, event: PeakMeasured | FoundAtFault) -> None:
        """Keep what a stage takes, for later runs; have what failed by a machine's fault wait."""
        if isinstance(event, FoundAtFault):
            self.let_wait(event.alike)
            self.fault = event.fault()
            return
        known = self._peaks.setdefault(str(event.context), {})
        if event.used > known.get(event.stage, 0):
            known[event.stage] = event.used
            self._ledger.store_meta(PEAKS_META, json.dumps(self._peaks, sort_keys=True))

    def _take_worker(self, event: WorkerReady) -> None:
        self._check_environment(event.worker, dict(event.environment))
        for note in self._study_state.version_notes(event.environment):
            self._notes.add(note)
        self._ledger.add_worker(event.worker, event.environment)

    def _take_unit(self, event: UnitStarted | UnitFinished | UnitLost | WorkerLost) -> None:
        match event:
            case UnitStarted(unit, worker):
                if unit not in self._resumed:
                    self._progress.phase("running")
                    self._say_what_waits()
                    self._ledger.hold(unit, worker, self._queue.tasks_of(unit))
            case UnitFinished(unit, _, stopped):
                if self._queue.tasks_of(unit) and not stopped:
                    self._queue.mark_lost(unit, "the unit ended with tasks left")
                self._queue.finish(unit)
                self._ledger.release(unit)
            case WorkerLost(reason):
                self._notes.add(f"a worker was lost while it started ({reason})")
                self._queue.note_lost_worker(reason)
            case UnitLost(unit, reason, kind):
                self._notes.add(
                    f"a worker was lost ({reason}); its unfinished tasks will run again"
                )
                self._queue.mark_lost(unit, reason, kind)
                self._ledger.release(unit)
                self._say_what_waits()

    def _say_what_waits(self) -> None:
        """Have the ledger say which units wait to be tried again, where that has changed."""
        found = self._queue.put_off
        if found != self._put_off:
            self._put_off = found
            now, clock = time.time(), self._queue.now
            waits = [(len(p.unit.tasks), now + p.due - clock, p.reason) for p in found]
            self._ledger.store_meta(PUT_OFF_META, json.dumps(waits))

    def _is_news(self, event: TaskDone | TaskFailed) -> bool:
        """Whether an attempt is not one that an earlier run has read and recorded."""
        if event.attempt.unit not in self._resumed:
            return True
        task, attempt = event.task, event.attempt
        key = AttemptKey(
            attempt.unit,
            task.context,
            task.fold,
            task.code,
            attempt.number,
            attempt.started,
            final=False,
        )
        if key in self._known:
            return False
        self._known.add(key)
        return True

    def _count(self, result: TaskResult) -> None:
        self._tally.done += 1
        if result.shared:
            self._tally.shared += 1
            return
        for name, count in result.facts.get("fits", {}).items():
            self._tally.fits[name] = self._tally.fits.get(name, 0) + count

    def _keep_log(self, event: TaskDone | TaskFailed) -> str:
        if not event.log:
            return ""
        values = "-".join(str(value) for value in event.task.values.values())
        name = (
            f"{event.task.classifier}_fold{event.task.fold}_{values}"
            f"_{event.attempt.started:.0f}_attempt{event.attempt.number}.log"
        )
        path = self._study_state.study.paths.logs / name.replace("/", "_")
        try:
            patiently(lambda: make_file(path).write_text(event.log, "utf-8", "replace"))
        except OSError as error:
            raise cannot_write(path, error) from error
        return str(path.name)

    def _check_environment(self, worker: str, environment: dict[str, str]) -> None:
        if self._environment is None:
            self._environment = environment
        old = self._environment
        # a grid that has grown, or lost a value, needs more of a worker than before, or less
        optional = {n for n in self._study_state.may_need if (n in old) != (n in environment)}
        self._environment = {n: environment[n] for n in optional if n in environment} | old
        names = sorted(
            n for n in {*old, *environment} - optional if old.get(n) != environment.get(n)
        )
        if not names or self._study_state.request.mix_environments:
            return
        changes = ", ".join(
            f"{name}: {old.get(name, 'none')} -> {environment.get(name, 'none')}" for name in names
        )
        raise EnvironmentFault(
            f"this worker's versions are not those the study was begun with: {changes}",
            where=f"worker {worker}",
            todo="numbers may differ between versions; use the old ones, start a new study "
            "directory, or accept the mixture with --mix-environments",
        )


def record_sweep(event: SweepEvent, ledger: Ledger, backend_name: str) -> None:
    """Write down what became of a sweep.

    Args:
        event: What became of it.
        ledger: Open for writing.
        backend_name: For the ledger.
    """
    match event:
        case SweepPlanned():
            ledger.plan_sweep(event, backend_name)
        case SweepSent(sweep, place):
            ledger.sweep_sent(sweep, place)
        case SegmentRead():
            ledger.segment_read(event)
        case SweepEnded(sweep, state):
            ledger.end_sweep(sweep, state)
