"""Faults of the disk in words, for everything that reads and writes a study's files.

A disk that is full, read-only or broken, a quota and a limit of file sizes are the machine's: the
run ends with exit code 3 and goes on once they are put right. A place that the user may not write
to is the user's to change (2).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gridrun.errors import EnvironmentFault, GridrunError, UserError

_AGAIN = "then run the same command again: what was committed is kept"

_OF_THE_DISK = {
    errno.ENOSPC: ("no space left on the disk", f"free some space there, {_AGAIN}"),
    errno.EDQUOT: (
        "no space left of this user's quota on the disk",
        f"remove some of your files there, or have the quota raised, {_AGAIN}",
    ),
    errno.EROFS: (
        "the file system is read-only",
        f"have it made writable (the kernel may have done it: `dmesg` says so), {_AGAIN}",
    ),
    errno.EFBIG: (
        "the file would become larger than this process may write",
        f"raise the limit of file sizes (`ulimit -f`) or use another file system, {_AGAIN}",
    ),
    errno.EIO: ("the disk cannot be read or written", f"check the disk (`dmesg`), {_AGAIN}"),
    errno.ESTALE: (
        "the file system of the network has lost the file",
        f"have it mounted anew, {_AGAIN}",
    ),
    **dict.fromkeys(
        (errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN),
        (
            "the file system of the network did not answer for a minute",
            f"find out whether its server is up, {_AGAIN}",
        ),
    ),
}
"""Number of an error to what happened, and what to do next."""

_PROBE_BYTES = 1 << 16
"""What is written to find out why SQLite could not."""


def disk_fault(error: OSError, path: Path | None = None) -> EnvironmentFault | None:
    """The fault of the disk that an error tells of, or None where it is none.

    Args:
        error: From the system, or from a library that tells its number in words.
        path: What was written or read, where the error does not name it.
    """
    number = error.errno
    if number is None and (told := re.search(r"\[errno (\d+)\]", str(error), re.IGNORECASE)):
        number = int(told[1])
    if number not in _OF_THE_DISK:
        return None
    what, todo = _OF_THE_DISK[number]
    where = error.filename or path
    return EnvironmentFault(what, where=str(where) if where else None, todo=todo)


def cannot_write(path: Path, error: OSError) -> GridrunError:
    """A file of the study cannot be written or read."""
    todo = "make the study directory writable for the user who runs the study"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        todo = "move away what is in the place of a directory: a file, or a link that leads nowhere"
    return disk_fault(error, path) or UserError(
        f"{error.strerror or error}", where=str(error.filename or path), todo=todo
    )


@contextlib.contextmanager
def in_temporary(place: Path) -> Iterator[None]:
    """Turn faults of a temporary directory, one that was removed included, into the machine's.

    Args:
        place: The directory.
    """
    try:
        yield
    except OSError as error:
        fault = disk_fault(error, place)
        if fault is None and isinstance(error, FileNotFoundError) and not place.exists():
            fault = EnvironmentFault(
                "this directory of temporary files was removed while it was in use",
                where=str(place),
                todo="set TMPDIR to a directory that nothing cleans up in the meantime, " + _AGAIN,
            )
        if fault is None:
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            todo = f"free some space there, or set TMPDIR to a directory on another disk, {_AGAIN}"
            fault = EnvironmentFault(fault.what, where=fault.where, todo=todo)
        raise fault from error


def sqlite_fault(error: sqlite3.DatabaseError, path: Path) -> GridrunError | None:
    """The fault of the disk that made SQLite stop, or None where it is none.

    SQLite says that it cannot write, and only of a full disk why: so it is tried.

    Args:
        error: Of SQLite.
        path: The database.
    """
    name = getattr(error, "sqlite_errorname", None) or ""
    if name == "SQLITE_FULL":
        return cannot_write(path, OSError(errno.ENOSPC, "", str(path)))
    if not name.startswith(("SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return None
    why = why_not(path)
    return cannot_write(path, why) if why is not None else None


def why_not(path: Path) -> OSError | None:
    """Why a database cannot be written, as writing beside it tells; None where it can be."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(b"\0" * _PROBE_BYTES)
            probe.flush()
            os.fsync(probe.fileno())
        path.stat()
    except OSError as error:
        return OSError(error.errno, error.strerror, str(path))
    # not by opening it: closing it again would give away the locks that SQLite has of it here
    if not os.access(path, os.W_OK, effective_ids=True):
        return OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit != resource.RLIM_INFINITY and limit < _size_with_log(path) + (1 << 20):
        return OSError(errno.EFBIG, "", str(path))
    return None


def _size_with_log(path: Path) -> int:
    """Bytes of a database, or of its log if that is larger."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return max((file.stat().st_size for file in files if file.exists()), default=0)
