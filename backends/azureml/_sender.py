"""Sending sweeps: under a name of ours, once, whatever happens to the answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from backends.azureml._access import Access
from backends.azureml._estimates import cluster_of, is_reading
from backends.azureml._faults import not_known
from backends.azureml._staging import StagingDirectory
from backends.azureml.sdk.types import AzureTrouble, RunFacts, Submission
from backends.azureml.settings import AzureSettings
from gridrun.plan.units import SweepEnded, SweepEvent, SweepPlanned, SweepSent, Unit
from gridrun.run.backend import SentSweep

GRACE_SECONDS = 60.0
"""A sweep that was just submitted may be invisible for so long."""

_MOST_AT_ONCE = 100


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
        yield SweepPlanned(name, shards)
        self._check_cluster()
        try:
            found = self._access.submit(self._submission(name))
        except AzureTrouble as trouble:
            # a lost request may still be on its way; a refused one is not
            if trouble.kind.passes:
                raise not_known(trouble, name) from None
            yield SweepEnded(name, "abandoned")
            raise
        yield SweepSent(name, found.url)
        self._say(f"sweep {name} was accepted: {found.url}")

    def find_again(self, sweep: SentSweep, *, submit: bool) -> RunFacts | None:
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
        if found is None and submit and age < GRACE_SECONDS:
            self._access.calls.pause(GRACE_SECONDS - age)
            found = self._access.find(sweep.name)
        return found

    def _submission(self, name: str) -> Submission:
        settings, axes = self._settings, self._stage.axes_of(name)
        dockerfile = settings.dockerfile.read_text("utf-8") if settings.dockerfile else ""
        most = min(settings.max_concurrent or settings.max_nodes, _MOST_AT_ONCE)
        return Submission(
            run_id=name,
            experiment=settings.experiment,
            directory=self._stage.sent(name),
            script=self._stage.script_of(name),
            arguments=(),
            axes=axes,
            cluster=settings.compute,
            image=settings.image,
            dockerfile=dockerfile,
            most_at_once=min(most, math.prod(len(values) for values in axes.values())),
            child_seconds=round(settings.shard_hours * 3600),
            sweep_minutes=round(settings.sweep_hours * 60),
            metric=self._stage.metric_of(name),
            policy=None if is_reading(name) else settings.policy,
            tags={"gridrun": "1", **settings.tags},
        )

    def _check_cluster(self) -> None:
        if self._has_cluster:
            return
        self._say("signing in to Azure")
        wanted = cluster_of(self._settings)
        found = self._access.calls.call("cluster", wanted, create=bool(wanted.vm_size))
        self._has_cluster = True
        if found.created:
            self._say(f"compute cluster {wanted.name} was created: {found.vm_size}")
        for problem in found.problems:
            self._say(f"compute cluster {wanted.name}: {problem}")
