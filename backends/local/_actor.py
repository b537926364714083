"""What runs in a Ray actor: a supervisor with a network address. Does not import ray.

Its class is sent whole, not by name: on another machine nothing of gridrun is there before the
actor has unpacked it, in a directory of its own.
"""

from __future__ import annotations

import io
import pickle
import shutil
import socket
import sys
import tempfile
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridrun.worker.private import who_may_replace

if TYPE_CHECKING:
    from gridrun.plan.units import Event, Unit


class WorkerActor:
    """One worker. Its methods are called one at a time, on the process's main thread."""

    def __init__(self) -> None:
        self._job: Any = None
        self._has_code_with_it = False
        self._content: bytes | None = None
        self._supervisor: Any = None
        self._place = Path()
        self._directory: Path | None = None

    def hello(
        self, job: bytes, directory: str | None, path: Sequence[str], code: bytes | None
    ) -> tuple[str, str, str] | None:
        """Get ready; makes no file where no code was sent.

        Args:
            job: Pickle of what all units have in common.
            directory: Where its files go, or None for the node's temporary directory.
            path: Where the driver's modules are, if that is the same machine.
            code: Archive of those modules otherwise.

        Returns:
            The node, why nothing can be run there, and what to do; None when all is well.
        """
        place = Path(directory or tempfile.gettempdir()).resolve()
        why = who_may_replace(place)
        if why:
            return (
                _node(),
                f"what the worker runs would lie below {place}, but {why}",
                "set TMPDIR on the node to a directory that only its user, or root, can change",
            )
        self._place = place
        if code is not None:
            # Ray gives a job's modules a place that every user of the node can write to
            modules = self._own_directory() / "code"
            with zipfile.ZipFile(io.BytesIO(code)) as archive:
                archive.extractall(modules)
            sys.path.insert(0, str(modules))
        sys.path.extend(entry for entry in path if entry not in sys.path)
        from gridrun.worker import adopt_orphans, die_with_parent
        from gridrun.worker.left_behind import clear_left_behind, hold

        die_with_parent()  # the raylet; it goes when its driver or its node goes
        adopt_orphans(kill=True)
        if self._directory is not None:
            hold(self._directory)
            clear_left_behind(place)
        self._job = pickle.loads(job)  # noqa: S301 - our own driver's
        self._has_code_with_it = code is not None
        return None

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
            from gridrun.worker import Supervisor

            workdir = self._own_directory() / "work"
            supervisor = self._supervisor = Supervisor(self._job, self._take_content, workdir)
        from gridrun.errors import EnvironmentFault

        if unit is not None:
            self._content = content
            supervisor.start(unit)
            self._content = None
        if stop:
            supervisor.stop()
        try:
            events: list[Event] = supervisor.poll(seconds)
        except EnvironmentFault as fault:
            self.close()  # the driver does not use this worker again
            if self._has_code_with_it:
                fault.where = fault.where or _node()
            raise
        return events

    def rest(self) -> None:
        """Keep the processor, so that no other worker starts here, until this one is killed."""
        threading.Event().wait()

    def close(self) -> None:
        """End the child and remove every file."""
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _own_directory(self) -> Path:
        """Directory of this worker alone, made when it is first needed."""
        if self._directory is None:
            made = tempfile.mkdtemp(prefix="gridrun-worker-", dir=self._place)
            self._directory = Path(made)
        return self._directory

    def _take_content(self, digest: str) -> bytes:
        if self._content is None:
            msg = f"artifact {digest} was not sent"
            raise RuntimeError(msg)
        return self._content


def _node() -> str:
    """The machine, as people know it."""
    return f"node {socket.gethostname()}"
