"""One run of a study, from the check of its inputs to its tables."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridrun._version import __version__
from gridrun.backend import Backend
from gridrun.engine._feed import Feed
from gridrun.engine._progress import Progress, Tally
from gridrun.errors import EnvironmentFault, Fault, GridrunError
from gridrun.ledger import Ledger
from gridrun.pipeline import Source, TaskResult
from gridrun.plan import Pending, cut_units
from gridrun.results import Summary, write_results
from gridrun.units import (
    Event,
    Job,
    TaskDone,
    TaskFailed,
    UnitFinished,
    UnitLost,
    UnitStarted,
    WorkerReady,
)
from gridrun.workspace import STUDY_META, Workspace


@dataclass(frozen=True)
class RunReport:
    """How a run ended.

    Args:
        state: ``done``, ``failed`` (some tasks) or ``interrupted``.
        tally: Counts of this run.
        seconds: Wall seconds.
        summary: What the tables say.
        notes: What was worth saying about the inputs.
    """

    state: str
    tally: Tally
    seconds: float
    summary: Summary
    notes: tuple[Fault | str, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some tasks failed, 130 interrupted and resumable."""
        return {"done": 0, "failed": 1, "interrupted": 130}[self.state]


class Engine:
    """Runs what is left of a workspace on a backend.

    Args:
        workspace: The study and the request.
        make_backend: Makes the backend; only called if something is left to run.
        backend_name: For the ledger.
        progress: Watches.
    """

    def __init__(
        self,
        workspace: Workspace,
        make_backend: Callable[[], Backend],
        backend_name: str,
        progress: Progress,
    ) -> None:
        self._workspace = workspace
        self._make_backend = make_backend
        self._backend_name = backend_name
        self._progress = progress
        self._backend: Backend | None = None
        self._feed: Feed | None = None
        self._tally = Tally()
        self._notes: list[Fault | str] = []
        self._interrupted = False
        self._has_read = False
        self._environment: dict[str, Any] | None = None

    def stop(self) -> None:
        """Let workers end their current task, hand the rest back, and end; only sets flags."""
        self._interrupted = True
        if self._feed is not None:
            self._feed.stop()
        if self._backend is not None:
            self._backend.stop()

    def run(self) -> RunReport:
        """Run to the end, to the first Ctrl-C, or to a fault.

        Raises:
            InputError: Something is wrong with the inputs; nothing was written.
            GridrunError: It cannot go on; what was committed is kept.
        """
        began = time.monotonic()
        workspace, progress = self._workspace, self._progress
        notes: list[Fault | str] = [*workspace.study.notes, *workspace.selection.notes]
        for note in (*notes, *workspace.check_inputs()):
            self._note(note)
        if workspace.view is not None:
            workspace.view.refuse_if_held()
            progress.phase("looking up what is done")
        pending = list(workspace.pending(workspace.known_context_ids(), workspace.view))
        self._tally.total = len(workspace.tables) * workspace.folds
        self._tally.before = self._tally.total - sum(len(fold.codes) for fold in pending)
        progress.update(self._tally)
        if self._tally.before < self._tally.total or workspace.view is None:
            with _no_traces(workspace.study.paths.state):
                self._run(pending)
        summary = self._results()
        failed = summary.failed > 0
        state = "interrupted" if self._interrupted else "failed" if failed else "done"
        return RunReport(state, self._tally, time.monotonic() - began, summary, tuple(self._notes))

    def _run(self, pending: list[Pending]) -> None:
        workspace = self._workspace
        backend = self._backend = self._make_backend()
        sources: list[Source] = []
        job = Job(workspace.pipeline_name, workspace.settings, workspace.study.limits)
        try:
            backend.open(job, lambda digest: sources[0].path(digest).read_bytes())
            self._progress.phase("reading the inputs")
            source = workspace.pipeline.open_source(
                workspace.settings, workspace.study.grid.allowed(), workspace.study.paths.cache
            )
            sources.append(source)
            self._has_read = True
            for note in source.notes():
                self._note(note)
            with Ledger(workspace.study.paths.ledger) as ledger:
                if ledger.note:
                    self._note(ledger.note)
                self._loop(ledger, source, backend, pending)
        finally:
            self._progress.phase("")
            backend.close()
            workspace.refresh()

    def _loop(
        self, ledger: Ledger, source: Source, backend: Backend, pending: list[Pending]
    ) -> None:
        workspace = self._workspace
        self._environment = ledger.environment()
        ledger.store_meta(STUDY_META, workspace.study.path.name)
        ledger.store_values(workspace.book)
        ledger.store_meta(*workspace.input_meta())
        ledger.store_sample(workspace.sample_name, workspace.selection.to_json())
        ids = [
            ledger.context_id(context.classifier, context.components)
            for context in workspace.tables.contexts
        ]
        seconds = workspace.seconds(ids, ledger)
        run = ledger.begin_run(workspace.request.selecting(), self._backend_name, __version__)
        workers = backend.capabilities.workers
        cuts = cut_units(workspace.tables, pending, ids, seconds, workers)
        feed = self._feed = Feed(cuts, source, run, lambda event: self._failed(ledger, event))
        if self._interrupted:
            feed.stop()
        state = "stopped"
        try:
            self._progress.phase("starting the workers")
            for event in backend.run(feed.next_unit):
                self._take(ledger, feed, event)
            ended = "failed" if self._tally.failed else "done"
            state = "interrupted" if self._interrupted else ended
        except KeyboardInterrupt:
            state = "interrupted"
            self._interrupted = True
        finally:
            with contextlib.suppress(GridrunError) if state == "stopped" else _nothing():
                ledger.end_run(state)

    def _take(self, ledger: Ledger, feed: Feed, event: Event) -> None:
        match event:
            case TaskDone():
                if feed.settle(event):
                    ledger.record(event, self._keep_log(event))
                    self._count(event.result)
                    self._progress.update(self._tally)
            case TaskFailed():
                if not event.final or feed.settle(event):
                    self._failed(ledger, event)
            case UnitStarted(unit, worker):
                self._progress.phase("running")
                ledger.hold(unit, worker, feed.tasks_of(unit))
            case UnitFinished(unit, _, stopped):
                if feed.tasks_of(unit) and not stopped:
                    feed.lose(unit, "the unit ended with tasks left")
                feed.finish(unit)
                ledger.release(unit)
            case UnitLost(unit, reason):
                self._note(f"a worker was lost ({reason}); its unfinished tasks run again")
                feed.lose(unit, reason)
                ledger.release(unit)
            case WorkerReady(worker, environment):
                self._check_environment(dict(environment))
                ledger.add_worker(worker, environment)

    def _count(self, result: TaskResult) -> None:
        self._tally.done += 1
        if result.shared:
            self._tally.shared += 1
            return
        for name, count in result.facts.get("fits", {}).items():
            self._tally.fits[name] = self._tally.fits.get(name, 0) + count

    def _failed(self, ledger: Ledger, event: TaskFailed) -> None:
        log = self._keep_log(event)
        ledger.record(event, log)
        if event.final:
            self._tally.failed += 1
        else:
            self._tally.retried += 1
        self._progress.failure(event, log)
        self._progress.update(self._tally)

    def _keep_log(self, event: TaskDone | TaskFailed) -> str:
        if not event.log:
            return ""
        values = "-".join(str(value) for value in event.task.values.values())
        name = (
            f"{event.task.classifier}_fold{event.task.fold}_{values}"
            f"_{event.attempt.started:.0f}_attempt{event.attempt.number}.log"
        )
        path = self._workspace.study.paths.logs / name.replace("/", "_")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(event.log, "utf-8", "replace")
        return str(path.name)

    def _check_environment(self, environment: dict[str, str]) -> None:
        if self._environment is None:
            self._environment = environment
        if environment == self._environment or self._workspace.request.mix_environments:
            return
        old = self._environment
        names = sorted(n for n in {*old, *environment} if old.get(n) != environment.get(n))
        changes = ", ".join(
            f"{name}: {old.get(name, 'none')} -> {environment.get(name, 'none')}" for name in names
        )
        raise EnvironmentFault(
            f"this worker's versions are not those the study was begun with: {changes}",
            todo="numbers may differ between versions; use the old ones, start a new study "
            "directory, or accept the mixture with --mix-environments",
        )

    def _note(self, note: Fault | str) -> None:
        if note not in self._notes:
            self._notes.append(note)
            self._progress.note(note)

    def _results(self) -> Summary:
        self._progress.phase("writing the tables")
        # without reading, nothing is known of the inputs that an earlier run has not said
        summary = write_results(self._workspace, self._notes if self._has_read else None)
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


@contextlib.contextmanager
def _nothing() -> Iterator[None]:
    yield
