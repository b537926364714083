"""A child's process and everything it started, ended together as a container's would be."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

MARK = "LOOPBACK_NODE"


class Container:
    """One start of a child: a process in a session and an environment of its own.

    Args:
        command: Program and arguments.
        directory: Working directory.
        environment: The whole environment.
        log_path: Where standard output and error go.
    """

    def __init__(
        self, command: list[str], directory: Path, environment: dict[str, str], log_path: Path
    ) -> None:
        self._mark = uuid.uuid4().hex
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                env={**environment, MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, seconds: float) -> int | None:
        """The exit status (128 + signal if killed), or None if it still runs after the time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(seconds)
            return status if status >= 0 else 128 - status
        return None

    def kill(self) -> None:
        """End the process and all that it started, whatever session they are in."""
        deadline = time.monotonic() + 5
        # Once is not enough: a process may start another between the look and the kill.
        while time.monotonic() < deadline:
            alive = self._processes()
            if self._process.poll() is None:
                alive.add(self._process.pid)
            if not alive:
                return
            for pid in alive:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)

    def _processes(self) -> set[int]:
        """Living processes that inherited this start's mark."""
        return with_variable(MARK, self._mark)


def with_variable(name: str, value: str) -> set[int]:
    """Living processes that were started with a variable of this value."""
    wanted = f"{name}={value}".encode()
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # The environment of a zombie reads as empty, so it does not count.
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
    return found
