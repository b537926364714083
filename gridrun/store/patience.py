"""Files on a disk that does not answer just now: tried again for a minute, for all who keep files.

A network file system may be away for a moment. What is done to a file is done again after a pause,
as the table of retries says; then the fault is the disk's.
"""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gridrun.errors import GridrunError
from gridrun.plan.retries import DISK, RETRIES
from gridrun.store.faults import why_not

_PASSING = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN)

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


def _may_pass(error: BaseException, database: Path | None) -> bool:
    """Whether an error, or the one that it explains, may come of a disk that is away."""
    if isinstance(error, GridrunError):
        return error.__cause__ is not None and _may_pass(error.__cause__, database)
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", None) or ""
        if not name.startswith("SQLITE_IOERR") or database is None:
            return False
        why = why_not(database)
        return why is None or why.errno in _PASSING
    return isinstance(error, OSError) and error.errno in _PASSING
