"""One run of a study, from the check of its inputs to its tables."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridrun._version import __version__
from gridrun.errors import EnvironmentFault, Fault, GridrunError, UserError, counted
from gridrun.pipeline import Source
from gridrun.pipeline.notebooks import facts_html, facts_text
from gridrun.plan.cutting import UnitPlan, cut_units
from gridrun.plan.tasks import Pending
from gridrun.plan.units import Job, TaskFailed
from gridrun.report.disk import disk_of
from gridrun.report.memory import memory_of
from gridrun.report.tables import Summary, stale_files, write_results
from gridrun.run._artifacts import Artifacts
from gridrun.run._ctrl_c import hearing_ctrl_c
from gridrun.run._others import closed_to_others
from gridrun.run._progress import Progress, Tally
from gridrun.run._reading import telling
from gridrun.run._recorder import Notes, Recorder
from gridrun.run._sweeps import exclude_held, held_elsewhere, holders, known_attempts, study_view
from gridrun.run._unit_queue import UnitQueue
from gridrun.run.backend import (
    Backend,
    DetachableBackend,
    PreparableBackend,
    ReadingBackend,
)
from gridrun.store.ledger import Ledger, StoredSweep, examined
from gridrun.store.patience import patiently
from gridrun.study.state import PIPELINE_META, STUDY_META, StudyState

_LOOK_SECONDS = 0.5
"""Longest wait without asking whether a stop is wanted."""


@dataclass(frozen=True)
class RunReport:
    """How a run ended.

    Args:
        state: ``done``, ``failed`` (some tasks), ``interrupted``, ``broken`` when the
            machine is at fault and tasks are left, or ``detached`` when sweeps go on elsewhere.
        tally: Counts of this run.
        seconds: Wall seconds.
        summary: What the tables say.
        notes: What was worth saying about the inputs.
        held: Tasks that sweeps elsewhere hold.
        look: Commands that say how those sweeps stand.
        fault: What is wrong with the machine, when the run was broken off.
    """

    state: str
    tally: Tally
    seconds: float
    summary: Summary
    notes: tuple[Fault | str, ...] = field(default=())
    held: int = 0
    look: tuple[str, ...] = ()
    fault: EnvironmentFault | None = None

    @property
    def exit_code(self) -> int:
        """0 all done or detached, 1 some tasks failed, 3 broken off, 130 interrupted."""
        return {"done": 0, "detached": 0, "failed": 1, "broken": 3, "interrupted": 130}[self.state]

    def __repr__(self) -> str:
        return f"{facts_text(f'Run: {self.state}', self._facts())}\n{self.summary!r}"

    def _repr_html_(self) -> str:
        """How it ended and what the tables say, for notebooks."""
        notes = [note if isinstance(note, str) else note.text() for note in self.notes]
        said = facts_html(f"Run: {self.state}", self._facts(), [*notes, *self.look])
        return f"{said}{self.summary._repr_html_()}"

    def _facts(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "tasks": tally.total,
            "done by earlier runs": tally.before,
            "done": tally.done,
            "of these shared": tally.shared,
            "failed": tally.failed,
            "tasks that sweeps hold": self.held or None,
            "seconds": round(self.seconds, 1),
        }


class Engine:
    """Runs what is left of a study_state on a backend.

    Args:
        study_state: The study and the request.
        make_backend: Makes the backend; only called if something is left to run, and before
            anything else where that is certain.
        backend_name: For the ledger.
        progress: Progress callback.
        collect_only: Whether only what earlier runs sent away is taken in: nothing is
            sent, and the inputs need not be here.
    """

    def __init__(
        self,
        study_state: StudyState,
        make_backend: Callable[[], Backend],
        backend_name: str,
        progress: Progress,
        *,
        collect_only: bool = False,
    ) -> None:
        self._study_state = study_state
        self._make_backend = make_backend
        self._backend_name = backend_name
        self._progress = progress
        self._collect_only = collect_only
        self._backend: Backend | None = None
        self._queue: UnitQueue | None = None
        self._tally = Tally()
        self._notes = Notes(progress)
        self._interrupted = False
        self._has_read = False
        self._fault: EnvironmentFault | None = None
        self.is_running = False
        """Whether the backend is running tasks just now."""

    def stop(self) -> None:
        """Let workers end their current task, hand the rest back, and end; only sets flags."""
        self._interrupted = True
        if self._queue is not None:
            self._queue.stop()
        if self._backend is not None:
            self._backend.stop()

    def abandon(self) -> None:
        """Leave no process or file of the backend behind; this process is about to end."""
        if self._backend is not None:
            # the exit code is decided, and no failure to clean up may replace it
            with contextlib.suppress(Exception):
                self._backend.close()

    def run(self) -> RunReport:
        """Run to the end, to the first Ctrl-C, or to a fault.

        Raises:
            InputError: Something is wrong with the inputs; nothing was written.
            GridrunError: It cannot go on; what was committed is kept. A fault of the
                machine after the first outcome is not raised but reported, with the tables.
        """
        with examined(self._study_state.study.paths.ledger):
            try:
                return self._go()
            finally:
                if self._backend is not None:
                    self._backend.close()

    def _go(self) -> RunReport:
        began = time.monotonic()
        study_state, progress = self._study_state, self._progress
        notes: list[Fault | str] = [*study_state.study.notes, *study_state.selection.notes]
        notes += study_state.caveat_notes
        for note in notes:
            self._notes.add(note)
        for note in closed_to_others(study_state.study.paths):
            progress.note(note)  # of this machine: it does not stand beside the tables
        if not self._collect_only:
            for note in study_state.check_inputs():
                self._notes.add(note)
        if study_state.view is not None:
            study_state.view.refuse_if_held()
            progress.phase("looking up which tasks are done")
        elif not self._collect_only:
            self._prepare_backend()  # nothing was run yet, so there is something to run
        with self._telling("taking digests of the inputs"):
            pending = self._pending()
        if self._forget_damaged(pending):
            pending = self._pending()
        self._tally.total = len(study_state.tables) * study_state.folds
        self._tally.before = self._tally.total - sum(len(fold.codes) for fold in pending)
        progress.update(self._tally)
        if self._is_needed(pending):
            with _no_traces(study_state.study.paths.state):
                self._run(pending)
        summary = self._results()
        if summary.damaged and not self._collect_only:
            raise EnvironmentFault(
                f"{counted(summary.damaged, 'result')} in the ledger did not stay as recorded",
                where=str(study_state.study.paths.ledger),
                todo="run the same command again, which computes them again; if this comes back, "
                "the disk does not keep what is written to it",
            )
        living = self._living()
        held = sum(sweep.tasks for sweep in living)
        state = self._state(summary, held)
        seconds = time.monotonic() - began
        look = tuple(commands.status for _, commands in holders(living) if commands is not None)
        return RunReport(
            state, self._tally, seconds, summary, tuple(self._notes.said), held, look, self._fault
        )

    def _state(self, summary: Summary, held: int) -> str:
        """How the run ended, as :class:`RunReport` calls it."""
        if self._interrupted or (self._collect_only and summary.waiting and not held):
            return "interrupted"
        if self._fault is not None:
            return "broken"
        if held:
            return "detached"
        return "failed" if summary.failed else "done"

    def _telling(self, what: str) -> contextlib.AbstractContextManager[None]:
        """Say how far the inputs are read meanwhile."""
        return telling(self._study_state.study.inputs.values(), what, self._progress.phase)

    def _pending(self) -> list[Pending]:
        study_state = self._study_state
        return list(study_state.pending(study_state.known_context_ids(), study_state.view))

    def _forget_damaged(self, pending: list[Pending]) -> bool:
        """Have tasks run again whose results in the ledger are not what was recorded.

        Results are read once more only where tables are going to be written.
        """
        study_state = self._study_state
        view = study_state.view
        is_current = not any(len(fold.codes) for fold in pending) and not stale_files(study_state)
        if view is None or is_current:
            return False
        known = [ident for ident in study_state.known_context_ids() if ident is not None]
        damaged = list(view.damaged(known))
        if not damaged:
            return False
        self._notes.add(
            f"{counted(len(damaged), 'task')} will run again: the ledger does not have the result "
            "that was recorded"
        )
        with Ledger(study_state.study.paths.ledger) as ledger:
            ledger.forget(damaged)
        study_state.refresh()
        return True

    def _is_needed(self, pending: list[Pending]) -> bool:
        view = self._study_state.view
        if self._collect_only:
            return any(sweep.backend == self._backend_name for sweep in self._living())
        return view is None or any(len(fold.codes) for fold in pending)

    def _living(self) -> list[StoredSweep]:
        view = self._study_state.view
        return [sweep for sweep in view.sweeps() if sweep.lives] if view is not None else []

    def _prepare_backend(self) -> Backend:
        """Make the backend, and have it start what takes long while the study is looked at."""
        backend = self._backend = self._make_backend()
        if isinstance(backend, PreparableBackend) and not self._study_state.study.inputs_elsewhere:
            backend.prepare()
        return backend

    def _run(self, pending: list[Pending]) -> None:
        study_state = self._study_state
        backend = self._backend or self._prepare_backend()
        if study_state.study.inputs_elsewhere and not isinstance(backend, ReadingBackend):
            place = next(iter(study_state.study.inputs_elsewhere.values()))
            raise UserError(
                f"the inputs are not here ({place})",
                where=str(study_state.study.path),
                todo="run the study where they can be read: "
                f"{study_state.study.reading_command}; or name local files below inputs",
            )
        sources: list[Source] = []

        def source() -> Source:
            if not sources:
                self._say_sizes(pending)
                self._progress.phase("reading the inputs")
                with self._telling("reading the inputs"):
                    sources.append(study_state.open_source())
                self._has_read = True
                for note in sources[0].notes():
                    self._notes.add(note)
            return sources[0]

        job = Job(
            study_state.pipeline_name,
            study_state.settings,
            study_state.study.limits,
            study_state.known_peaks(),
        )
        artifacts = Artifacts(source, self._notes.add)
        try:
            backend.open(job, artifacts.read)
            has_units = self._has_units(pending)
            if has_units:
                is_new = bool(study_state.unread)
                source()  # faults of the inputs come before anything is written
                if is_new and study_state.view is not None:
                    pending = self._named(pending)
                    has_units = self._has_units(pending)
            with Ledger(study_state.study.paths.ledger) as ledger:
                if ledger.note:
                    self._notes.add(ledger.note)
                self._loop(ledger, artifacts, backend, pending, has_units=has_units)
        finally:
            self._progress.phase("")
            backend.close()
            study_state.refresh()

    def _named(self, pending: list[Pending]) -> list[Pending]:
        """What is left of tasks whose inputs were not known before they were read.

        A file that was only packed anew is the input that results are there of.
        """
        study_state = self._study_state
        study_state.tables.know_inputs(study_state.input_digests)
        left = self._pending()
        self._tally.before += sum(len(f.codes) for f in pending) - sum(len(f.codes) for f in left)
        self._progress.update(self._tally)
        return left

    def _say_sizes(self, pending: list[Pending]) -> None:
        """Say what a first run takes on disk, before it takes any; and what memory may lack."""
        disk = disk_of(self._study_state, pending) if self._study_state.view is None else None
        if disk is not None:
            self._progress.phase(disk.text())
            if disk.warning():
                self._notes.add(disk.warning())
        memory = memory_of(self._study_state, pending)
        if memory is not None and memory.warning():
            self._notes.add(memory.warning())

    def _has_units(self, pending: list[Pending]) -> bool:
        """Whether there is anything to be given to the backend, so that the inputs are needed."""
        view = self._study_state.view
        if view is not None:
            pending = exclude_held(pending, self._study_state.known_context_ids(), view)
        return not self._collect_only and any(len(fold.codes) for fold in pending)

    def _loop(
        self,
        ledger: Ledger,
        artifacts: Artifacts,
        backend: Backend,
        pending: list[Pending],
        *,
        has_units: bool,
    ) -> None:
        study_state = self._study_state
        ledger.store_meta(STUDY_META, study_state.study.path.name)
        ledger.store_meta(PIPELINE_META, study_state.pipeline_name)
        ledger.store_values(study_state.book)
        if not self._collect_only:
            for meta in study_state.input_meta():
                ledger.store_meta(*meta)
        ledger.store_sample(study_state.sample_name, study_state.selection.to_json())
        ids = [
            ledger.context_id(context.classifier, context.components)
            for context in study_state.tables.contexts
        ]
        seconds = study_state.seconds(ids, ledger)
        run = ledger.begin_run(study_state.request.selecting(), self._backend_name, __version__)
        free = exclude_held(pending, ids, ledger) if has_units else []
        cuts: Iterator[UnitPlan] = iter(())
        workers = 1
        if free:
            able = backend.capabilities
            workers = able.workers
            cuts = cut_units(
                study_state.tables, free, ids, seconds, workers, most_tasks=able.most_tasks
            )
        detachable = isinstance(backend, DetachableBackend)

        def fail(event: TaskFailed) -> None:
            recorder.failed(event)

        block = study_state.pipeline.block
        queue = self._queue = UnitQueue(
            cuts, artifacts.make, block, run=run, fail=fail, workers=workers
        )
        recorder = Recorder(
            study_state,
            ledger,
            queue,
            backend_name=self._backend_name,
            progress=self._progress,
            tally=self._tally,
            notes=self._notes,
        )
        if isinstance(backend, DetachableBackend):
            view = study_view(study_state, ledger, pending, ids, self._backend_name)
            recorder.resume(view.sweeps, known_attempts(ledger))
            backend.attach(view)
        others = [
            sweep
            for sweep in ledger.sweeps()
            if sweep.lives and not (detachable and sweep.backend == self._backend_name)
        ]
        if others and sum(len(f.codes) for f in free) < sum(len(f.codes) for f in pending):
            self._notes.add(held_elsewhere(others))
        if self._interrupted:
            queue.stop()
        state = "stopped"
        try:
            self._progress.phase("starting the workers")
            state = self._take_all(backend, queue, recorder)
        finally:
            with (
                contextlib.suppress(GridrunError)
                if state == "stopped"
                else contextlib.nullcontext()
            ):
                ledger.end_run(state)

    def _take_all(self, backend: Backend, queue: UnitQueue, recorder: Recorder) -> str:
        """Record what happens, to the end; gives the state that the run ended in."""
        self.is_running = True
        try:
            with hearing_ctrl_c(self.stop, here=not backend.capabilities.isolates):
                while True:
                    for event in backend.run(queue.next_unit):
                        recorder.take(event)
                        if recorder.has_too_many:
                            self._end_early(backend, queue)
                    if queue.seconds_to_next is None:
                        break
                    self._wait_for_next(queue)
        except KeyboardInterrupt:
            self._interrupted = True
        except EnvironmentFault as fault:
            recorder.let_wait()
            if not self._tally.finished and not self._interrupted:
                raise  # there is nothing to make a table of
            self._fault = fault
            return "interrupted" if self._interrupted else "stopped"
        finally:
            self.is_running = False
        self._interrupted = self._interrupted or recorder.cancelled > 0
        recorder.let_late_wait()
        self._fault = recorder.fault
        if self._interrupted:
            return "interrupted"
        if self._fault is not None:
            return "stopped"
        return "failed" if self._tally.failed else "done"

    def _wait_for_next(self, queue: UnitQueue) -> None:
        """Wait until a unit that was put off may be offered, or a stop is wanted."""
        while (left := queue.seconds_to_next) is not None and left > 0:
            self._progress.phase(f"waiting for {left:.0f} s before lost tasks are tried again")
            time.sleep(min(left, _LOOK_SECONDS))

    def _end_early(self, backend: Backend, queue: UnitQueue) -> None:
        """Start no more tasks; those that run may end."""
        self._notes.add(
            f"{counted(self._tally.failed, 'task')} of this run failed, as many as --max-failures "
            "allows: no more were started"
        )
        queue.stop()
        backend.stop()

    def _results(self) -> Summary:
        self._progress.phase("writing the tables")
        # without reading, nothing is known of the inputs that an earlier run has not said
        said = self._notes.said if self._has_read else None
        summary = patiently(lambda: write_results(self._study_state, said))
        self._progress.phase("")
        return summary


@contextlib.contextmanager
def _no_traces(state: Path) -> Iterator[None]:
    """Leave no empty state directory behind if the inputs turn out to be at fault."""
    fresh = not state.exists()
    try:
        yield
    except GridrunError:
        if fresh and state.exists():
            for directory in (*(path for path in state.iterdir() if path.is_dir()), state):
                with contextlib.suppress(OSError):
                    directory.rmdir()
        raise
