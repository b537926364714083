"""One child process as its supervisor sees it: pipes, board, log, and how it ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gridrun.worker import _log
from gridrun.worker._messages import Decoder, Dispatch, Message
from gridrun.worker._shared_status import Board, Running

_READ_BYTES = 1 << 20
_LINGER_SECONDS = 2.0
"""Between a closed pipe and the end of the process; past it the process is killed."""

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


@dataclass(frozen=True)
class Death:
    """How a process ended.

    Args:
        pid: Its id.
        signal: Signal that ended it, or None.
        exit_code: Exit code when no signal did.
    """

    pid: int
    signal: int | None
    exit_code: int | None

    def text(self) -> str:
        """``killed by signal 11 (SIGSEGV)`` or ``exited with code 7``."""
        if self.signal is None:
            return f"exited with code {self.exit_code}"
        try:
            name = signal.Signals(self.signal).name
        except ValueError:
            return f"killed by signal {self.signal}"
        return f"killed by signal {self.signal} ({name})"


class ChildProcess:
    """A running child.

    Args:
        directory: Holds ``job`` already; board, log and dispatches are put beside it.
    """

    def __init__(self, directory: Path) -> None:
        # asked and set by the supervisor
        self.started = time.monotonic()
        self.ready = False
        self.was_useful = False
        self._directory = directory
        self._dispatches = 0
        self._decoder = Decoder()
        self._ended_at: float | None = None
        for name in ("board", "log"):
            (directory / name).unlink(missing_ok=True)
        # R's temporary files go with the supervisor's directory, however the child ends
        temporary = directory / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        self._board = Board(directory / "board")
        self.log_file = directory / "log"
        log = _log.open_log(self.log_file)
        commands_read, self._commands = os.pipe()
        self._replies, replies_write = os.pipe()
        with contextlib.suppress(OSError):  # a smaller pipe is a slower one, no more
            fcntl.fcntl(self._replies, fcntl.F_SETPIPE_SZ, _READ_BYTES)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [
                    sys.executable,
                    "-X",
                    "faulthandler",
                    "-u",
                    "-m",
                    "gridrun.worker.child",
                    str(directory),
                    str(commands_read),
                    str(replies_write),
                    str(os.getpid()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(commands_read, replies_write),
                start_new_session=True,  # Ctrl-C on a terminal does not reach it
                cwd=directory,
                env={**_environment(), "TMPDIR": str(temporary)},
            )
        finally:
            for handle in (log, commands_read, replies_write):
                os.close(handle)
        self._death_watch = os.pidfd_open(self._process.pid)
        os.set_blocking(self._replies, False)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def tasks_given(self) -> bool:
        """Whether it has been handed any task yet."""
        return self._dispatches > 0

    def dispatch(self, dispatch: Dispatch) -> None:
        """Hand tasks over; the child must be ready and idle."""
        self._dispatches += 1
        path = self._directory / f"dispatch-{self._dispatches % 2}"
        path.write_bytes(pickle.dumps(dispatch, pickle.HIGHEST_PROTOCOL))
        with contextlib.suppress(BrokenPipeError):  # it died; the death is noticed by itself
            os.write(self._commands, f"{path}\n".encode())

    def want_stop(self) -> None:
        """Ask it to leave the tasks it has not begun."""
        self._board.want_stop()

    def running(self) -> Running | None:
        """The task it is, or was when it died, at."""
        return self._board.running()

    def wait(self, seconds: float) -> tuple[list[Message], Death | None]:
        """Wait for messages or death, at most so long.

        Returns:
            What arrived, and how the process ended if it did; all its messages
            come with or before its death.
        """
        watched = [self._death_watch]
        if self._ended_at is None:
            watched.append(self._replies)
        else:
            seconds = min(seconds, 0.1)
        poll = select.poll()
        for handle in watched:
            poll.register(handle, select.POLLIN)
        readable = {handle for handle, _ in poll.poll(max(seconds, 0.0) * 1000)}
        messages = self._receive()
        if self._death_watch in readable:
            code = self._process.wait()
            messages += self._receive()
            death = Death(self.pid, -code if code < 0 else None, code if code >= 0 else None)
            return messages, death
        if self._ended_at is not None and time.monotonic() - self._ended_at > _LINGER_SECONDS:
            self.kill()
        return messages, None

    def kill(self) -> None:
        """Kill it, and whatever it started and did not detach."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def take_log(self) -> str:
        """What it printed since the last task that left a log."""
        return _log.take(self.log_file)

    def trim_log(self) -> None:
        """Keep what it prints from filling the disk."""
        _log.trim(self.log_file)

    def close(self) -> None:
        """Kill it if it lives, and let go of everything."""
        self.kill()
        self._process.wait()
        for handle in (self._commands, self._replies, self._death_watch):
            os.close(handle)
        self._board.close()

    def _receive(self) -> list[Message]:
        messages: list[Message] = []
        while self._ended_at is None:
            try:
                piece = os.read(self._replies, _READ_BYTES)
            except BlockingIOError:
                break
            if not piece:
                self._ended_at = time.monotonic()
                break
            messages.extend(self._decoder.feed(piece))
            if len(piece) < _READ_BYTES:
                break
        return messages


def _environment() -> dict[str, str]:
    """The supervisor's environment and import path; one thread, time zone and order of sets."""
    path = [str(Path(entry).absolute()) for entry in sys.path]
    return {
        **os.environ,
        **_SINGLE_THREADED,
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(path),
    }
