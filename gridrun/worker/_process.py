"""A process that may die, as the one that started it sees it: asked, heard, watched, ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gridrun.store.faults import in_temporary
from gridrun.worker import _log
from gridrun.worker._channel import LOG, Decoder, request_file
from gridrun.worker._ending import Ending, MemoryPassed, TimeLimit
from gridrun.worker._memory import used_by_descendants, used_by_family
from gridrun.worker._parent_death import kills_strays
from gridrun.worker._process_table import kill_family, kill_strays
from gridrun.worker.answering import AnswerWatch
from gridrun.worker.left_behind import MARK
from gridrun.worker.private import private_directory

_READ_BYTES = 1 << 20
_LINGER_SECONDS = 2.0
"""Between a closed pipe and the end of the process; past it the process is killed."""

_STARTED: set[int] = set()
"""Ids of the processes that this one has started here and not waited for."""

_STARTING = threading.Lock()
"""Held while one starts, for till then it seems to be a stray."""

_LOOK_SECONDS = 1.0
"""Longest wait without a look at limits, at the log's size and at whether it answers."""

_AWAY_SECONDS = 10.0
"""So long nobody waited for it: this process was stopped, or asleep, and it may have been, too."""

_MEMORY_SECONDS = 0.1
"""Wait between two looks at memory: a process fills less than half a gigabyte meanwhile."""

_SINGLE_THREADED = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


class ChildProcess:
    """A process that runs one function of ours; its death is reported, not raised.

    It is killed, with all that it started, when it passes its limit, when it does not
    answer any more, when it is closed, and by the kernel when this process goes.

    Args:
        serve: ``module:function``; the function is called with a ``Channel``.
        parent_directory: Where its own directory is made; None for the system's temporary one.
            Nobody else may be able to rename what is in it.
        own_cwd: Whether it works in its own directory, not in this process's.
        limit: Asked before each wait what limit holds now, if any.
        memory: Asked likewise how many bytes of memory it and all that it started may use now,
            if that is limited.
    """

    def __init__(
        self,
        serve: str,
        *,
        parent_directory: Path | None = None,
        own_cwd: bool = False,
        limit: Callable[[], TimeLimit | None] | None = None,
        memory: Callable[[], int | None] | None = None,
    ) -> None:
        with in_temporary(parent_directory or Path(tempfile.gettempdir())):
            self.directory = private_directory("gridrun-child-", parent_directory)
        self._mark = (MARK, str(self.directory))
        self._limit = limit or (lambda: None)
        self._memory = memory or (lambda: None)
        self._sent = 0
        self._decoder = Decoder()
        self._pipe_ended = False
        self._linger: TimeLimit | None = None
        self._looked = 0.0
        self._waited = time.monotonic()
        self._away: list[tuple[float, float]] = []
        self._passed: TimeLimit | MemoryPassed | None = None
        self._family_looked = 0.0
        self._seems_over = False
        self._stopped = ""
        # R's temporary files go with the directory, however the child ends
        temporary = self.directory / "tmp"
        with in_temporary(self.directory):
            temporary.mkdir()
            log = _log.open_log(self.directory / LOG)
        commands_read, self._commands = os.pipe()
        self._replies, replies_write = os.pipe()
        with contextlib.suppress(OSError):  # a smaller pipe is a slower one, no more
            fcntl.fcntl(self._replies, fcntl.F_SETPIPE_SZ, _READ_BYTES)
        inherited = (commands_read, replies_write)
        arguments = [serve, str(self.directory), *map(str, inherited), str(os.getpid())]
        # -P: a file in the working directory is not taken for a module of Python's
        python = [sys.executable, "-P", "-X", "faulthandler", "-u", "-m", "gridrun.worker._serve"]
        try:
            with _STARTING:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [*python, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=inherited,
                    start_new_session=True,  # Ctrl-C on a terminal does not reach it
                    cwd=self.directory if own_cwd else None,
                    env={**_environment(), "TMPDIR": str(temporary), **dict([self._mark])},
                )
                _STARTED.add(self._process.pid)
        finally:
            for handle in (log, *inherited):
                os.close(handle)
        self._death_watch = os.pidfd_open(self._process.pid)
        self._answers = AnswerWatch(self._process.pid)
        os.set_blocking(self._replies, False)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, request: Any) -> None:
        """Ask for something; what is asked can be pickled."""
        self._sent += 1
        body = pickle.dumps(request, pickle.HIGHEST_PROTOCOL)
        with in_temporary(self.directory):
            request_file(self.directory, self._sent).write_bytes(body)
        with contextlib.suppress(BrokenPipeError):  # it died; the death is noticed by itself
            os.write(self._commands, f"{self._sent}\n".encode())

    def wait(self, seconds: float) -> tuple[list[Any], Ending | None]:
        """Wait for messages or the end, at most so long.

        Returns:
            What arrived, and how the process ended if it did; all its messages
            come with or before its end.
        """
        self._note_away()
        watched = [self._death_watch] if self._pipe_ended else [self._death_watch, self._replies]
        poll = select.poll()
        for handle in watched:
            poll.register(handle, select.POLLIN)
        wait_seconds = min(seconds, self._seconds_to_look())
        readable = {handle for handle, _ in poll.poll(max(wait_seconds, 0.0) * 1000)}
        self._note_away()
        messages = self._receive()
        if self._death_watch in readable:
            ending = self._reap()
            return messages + self._receive(), ending
        if messages:
            self._answers.heard()
        else:
            self._look()
        return messages, None

    def replies(self) -> Iterator[Any]:
        """Each message as it comes; the last one is an ``Ending``."""
        ending = None
        while ending is None:
            messages, ending = self.wait(_LOOK_SECONDS)
            yield from messages
        yield ending

    def take_log(self) -> str:
        """What it printed since it, or this, was asked last."""
        with in_temporary(self.directory):
            return _log.take(self.directory / LOG)

    def close(self) -> None:
        """Kill it if it lives, and let go of everything."""
        self._reap()
        for handle in (self._commands, self._replies, self._death_watch):
            os.close(handle)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _note_away(self) -> None:
        """Note a time in which nobody looked; a machine's sleep is none by the clock used here."""
        now = time.monotonic()
        if now - self._waited > _AWAY_SECONDS:
            self._away.append((self._waited, now))
        self._waited = now

    def _left(self, limit: TimeLimit) -> float:
        """Seconds of a limit that are left, times aside in which it may have been stopped."""
        return limit.left + sum(max(to - max(at, limit.since), 0.0) for at, to in self._away)

    def _seconds_to_look(self) -> float:
        limits = [self._left(limit) for limit in (self._limit(), self._linger) if limit]
        if self._memory() is not None:
            limits.append(_MEMORY_SECONDS)
        return min([_LOOK_SECONDS, self._answers.interval, *limits])

    def _look(self) -> None:
        """Kill it for what it must not do; once, since it then takes a moment to end."""
        if self._passed is not None or self._stopped:
            return
        limit = self._limit()
        self._passed = self._too_much_memory()
        if self._passed is None and limit is not None and self._left(limit) <= 0:
            self._passed = limit
        if self._passed is None:
            self._stopped = self._answers.look()
        has_lingered = self._linger is not None and self._linger.left <= 0
        if self._passed is not None or self._stopped or has_lingered:
            kill_family(self.pid, "=".join(self._mark))
        elif time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            with in_temporary(self.directory):
                _log.trim(self.directory / LOG)

    def _too_much_memory(self) -> MemoryPassed | None:
        """What it and all that it started have taken, if that is more than it may."""
        most = self._memory()
        if most is None:
            return None
        now, was_over = time.monotonic(), self._seems_over
        seems = used_by_descendants(self.pid)
        self._seems_over = seems > most
        left = self._left_to_others(seems)
        if left is not None:
            return MemoryPassed(most, used_by_family(self.pid), left)
        # to count what is shared once, and those that have left their parents, takes longer
        is_news = self._seems_over and not was_over
        if not is_news and now - self._family_looked <= _LOOK_SECONDS:
            return None
        self._family_looked = now
        used = used_by_family(self.pid)
        return MemoryPassed(most, used) if used > most else None

    def _left_to_others(self, used: int) -> int | None:  # noqa: ARG002 - of kinds of it
        """Bytes that the machine has left where that is so little that this process has to end."""
        return None

    def _reap(self) -> Ending:
        if self._process.returncode is None:
            kill_family(self.pid, "=".join(self._mark))
            code = self._process.wait()
            with _STARTING:
                _STARTED.discard(self.pid)
                if kills_strays():
                    kill_strays(_STARTED)
        code = self._process.wait()
        if isinstance(self._passed, MemoryPassed):
            return Ending(self.pid, memory=self._passed)
        if self._passed is not None or self._stopped:
            return Ending(self.pid, limit=self._passed, stopped=self._stopped)
        return Ending(self.pid, -code if code < 0 else None, code if code >= 0 else None)

    def _receive(self) -> list[Any]:
        messages: list[Any] = []
        while not self._pipe_ended:
            try:
                piece = os.read(self._replies, _READ_BYTES)
            except BlockingIOError:
                break
            if not piece:
                self._pipe_ended = True
                self._linger = TimeLimit(_LINGER_SECONDS)
                break
            messages.extend(self._decoder.feed(piece))
            if len(piece) < _READ_BYTES:
                break
        return messages


def _environment() -> dict[str, str]:
    """This process's environment and import path; one thread, time zone and order of sets."""
    path = [str(Path(entry).absolute()) for entry in sys.path]
    return {
        **os.environ,
        **_SINGLE_THREADED,
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(path),
    }
