"""Opening the ledger's file to look only, whatever those who wrote to it left beside it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from gridrun.store.paths import StudyPaths

BUSY_SECONDS = 30.0

INTERRUPTED = "SQLITE_READONLY_ROLLBACK"
"""SQLite's name of the error where the writer of a rollback journal was killed."""


def connect_to_look(path: Path) -> sqlite3.Connection:
    """Open a ledger that is there; what a killed process was writing is undone first.

    Raises:
        sqlite3.DatabaseError: It cannot be read, or undone.
    """
    db = _connect(path, "mode=ro")
    try:
        is_empty(db)
    except sqlite3.OperationalError as error:
        db.close()
        if error.sqlite_errorname == INTERRUPTED:
            # who may only read leaves that to others, and there may be nobody else
            with contextlib.closing(_connect(path, "mode=rw")) as writing:
                is_empty(writing)
            return _connect(path, "mode=ro")
        if not _is_at_rest(path):
            raise
        # looking needs a file beside the ledger, which a read-only place does not take;
        # nobody can write there either, so SQLite may take it that nothing changes
        return _connect(path, "immutable=1")
    return db


def is_empty(db: sqlite3.Connection) -> bool:
    """Whether there is no table yet."""
    return not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()


def emptied(path: Path) -> str:
    """What is wrong with a ledger in which nothing stands; empty where its maker was killed."""
    if path.with_name(StudyPaths(path.parent).results_stamp.name).exists():
        return "it holds nothing, though tables were made from it"
    return ""


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{how}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _is_at_rest(path: Path) -> bool:
    """Whether all of a ledger is in its file, and nobody may add to it here."""
    beside = [path.with_name(f"{path.name}{end}") for end in ("-wal", "-journal")]
    is_whole = not any(file.exists() and file.stat().st_size for file in beside)
    return is_whole and not os.access(path.parent, os.W_OK)
