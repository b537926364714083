"""The first job of a study whose inputs stay in a datastore: a sweep of one child."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from backends.azureml._absence import Absence
from backends.azureml._access import Access
from backends.azureml._children import latest
from backends.azureml._staging import StagingDirectory
from backends.azureml._watch import PREFIX
from backends.azureml.sdk.types import ENDED, AzureTrouble, ChildFacts, Trouble
from backends.azureml.sdk.versions import version_of
from backends.azureml.settings import AzureSettings
from backends.azureml.stamps import Stamp
from gridrun.errors import EnvironmentFault, Fault, InputError, UserError
from gridrun.run.backend import SweepStatus
from gridrun.run.sweep_backend import ReadingLook
from gridrun.shard import REPORT

_WANTED = rf"{PREFIX}{REPORT.replace('.', '[.]')}"
_LATE_LOOKS = 3
"""So many looks after its end the job may still bring its report."""


def stamps_before(access: Access, settings: AzureSettings) -> Mapping[str, Stamp]:
    """What the datastore says of the inputs before the platform copies them to a node (SDK v2).

    None where the child asks by itself (SDK v1), or where this account may not ask.

    Raises:
        InputError: An input is not there.
        UserError: The datastore is not there.
        AzureTrouble: It cannot be asked now.
    """
    data = settings.data
    if data is None or version_of(settings.sdk) == "v1":
        return {}
    try:
        found: Mapping[str, Stamp] = access.call("stamps", data)
    except AzureTrouble as trouble:
        if trouble.kind is Trouble.MISSING:
            raise UserError(
                f"it cannot be opened: {trouble.text}",
                where=f"datastore {data.datastore}",
                todo="check that the workspace has a datastore of this name",
            ) from None
        if trouble.kind is Trouble.FORBIDDEN:
            return {}
        raise
    missing = [role for role, stamp in found.items() if not stamp]
    if missing:
        raise InputError([Fault(Path(data.place(role)), "is not there") for role in missing])
    return found


class ReadingJob:
    """Looks at the job.

    Args:
        name: Of its sweep.
        access: To Azure.
        stage: Where its report is put.
        say: Called with each line about its state.
    """

    def __init__(
        self, name: str, access: Access, stage: StagingDirectory, say: Callable[[str], None]
    ) -> None:
        self.name = name
        self._access = access
        self._stage = stage
        self._say = say
        self._said = ""
        self._looks_after_end = 0
        self._absence = Absence(time.time(), late_seconds=None)

    def look(self) -> ReadingLook:
        """Look once.

        Raises:
            AzureTrouble: A call failed, and kept failing.
        """
        run = self._find()
        if run is None:
            return ReadingLook()
        children = list(latest(self._access.call("children", self.name)).values())
        states = ", ".join(child.state.lower() for child in children) or run.state.lower()
        if states != self._said:
            self._said = states
            self._say(f"{self.name}, which reads the inputs, is {states}")
        reason = run.error or "the job left no report"
        for child in children:
            if child.state in ENDED:
                if report := self._report(child):
                    return ReadingLook(report)
                reason = child.error or f"the job ended as {child.state} without a report"
        self._looks_after_end += run.state in ENDED
        if self._looks_after_end < _LATE_LOOKS:
            return ReadingLook()
        fault = EnvironmentFault(
            f"the job that reads the inputs failed: {reason}",
            where=self.name,
            todo="read its log with gridrun azure logs; the same command sends the job again",
        )
        return ReadingLook(fault=fault, is_cancelled=run.state == "Canceled")

    def _find(self) -> SweepStatus | None:
        """The job; None where it is not there, and failed where it is not for good."""
        found: SweepStatus | None = None
        try:
            found = self._access.call("find", self.name)
        except AzureTrouble as trouble:
            if trouble.kind is not Trouble.MISSING:
                raise
        self._absence.note(is_there=found is not None)
        if found is None and self._absence.is_for_good:
            self._looks_after_end = _LATE_LOOKS
            return SweepStatus(self.name, "Failed", "", "it is not there any more")
        return found

    def _report(self, child: ChildFacts) -> str:
        directory = self._stage.received(self.name, child.name)
        wanted = [(child.name, str(directory), frozenset[str]())]
        self._access.call("fetch", wanted, _WANTED, PREFIX)
        path = directory / REPORT
        return path.read_text("utf-8") if path.exists() else ""
