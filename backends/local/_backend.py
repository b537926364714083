"""The backend ``local``: a Ray of one's own on this machine, or a running cluster.

The only module that imports ray, and it does so in the background.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

from backends.local._cluster import Cluster
from backends.local._slots import Slots
from gridrun.errors import UserError
from gridrun.plan.units import Event, Job, ReadArtifact
from gridrun.run.backend import Capabilities, UnitFeed

_PACKAGES = ("gridrun", "backends")
"""What a cluster elsewhere needs beside the pipeline's own package."""


class LocalBackend:
    """Runs units in Ray actors, each of which supervises a process of its own.

    Args:
        workers: How many units run at once; None for one per processor.
        address: ``HOST:PORT`` of a running Ray cluster, or ``auto``; no disk has
            to be shared with it, and it is left running. None to start a Ray here.

    Raises:
        UserError: ``workers`` is not a positive number.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        if workers is not None and workers < 1:
            raise UserError(
                f"{workers} workers cannot run a task", where="--workers", todo="use 1 or more"
            )
        self._workers = workers
        self._address = address
        self._cluster: Cluster | None = None
        self._slots: Slots | None = None
        self._count = workers or len(os.sched_getaffinity(0))
        self._stopping = False
        self._closing = threading.Event()

    @property
    def capabilities(self) -> Capabilities:
        """Isolated; as many workers as asked for, or as there are processors.

        Where a cluster's own size decides, this waits until it is joined.

        Raises:
            EnvironmentFault: The cluster cannot be joined.
        """
        if self._address is not None and self._workers is None and self._cluster is not None:
            self._cluster.wait()
        return Capabilities(isolates=True, workers=self._count)

    def open(self, job: Job, read_artifact: ReadArtifact) -> None:
        """Start or join Ray in the background."""

        def when_up(ray: Any, cluster: Cluster) -> None:
            if self._workers is None and (self._address is not None or cluster.directory is None):
                self._count = max(int(ray.cluster_resources().get("CPU", 1)), 1)
            if not self._closing.is_set():
                directory = str(cluster.directory) if cluster.directory is not None else None
                path = () if self._address is not None else tuple(sys.path)
                self._slots = Slots(
                    ray, job, read_artifact, count=self._count, directory=directory, path=path
                )

        pipelines = job.pipeline.partition(":")[0].partition(".")[0]
        packages = tuple(dict.fromkeys((*_PACKAGES, pipelines)))
        self._cluster = Cluster(_load_ray, self._count, self._address, packages, when_up)
        self._cluster.start()

    def keep_up(self) -> None:
        """Bring Ray up for other backends of this process, without workers; ``close`` ends it.

        Raises:
            EnvironmentFault: It did not come up.
        """
        self._cluster = Cluster(_load_ray, self._count, self._address, (), lambda *_: None)
        self._cluster.start()
        self._cluster.wait()

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Run units until there are none, or until stopped.

        Raises:
            EnvironmentFault: Ray did not come up, or no worker can run anything.
            RuntimeError: The backend is not open.
        """
        if self._cluster is None:
            msg = "open the backend first"
            raise RuntimeError(msg)
        first = next_unit() if not self._stopping else None
        if first is None:
            return
        self._cluster.wait()
        if self._slots is not None:
            yield from self._slots.run(first, next_unit, lambda: self._stopping)

    def stop(self) -> None:
        """End units after their current task."""
        self._stopping = True

    def close(self) -> None:
        """End the workers, and Ray if it is ours."""
        self._closing.set()
        if self._slots is not None:
            self._slots.close()
            self._slots = None
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None


def _load_ray() -> Any:
    import ray

    return ray
