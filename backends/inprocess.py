"""The backend for debuggers and small tests: tasks run in the caller's own process.

Nothing is isolated: a task that kills its process kills the caller, limits are
not kept, and what a task prints goes where the caller's output goes. Only tasks that
would change the process for others run in a child, as those of all other backends do.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gridrun.pipeline import Runner, TaskSpec, load_pipeline
from gridrun.plan.units import (
    Attempt,
    Event,
    Job,
    ReadArtifact,
    TaskDone,
    TaskFailed,
    Unit,
    UnitFinished,
    UnitStarted,
    WorkerReady,
    is_final,
)
from gridrun.run.backend import Capabilities, UnitFeed
from gridrun.worker import (
    StageClock,
    Supervisor,
    company_of,
    private_directory,
    put_artifact,
    try_task,
    worker_name,
)

_LOOK_SECONDS = 0.5
"""Longest wait for a child without a look at whether a stop is wanted."""


class InProcessBackend:
    """Runs one unit after the other, here. See ``gridrun.run.backend`` for the contract."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._read_artifact: ReadArtifact | None = None
        self._runner: Runner | None = None
        self._directory: Path | None = None
        self._supervisor: Supervisor | None = None
        self._stopping = False
        self._stage = ""
        self._clock: StageClock | None = None
        self._worker = worker_name()

    @property
    def capabilities(self) -> Capabilities:
        """One unit at a time, not isolated."""
        return Capabilities(isolates=False)

    def open(self, job: Job, read_artifact: ReadArtifact) -> None:
        """Remember the job; the pipeline's runner is opened with the first unit."""
        self._job = job
        self._read_artifact = read_artifact

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Run units until there are none, or until stopped.

        Raises:
            RuntimeError: The backend is not open.
        """
        while not self._stopping and (unit := next_unit()) is not None:
            yield UnitStarted(unit.id, self._worker)
            runner = self._runner
            if runner is None:
                runner = self._runner = self._open_runner()
                yield WorkerReady(self._worker, dict(runner.environment()))
            artifact = self._artifact(unit)
            left = len(unit.tasks)
            separate = tuple(task for task in unit.tasks if company_of(runner, task))
            for task in unit.tasks:
                if self._stopping:
                    break
                if task not in separate:
                    yield self._event(unit, task, runner, artifact)
                    left -= 1
            for event in self._in_child(replace(unit, tasks=separate)):
                yield event
                left -= is_final(event)
            yield UnitFinished(unit.id, self._worker, stopped=left > 0)

    def stop(self) -> None:
        """End after the current task."""
        self._stopping = True

    def close(self) -> None:
        """Forget the runner, end the child and remove the artifacts."""
        self._runner = None
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _in_child(self, unit: Unit) -> Iterator[Event]:
        """Run tasks in processes that others do not share."""
        if not unit.tasks or self._stopping:
            return
        if self._supervisor is None:
            assert self._job is not None
            assert self._read_artifact is not None
            workdir = self._own_directory() / "work"
            self._supervisor = Supervisor(self._job, self._read_artifact, workdir)
        supervisor = self._supervisor
        supervisor.start(unit)
        while not supervisor.is_idle:
            if self._stopping:
                supervisor.stop()
            for event in supervisor.poll(_LOOK_SECONDS):
                if not isinstance(event, UnitStarted | UnitFinished):
                    yield event

    def _own_directory(self) -> Path:
        if self._directory is None:
            self._directory = private_directory("gridrun-")
        return self._directory

    def _open_runner(self) -> Runner:
        if self._job is None:
            msg = "open the backend first"
            raise RuntimeError(msg)
        pipeline = load_pipeline(self._job.pipeline)
        self._clock = StageClock(pipeline.stages)
        return pipeline.open_runner(self._job.settings, self._note_stage)

    def _note_stage(self, stage: str, _key: str) -> None:
        self._stage = stage
        if self._clock is not None:
            self._clock.at_stage(stage)

    def _artifact(self, unit: Unit) -> Path | None:
        if not unit.artifact or self._read_artifact is None:
            return None
        path = self._own_directory() / f"artifact-{unit.artifact}"
        put_artifact(unit, self._read_artifact, path)
        return path

    def _event(
        self, unit: Unit, task: TaskSpec, runner: Runner, artifact: Path | None
    ) -> TaskDone | TaskFailed:
        self._stage = ""
        tried = try_task(runner, task, artifact, self._clock)
        attempt = Attempt(unit.id, 1, self._worker, tried.started, tried.seconds)
        return tried.event(task, attempt, stage=self._stage, log=tried.more)
