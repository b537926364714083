"""Opening the ledger's file: journal mode, version, faults of the disk."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from gridrun.errors import EnvironmentFault, GridrunError, UserError
from gridrun.store.faults import cannot_write, sqlite_fault
from gridrun.store.ledger._digests import SEALED, damaged, require_sealed, seal
from gridrun.store.ledger._examine import faults_of
from gridrun.store.ledger._look import (
    BUSY_SECONDS,
    INTERRUPTED,
    connect_to_look,
    emptied,
    is_empty,
)
from gridrun.store.ledger._schema import SCHEMA, SCHEMA_VERSION
from gridrun.store.paths import file_system, make_directory, make_file

_COPIES_MAPPED_PAGES = ("btrfs", "bcachefs")
"""File systems that need room for each page of a mapped file that is changed, a written one, too.

Where a quota or the disk is full the kernel then ends the process with SIGBUS, whatever SQLite has
set aside.
"""

_NO_SHARED_MEMORY = ("SQLITE_IOERR", "SQLITE_PROTOCOL", "SQLITE_CANTOPEN")
"""How SQLite's names of errors begin where files cannot be mapped by several processes."""


def open_for_reading(path: Path) -> sqlite3.Connection | None:
    """Open a ledger, to look only.

    Returns:
        The connection, or None where there is no ledger, or one whose maker was
        killed before anything stood in it.
    """
    with examined(path):
        # stat rather than exists: a directory that may not be entered is not an absent ledger
        try:
            path.stat()
        except FileNotFoundError:
            return None
        db = connect_to_look(path)
        if is_empty(db):
            db.close()
            _refuse_emptied(path)
            return None
        _check(db, path)
    return db


def open_for_writing(path: Path) -> tuple[sqlite3.Connection, str]:
    """Open or make a ledger.

    Returns:
        The connection and a note, empty unless write-ahead logging does not
        work here and a rollback journal is used.
    """
    with examined(path):
        make_directory(path.parent)
        existed = path.exists()
        with contextlib.suppress(OSError):  # SQLite says what is in the way, and where
            make_file(path)  # and its other files have the mode of this one
        db, note = _open_with_journal(path)
        db.execute("PRAGMA synchronous = FULL")
        if existed and is_empty(db):
            _refuse_emptied(path)
        db.execute("BEGIN IMMEDIATE")
        if is_empty(db):
            for statement in SCHEMA.split(";"):
                if statement.strip():
                    db.execute(statement)
            db.execute("INSERT INTO meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),))
            seal(db, SEALED)
        db.execute("COMMIT")
        _check(db, path)
    return db, note


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's faults into ones that say what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if getattr(error, "sqlite_errorname", None) == INTERRUPTED and os.access(path, os.W_OK):
            raise EnvironmentFault(
                "what wrote to the ledger was killed while this command read it",
                where=str(path),
                todo="run the same command again: what was half written is undone first",
            ) from error
        fault = sqlite_fault(error, path)
        if fault is not None:
            raise fault from error
        if "not a database" in text or "malformed" in text:
            raise damaged(path, text) from error
        if "is locked" in text:
            raise EnvironmentFault(
                f"the ledger stayed locked for {BUSY_SECONDS:.0f} s",
                where=str(path),
                todo="another program has the ledger open for writing; close that program",
            ) from error
        raise EnvironmentFault(
            f"the ledger cannot be used: {text}",
            where=str(path),
            todo="find out whether the disk, or your quota, is full; check the permissions of the "
            "study directory, and `gridrun doctor`",
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error


def _open_with_journal(path: Path) -> tuple[sqlite3.Connection, str]:
    """Write-ahead logging where it works, which is tried by writing; else a rollback journal."""
    db = _connect_to_write(path)
    system = file_system(path.parent)
    why = "write-ahead logging does not work on this file system"
    copies = system in _COPIES_MAPPED_PAGES
    if copies:
        why = f"where a {system} is full, write-ahead logging ends the process"
    try:
        if not copies and db.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
            db.execute("BEGIN IMMEDIATE")
            db.execute("PRAGMA user_version = 0")
            db.execute("COMMIT")
            return db, ""
    except sqlite3.OperationalError as error:
        db.close()
        is_of_mode = error.sqlite_errorname.startswith(_NO_SHARED_MEMORY)
        if not is_of_mode or sqlite_fault(error, path) is not None:
            raise
        db = _connect_to_write(path)
        # the file is in that mode by now; who has it alone needs no shared memory to change it
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA journal_mode = DELETE").fetchone()
    db.execute("PRAGMA locking_mode = NORMAL")
    is_empty(db)  # the lock is given back by the next statement that reads
    return db, f"{why}; the ledger uses a rollback journal (slower, as safe)"


def _connect_to_write(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def _check(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a ledger of another version, and one whose small tables changed."""
    try:
        _require_version(db, path)
        require_sealed(db, path)
    except BaseException:
        # nobody gets a connection to a ledger that was refused, not even after Ctrl-C
        db.close()
        raise


def _require_version(db: sqlite3.Connection, path: Path) -> None:
    row = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    version = row[0] if row else "none"
    if not str(version).isdigit():
        raise damaged(path, f"its schema version is {version!r}")
    if version != str(SCHEMA_VERSION):
        raise UserError(
            f"the ledger has schema version {version}, this gridrun writes {SCHEMA_VERSION}",
            where=str(path),
            todo="use the version of gridrun that made it, or move the ledger away to start afresh",
        )


def _refuse_emptied(path: Path) -> None:
    if fault := emptied(path):
        raise damaged(path, fault)


@contextlib.contextmanager
def examined(path: Path) -> Iterator[None]:
    """The same as ``explained``, for whatever else goes wrong with what a ledger holds.

    A defect of gridrun stays one: the ledger is blamed only if it is found to be damaged.

    Args:
        path: The ledger's file.
    """
    try:
        with explained(path):
            yield
    except GridrunError as error:
        cause = error.__cause__
        # a disk that is full has not damaged anything
        if isinstance(cause, sqlite3.DatabaseError) and sqlite_fault(cause, path) is None:
            _blame(path, error)
        raise
    except Exception as error:
        _blame(path, error)
        raise


def _blame(path: Path, error: Exception) -> None:
    faults = faults_of(path) if path.is_file() else []
    if faults:
        raise damaged(path, faults[0]) from error
