"""The backend ``azureml``: units go away as HyperDrive sweeps and come back as segments."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from backends.azureml._access import Access
from backends.azureml._check import check
from backends.azureml._children import latest
from backends.azureml._estimates import cores, poll_seconds, quote
from backends.azureml._faults import fault_of
from backends.azureml._reading import read_inputs
from backends.azureml._sender import Sender
from backends.azureml._staging import StagingDirectory
from backends.azureml._sweeps import Sweeps
from backends.azureml.sdk.calls import Detached
from backends.azureml.sdk.secrets import without_secrets
from backends.azureml.sdk.types import AzureTrouble
from backends.azureml.settings import AzureSettings
from gridrun.plan.units import Event, Job, ReadArtifact, Unit
from gridrun.run.backend import (
    Capabilities,
    ChildStatus,
    Commands,
    Quote,
    ReadingEvent,
    SentSweep,
    StudyView,
    SweepStatus,
    UnitFeed,
)

_LOGS = r"user_logs/std_log.*\.txt|azureml-logs/70_driver_log.*\.txt|logs/azureml/.*stderr.*"
"""Names of what a child prints, by age of the service."""


class AzureBackend:
    """Runs units on Azure ML; see ``gridrun.run.backend.DetachableBackend`` for the contract.

    Args:
        settings: Where and how.
        send: Whether new units are sent.
        wait: Whether ``run`` goes on until everything has ended; otherwise it sends, or
            looks once, and ends.
        by_combination: One child for each combination, as upstream's notebook has it.
        hourly_rate: Price of a node for an hour, instead of the settings'.
        say: Called with each line of progress.
    """

    commands = Commands.below("gridrun azure")

    def __init__(
        self,
        settings: AzureSettings,
        *,
        send: bool = True,
        wait: bool = True,
        by_combination: bool = False,
        hourly_rate: float | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        if hourly_rate is not None:
            settings = replace(settings, hourly_rate=hourly_rate)
        self._settings = settings
        self._send = send
        self._wait = wait
        self._by_combination = by_combination
        self._say = say
        self._access = Access(settings, say, waits=wait)
        self._job: Job | None = None
        self._read_artifact: ReadArtifact = _no_artifact
        self._study: StudyView | None = None
        self._own_directory: tempfile.TemporaryDirectory[str] | None = None
        self._stopping = False

    @property
    def capabilities(self) -> Capabilities:
        """Isolated; as many units at once as all nodes have cores."""
        return Capabilities(
            isolates=True,
            workers=self._settings.max_nodes * cores(self._settings),
            most_tasks=1 if self._by_combination else None,
        )

    def open(self, job: Job, read_artifact: ReadArtifact) -> None:
        """Remember the job; the process that talks to Azure starts in the background."""
        self._job = job
        self._read_artifact = read_artifact
        self._access.calls.start()

    def attach(self, study: StudyView) -> None:
        """Take over what earlier runs sent."""
        self._study = study

    def cancel(self, sweep: str) -> None:
        """Ask for the end of a sweep."""
        self._access.ask("cancel", sweep)

    def quote(self, units: Sequence[Unit]) -> Quote:
        """Estimated size and cost of sending units."""
        return quote(self._settings, units, by_combination=self._by_combination)

    def look(self, sweep: str) -> SweepStatus:
        """A sweep as it is now."""
        run = self._access.ask("find", sweep)
        records = latest(self._access.ask("children", sweep))
        children = [
            ChildStatus(child.run_id, child.status, child.error)
            for child in sorted(records.values(), key=lambda child: _by_number(child.run_id))
        ]
        return SweepStatus(run.run_id, run.status, run.url, run.error, tuple(children))

    def log(self, child: str) -> str:
        """What a child printed."""
        text: str = self._access.ask("text", child, _LOGS)
        return without_secrets(text)

    def publish(self, sweep: str, path: Path) -> str:
        """Put a file among those of a sweep; its name there."""
        name = f"outputs/{path.name}"
        self._access.ask("upload", sweep, name, path)
        return f"{sweep}, {name}"

    def next_steps(self, study: str) -> str:
        """What a person does while tasks are out."""
        return (
            f"resume with: {self.commands.send} {study}; see their state: {self.commands.status} "
            f"{study}; end them: {self.commands.cancel} {study}"
        )

    def check(self) -> Iterator[tuple[str, str, str, str]]:
        """Check what a run needs: what was checked, verdict, what was found, what to do."""
        yield from check(self._settings, self._access.calls)

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Send units, look at all sweeps until they have ended, or until stopped.

        Raises:
            UserError: Azure refuses what the settings ask for.
            EnvironmentFault: Azure cannot be reached or signed in to, or no child can work.
            RuntimeError: The backend is not open.
        """
        if self._job is None:
            msg = "open the backend first"
            raise RuntimeError(msg)
        if self._stopping:
            return
        study = self._study_view()
        sweeps = Sweeps(
            self._settings,
            self._access,
            study,
            job=self._job,
            read_artifact=self._read_artifact,
            sends=self._send,
            waits=self._wait,
            by_combination=self._by_combination,
            say=self._say,
        )
        try:
            yield from sweeps.run(next_unit)
        except Detached:
            return
        except AzureTrouble as trouble:
            raise fault_of(trouble, self._settings) from None
        finally:
            # a second run must neither take them over again nor use a name twice
            count = study.sweeps_so_far + sweeps.sent
            self._study = replace(study, sweeps=(), sweeps_so_far=count)

    def read(self, order: str, sweep: SentSweep | None, study: StudyView) -> Iterator[ReadingEvent]:
        """Have the inputs read where they are; see ``gridrun.run.backend.ReadingBackend``.

        Raises:
            UserError: Azure refuses what the settings ask for.
            EnvironmentFault: Azure cannot be reached or signed in to, or the job cannot work.
        """
        stage = StagingDirectory(study.directory, self._settings.data)
        sender = Sender(self._settings, self._access, stage, self._say)
        try:
            yield from read_inputs(
                order,
                sweep,
                study,
                access=self._access,
                sender=sender,
                stage=stage,
                say=self._say,
                wait=self._wait,
                poll_seconds=lambda looks: poll_seconds(self._settings, looks),
            )
        except Detached:
            return
        except AzureTrouble as trouble:
            raise fault_of(trouble, self._settings) from None

    def stop(self) -> None:
        """End ``run``; what was sent goes on."""
        self._stopping = True
        self._access.calls.stop()

    def close(self) -> None:
        """End the process that talks to Azure; what was sent goes on."""
        self._access.calls.close()
        if self._own_directory is not None:
            self._own_directory.cleanup()
            self._own_directory = None

    def _study_view(self) -> StudyView:
        if self._study is not None:
            return self._study
        # run by somebody who keeps no ledger: names must be new every time
        self._own_directory = tempfile.TemporaryDirectory(prefix="gridrun-sweeps-")
        directory = Path(self._own_directory.name)
        token = directory.name.removeprefix("gridrun-sweeps-").replace("_", "-")
        self._study = StudyView("units", token, 0, directory)
        return self._study


def _by_number(run_id: str) -> tuple[str, int]:
    name, _, number = run_id.rpartition("_")
    return (name, int(number)) if number.isdigit() else (run_id, 0)


def _no_artifact(digest: str) -> bytes:
    raise KeyError(digest)
