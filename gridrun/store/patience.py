"""Files on a disk that does not answer just now: tried again for a minute, for all who keep files.

A network file system may be away for a moment. What is done to a file is done again after a pause,
as the table of retries says; then the fault is the disk's.
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

from gridrun.errors import AWAY, GridrunError, UserError
from gridrun.plan.retries import DISK, RETRIES
from gridrun.store.faults import why_not

_Made = TypeVar("_Made")


def patiently(action: Callable[[], _Made], database: Path | None = None) -> _Made:
    """Do something to a file, again after a pause where the disk does not answer.

    Args:
        action: What is to be done; it may have been done in part before.
        database: What SQLite writes, if it does: it does not say why it cannot.

    Raises:
        OSError: What the action raises, of another kind or at last.
        GridrunError: The same.
        sqlite3.Error: The same.
    """
    retry, failures = RETRIES[DISK], 0
    while True:
        try:
            return action()
        except (OSError, GridrunError, sqlite3.OperationalError) as error:
            failures += 1
            if failures > retry.more or not _may_pass(error, database):
                raise
        time.sleep(retry.pause(failures))


def open_patiently(path: Path) -> IO[bytes]:
    """Open a file to be read, each piece of it again after a pause where the disk does not answer.

    Args:
        path: A regular file. One that is lost with its server is opened anew, and read on from
            where it was.

    Raises:
        OSError: It cannot be read, as ``patiently`` has it; reading raises it as well.
        UserError: While it was lost it has become another one; reading raises it.
    """
    return io.BufferedReader(patient_file(path))


def patient_file(path: Path) -> io.RawIOBase:
    """The same without a buffer."""
    return _Patient(path)


class _Patient(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._at = 0
        self._stamp: tuple[int, int] | None = None
        self._file: io.FileIO | None = None
        patiently(self._opened)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        size = patiently(lambda: self._tried(buffer))
        self._at += size
        return size

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        assert self._stamp is not None, "it is open"
        size, _ = self._stamp
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: size}[whence]
        return self._at

    def tell(self) -> int:
        # by itself it would seek, and may be asked while another thread reads
        return self._at

    def close(self) -> None:
        self._lose()
        super().close()

    def _tried(self, buffer: Any) -> int:
        file = self._opened()
        try:
            file.seek(self._at)
            return file.readinto(buffer)
        except OSError:
            self._lose()  # it may be known to its server by another number now
            raise

    def _opened(self) -> io.FileIO:
        if self._file is None:
            about = self._path.stat()
            stamp = (about.st_size, about.st_mtime_ns)
            if self._stamp not in (None, stamp):
                raise UserError(
                    "changed while it was being read",
                    where=str(self._path),
                    todo="run the same command again once the file is complete",
                )
            self._stamp = stamp
            self._file = self._path.open("rb", buffering=0)
        return self._file

    def _lose(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


def _may_pass(error: BaseException, database: Path | None) -> bool:
    """Whether an error, or the one that it explains, may come of a disk that is away."""
    if isinstance(error, GridrunError):
        return error.__cause__ is not None and _may_pass(error.__cause__, database)
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", None) or ""
        if not name.startswith("SQLITE_IOERR") or database is None:
            return False
        why = why_not(database)
        return why is None or why.errno in AWAY
    return isinstance(error, OSError) and error.errno in AWAY
