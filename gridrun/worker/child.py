"""What a supervisor's child does: opens the pipeline's runner, then runs what it is handed.

It may die at any moment. Every outcome is written to the pipe before the next
task starts, and what is about to run is noted on the status page first.
"""

from __future__ import annotations

import pickle
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import Runner, Stage, TaskSpec, load_pipeline
from gridrun.plan.limits import CLASSIFIER
from gridrun.plan.units import Job
from gridrun.worker._channel import Channel
from gridrun.worker._messages import Dispatch, Idle, Outcome, Ran, Ready, Refused
from gridrun.worker._shared_status import STATUS, StatusPage
from gridrun.worker._task import StageClock, company_of, is_spent, one_line, try_task


class _QuarantinedStage(BaseException):
    """A stage that has killed processes before; no ``except Exception`` may swallow it."""

    def __init__(self, stage: str, key: str) -> None:
        super().__init__(stage, key)
        self.stage = stage
        self.key = key


class _Child:
    """The child's state between tasks.

    Args:
        channel: To the supervisor.
        stages: Of the pipeline.
    """

    def __init__(self, channel: Channel, stages: Iterable[Stage]) -> None:
        self._channel = channel
        self._clock = StageClock(stages)
        self._status = StatusPage(channel.directory / STATUS)
        self._quarantined: frozenset[tuple[str, str]] = frozenset()
        self._company: str | None = None

    def stage_hook(self, stage: str, key: str) -> None:
        """Note a stage on the status page; refuse one that is quarantined."""
        self._status.at_stage(stage, key)
        self._clock.at_stage(stage)
        if (stage, key) in self._quarantined:
            raise _QuarantinedStage(stage, key)

    def run(self, dispatch: Dispatch, runner: Runner) -> None:
        """Run tasks in turn until they are through or a stop is wanted.

        Tasks that must not share a process with the first one are left to another process.
        """
        self._quarantined = dispatch.quarantined
        artifact = Path(dispatch.artifact) if dispatch.artifact is not None else None
        spent = False
        for position, task in dispatch.tasks:
            if self._status.stop_wanted:
                break
            company = company_of(runner, task)
            if self._company is None:
                self._company = company
            if company != self._company:
                spent = True
                continue
            self._status.begin(position)
            outcome = self._one(runner, position, task, artifact)
            self._answer(outcome)
            self._status.rest()
            if is_spent(runner):
                spent = True
                break
        self._channel.reply(Idle(spent))

    def _one(self, runner: Runner, position: int, task: TaskSpec, artifact: Path | None) -> Outcome:
        try:
            tried = try_task(runner, task, artifact, self._clock)
        except _QuarantinedStage as stop:
            log = self._channel.printed()
            return Refused(position, time.time(), stop.stage, stop.key, log)
        stage, _ = self._status.stage()
        return Ran(position, tried, stage, self._channel.printed() + tried.more)

    def _answer(self, outcome: Outcome) -> None:
        try:
            self._channel.reply(outcome)
        except (pickle.PicklingError, TypeError, AttributeError) as defect:
            assert isinstance(outcome, Ran), "there is nothing else that cannot be sent"
            reason = one_line(f"the result cannot be sent: {type(defect).__name__}: {defect}")
            failed = replace(outcome.tried, result=None, reason=reason)
            log = outcome.log + traceback.format_exc()
            self._channel.reply(Ran(outcome.position, failed, "", log))


def serve(channel: Channel) -> None:
    """Open the pipeline's runner and run what is handed over until the supervisor is gone.

    Args:
        channel: To the supervisor; its first request is a job, all others are dispatches.

    Raises:
        GridrunError: The pipeline explains why its runner cannot be opened.
        EnvironmentFault: A package is missing.
    """
    requests = channel.requests()
    job: Job = next(requests)
    try:
        pipeline = load_pipeline(job.pipeline)
        child = _Child(channel, pipeline.stages)
        runner = pipeline.open_runner(job.settings, child.stage_hook)
    except ImportError as error:
        raise EnvironmentFault(
            f"a Python package cannot be loaded by {sys.executable}: {error}",
            todo="install what the pipeline needs into the Python that runs the workers",
        ) from error
    channel.reply(Ready(dict(runner.environment()), _reads(pipeline.stages)))
    for dispatch in requests:
        child.run(dispatch, runner)


def _reads(stages: Iterable[Stage]) -> dict[str, tuple[str, ...]]:
    """What stages that run here read themselves."""
    return {
        stage.name: (*stage.reads, CLASSIFIER) if stage.per_classifier else stage.reads
        for stage in stages
        if not stage.on_driver
    }
