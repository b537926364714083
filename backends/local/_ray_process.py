"""The process of Ray's driver as the backend sees it: started, tried again, heard, ended."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from backends.local._messages import Broken, Close, Closed, NotUp, Open, Start, Up
from backends.local._reaper import start_reaper
from gridrun.errors import EnvironmentFault, GridrunError, counted
from gridrun.plan.retries import HOST_START, RETRIES
from gridrun.worker import (
    ChildProcess,
    Ending,
    TimeLimit,
    last_printed,
)
from gridrun.worker.left_behind import clear_left_behind, own_directory, remove_own

START_SECONDS = 120.0
"""Time limit for the start of a Ray of our own."""

JOIN_SECONDS = 45.0
"""Time limit for joining a cluster; Ray itself would try for minutes."""

_SERVE = "backends.local._driver:serve"
_LONGEST_TEMP_DIR = 24
"""Ray puts sockets some 80 characters below; a socket's path ends at 107."""

_GOODBYE_SECONDS = 8.0
_SIGNAL_SECONDS = 0.3
_LINES_SHOWN = 3
_TELLING = re.compile(r"raylet|GCS|gcs|memory", re.ASCII)
_JOIN_ADVICE = (
    "check that it is the address that `ray start --head` printed, that this machine "
    "belongs to that cluster, and that both have the same Ray and the same token"
)


class RayEnded(EnvironmentFault):
    """Ray was up and is of no use any more; another one may be."""


class RayProcess:
    """A Ray and its driver; the backend starts, hears and closes it.

    Args:
        workers: Processors to offer in a Ray of our own.
        address: Address of a running cluster, or None to start one.
    """

    def __init__(self, workers: int, address: str | None) -> None:
        self.up: Up | None = None
        self.removed = ""
        """What was left of runs that were killed, for people."""
        self.job: Open | None = None
        self.token = secrets.token_hex(32)
        self._workers = workers
        self._address = address
        self._tries = 0
        self._limit: TimeLimit | None = None
        self._child: ChildProcess | None = None
        self._directory: Path | None = None
        self._reaper: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to come up; returns at once.

        Raises:
            EnvironmentFault: There is no directory where it could.
        """
        self._tries += 1
        self._limit = TimeLimit(START_SECONDS if self._address is None else JOIN_SECONDS)
        parent = _short_temp_dir() if self._address is None else None
        self.removed = clear_left_behind(parent)
        self._directory = own_directory("", parent)
        self._reaper = start_reaper(self._directory)
        self._child = ChildProcess(
            _SERVE, parent_directory=self._directory, own_cwd=True, limit=lambda: self._limit
        )
        self.send(Start(self._address, self._workers, self._directory, self.token))
        if self.job is not None:
            self.send(self.job)

    def send(self, request: Any) -> None:
        """Ask for something."""
        assert self._child is not None
        self._child.send(request)

    def hear(self, seconds: float) -> list[Any]:
        """What the driver says, after at most so long.

        Raises:
            GridrunError: What went wrong there and is explained.
            RayEnded: It is gone, or has lost all that it could run something on.
        """
        if self._child is None:
            raise EnvironmentFault("Ray has been ended")
        messages, ending = self._child.wait(seconds)
        for message in messages:
            if isinstance(message, GridrunError):
                raise message
            if isinstance(message, Broken):
                raise RayEnded(message.text)
        if ending is not None and not messages:
            raise self._gone(ending)
        return messages

    def come_up(self, seconds: float) -> str | None:
        """Wait until Ray is up, at most so long.

        Returns:
            What is worth saying, when it has to be tried again.

        Raises:
            EnvironmentFault: It does not come up.
        """
        assert self._child is not None
        messages, ending = self._child.wait(seconds)
        for message in messages:
            if isinstance(message, GridrunError):
                raise message
            if isinstance(message, Up):
                self.up, self._limit = message, None
            if isinstance(message, NotUp):
                return self._try_again(message.text)
        return self._try_again(_how(ending)) if ending is not None else None

    def start_again(self) -> None:
        """Begin to come up anew, with the same job, and with nothing left of what was.

        Raises:
            EnvironmentFault: There is no directory where it could.
        """
        self.close()
        self._tries = 0
        self.start()

    def end_job(self) -> None:
        """End the workers of a job, whatever they do; ends all where that takes too long."""
        if self._child is not None and not _says_goodbye(self._child):
            self.close()

    def close(self) -> None:
        """End the driver, and Ray if it is ours; may be called twice."""
        child, self._child = self._child, None
        if child is not None:
            if self.up is not None and self._address is not None:
                _says_goodbye(child)  # workers elsewhere can then remove their files
            child.close()  # with a Ray of our own, which is its family
        if self._directory is not None:
            remove_own(self._directory)
            self._directory = None
        if self._reaper is not None:
            self._reaper.kill()
            self._reaper.communicate()
            self._reaper = None
        self.up = None

    def _try_again(self, why: str) -> str:
        """Start anew, with nothing of the last try left.

        Raises:
            EnvironmentFault: That was tried often enough, or is of no use.
        """
        assert self._child is not None
        log = last_printed(self._child.take_log())
        self.close()
        if self._address is not None:
            raise EnvironmentFault(why, where=f"--address {self._address}", todo=_JOIN_ADVICE)
        tries = RETRIES[HOST_START].tries
        if self._tries == tries:
            raise EnvironmentFault(
                f"Ray did not start, {counted(self._tries, 'time')} in a row: {why}; {log}",
                todo="run with --in-process, without Ray, to see whether the study itself works",
            )
        self.start()
        return f"Ray did not start ({why}); it is started again ({self._tries} of {tries})"

    def _gone(self, ending: Ending) -> RayEnded:
        assert self._child is not None
        # what ends all processes of a job at once has sent this one its signal, too
        time.sleep(_SIGNAL_SECONDS)
        what = "the Ray cluster was lost" if self._address is not None else "Ray ended"
        message = _message_of(self._child.take_log())
        return RayEnded(
            f"{what}, and its workers with it: Ray's driver {ending.reason}",
            todo=f"Ray says: {message}" if message else None,
        )


def _how(ending: Ending) -> str:
    if ending.limit is not None:
        return f"Ray was not up after {ending.limit.seconds:g} s"
    return f"Ray's driver {ending.reason}"


def _says_goodbye(child: ChildProcess) -> bool:
    """Whether a driver ends its workers when asked to, in good time."""
    deadline = time.monotonic() + _GOODBYE_SECONDS
    child.send(Close())
    while (left := deadline - time.monotonic()) > 0:
        messages, ending = child.wait(left)
        if any(isinstance(message, Closed) for message in messages):
            return True
        if ending is not None:
            break
    return False


def _message_of(log: str) -> str:
    """What Ray has to say of its end: the first lines of its log that are no stack trace."""
    lines = [line.strip() for line in log.splitlines() if _TELLING.search(line)]
    return " ".join(lines[:_LINES_SHOWN])


def _short_temp_dir() -> Path:
    usual = tempfile.gettempdir()
    if len(usual) <= _LONGEST_TEMP_DIR:
        return Path(usual)
    if os.access("/tmp", os.W_OK):  # noqa: S108 - made private below
        return Path("/tmp")  # noqa: S108 - as above
    raise EnvironmentFault(
        f"the temporary directory {usual} has too long a name for Ray's sockets",
        todo=f"set TMPDIR to a directory of at most {_LONGEST_TEMP_DIR} characters",
    )
