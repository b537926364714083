"""Sending sweeps: under a name of ours, once, whatever happens to the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from backends.azureml._access import VISIBLE_SECONDS, Access
from backends.azureml._faults import not_known
from backends.azureml._staging import SCRIPT, StagingDirectory
from backends.azureml.sdk.types import AzureTrouble, Submission
from backends.azureml.settings import AzureSettings
from gridrun.plan.units import SweepEnded, SweepEvent, SweepPlanned, SweepSent, Unit
from gridrun.run.backend import SentSweep, SweepStatus
from gridrun.run.sweep_backend import is_reading


class Sender:
    """Submits what was prepared, and finds out what came of it.

    Args:
        settings: Where and how.
        access: To Azure.
        stage: Where it was prepared.
        say: Called with each line of progress.
    """

    def __init__(
        self,
        settings: AzureSettings,
        access: Access,
        stage: StagingDirectory,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._access = access
        self._stage = stage
        self._say = say
        self._has_cluster = False

    def send(self, name: str, shards: tuple[tuple[Unit, ...], ...]) -> Iterator[SweepEvent]:
        """Plan a sweep that was prepared, and submit it.

        Raises:
            AzureTrouble: Azure refuses it.
            EnvironmentFault: Whether it was accepted is not known.
        """
        self._check_cluster()  # before a sweep is planned that would be said to cost
        yield SweepPlanned(name, shards)
        try:
            found = self._access.submit(self._submission(name))
        except AzureTrouble as trouble:
            # a lost request may still be on its way; a refused one is not
            if trouble.kind.passes:
                raise not_known(trouble, name) from None
            yield SweepEnded(name, "abandoned")
            raise
        yield SweepSent(name, found.place)
        self._say(f"sweep {name} was accepted: {found.place}")

    def find_again(self, sweep: SentSweep, *, submit: bool) -> SweepStatus | None:
        """A sweep that an earlier run planned; None where it was never accepted.

        Args:
            sweep: The sweep.
            submit: Whether it may be submitted once more if it is not there.
        """
        found = self._access.find(sweep.name)
        if found is None and submit and self._stage.axes_of(sweep.name):
            # the same id once more: were it there after all, Azure would say so
            self._check_cluster()
            found = self._access.submit(self._submission(sweep.name))
        age = time.time() - sweep.planned
        if found is None and submit and age < VISIBLE_SECONDS:
            self._access.pause(VISIBLE_SECONDS - age)
            found = self._access.find(sweep.name)
        return found

    def _submission(self, name: str) -> Submission:
        return Submission(
            run_id=name,
            settings=self._settings,
            directory=self._stage.sent(name),
            script=SCRIPT,
            axes=self._stage.axes_of(name),
            metric=self._stage.metric_of(name),
            reads_inputs=is_reading(name),
        )

    def _check_cluster(self) -> None:
        if self._has_cluster:
            return
        self._say("signing in to Azure")
        found = self._access.call("cluster", self._settings, create=bool(self._settings.vm_size))
        self._has_cluster = True
        if found.created:
            self._say(f"compute cluster {self._settings.compute} was created: {found.vm_size}")
        for problem in found.problems:
            self._say(f"compute cluster {self._settings.compute}: {problem}")
