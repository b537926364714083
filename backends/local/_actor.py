"""What runs in a Ray actor: a supervisor with a network address. Does not import ray."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gridrun.plan.units import Event, Job, Unit
from gridrun.worker import Supervisor, die_with_parent, worker_name


class WorkerActor:
    """One worker. Its methods are called one at a time, on the process's main thread.

    Args:
        job: What all units have in common.
        directory: Where its files go, or None for the node's temporary directory.
        path: Where the driver's modules are, if that is the same machine.
    """

    def __init__(self, job: Job, directory: str | None, path: Sequence[str]) -> None:
        sys.path.extend(entry for entry in path if entry not in sys.path)
        die_with_parent()  # the raylet; it goes when its driver or its node goes
        self._job = job
        self._directory = directory
        self._content: bytes | None = None
        self._supervisor: Supervisor | None = None

    def hello(self) -> str:
        """Name of the worker, once it is up; it has no files before its first unit."""
        return worker_name()

    def step(
        self, unit: Unit | None, content: bytes | None, seconds: float, *, stop: bool
    ) -> list[Event]:
        """Go on for a while.

        Args:
            unit: A unit to take, or None to go on with the one it has.
            content: The unit's artifact.
            seconds: Return by then, with or without events.
            stop: End after the current task.

        Raises:
            EnvironmentFault: The pipeline's process cannot be started here.
        """
        supervisor = self._supervisor
        if supervisor is None:
            workdir = Path(tempfile.mkdtemp(prefix="gridrun-worker-", dir=self._directory))
            supervisor = self._supervisor = Supervisor(self._job, self._take_content, workdir)
        if unit is not None:
            self._content = content
            supervisor.start(unit)
            self._content = None
        if stop:
            supervisor.stop()
        return supervisor.poll(seconds)

    def close(self) -> None:
        """End the child and remove every file."""
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None

    def _take_content(self, digest: str) -> bytes:
        if self._content is None:
            msg = f"artifact {digest} was not sent"
            raise RuntimeError(msg)
        return self._content
