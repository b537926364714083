"""Reading a ledger from end to end, to say what is wrong with it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from gridrun.errors import EnvironmentFault, counted
from gridrun.store.ledger._digests import require_sealed
from gridrun.store.ledger._look import INTERRUPTED, connect_to_look, emptied, is_empty

_OK = "ok"

_FOREIGN = {
    "outcome": "context NOT IN (SELECT id FROM context)",
    "attempt": "context NOT IN (SELECT id FROM context) OR run NOT IN (SELECT id FROM run)",
}
"""Table to what is true of a row that belongs to nothing."""

_TYPES = {"TEXT": "text", "INTEGER": "integer", "BLOB": "blob"}


def faults_of(path: Path) -> list[str]:
    """What is wrong with a ledger, one sentence each; nothing where it is whole.

    Results have digests of their own, which are not looked at here.

    Args:
        path: Its file.
    """
    try:
        with contextlib.closing(connect_to_look(path)) as db:
            if is_empty(db):
                return [fault] if (fault := emptied(path)) else []
            return list(_faults(db, path))
    except sqlite3.DatabaseError as error:
        # no page of it was read
        of_system = ("SQLITE_IOERR_SHM", "SQLITE_CANTOPEN", INTERRUPTED)
        name = getattr(error, "sqlite_errorname", None) or ""
        if "locked" in str(error) or name.startswith(of_system):
            return []
        return [str(error)]
    except EnvironmentFault as fault:
        return [fault.what.removeprefix("the ledger is damaged: ")]
    except (ValueError, TypeError, OverflowError) as error:
        return [f"it holds what cannot be read ({error})"]


def mend_indexes(path: Path) -> bool:
    """Make a ledger's indexes anew from its tables, if it is whole afterwards.

    Args:
        path: Its file; left as it is unless that helps.
    """
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("REINDEX")
            is_whole = not list(_faults(db, path, is_open=True))
            db.execute("COMMIT" if is_whole else "ROLLBACK")
            return is_whole
    except (sqlite3.DatabaseError, EnvironmentFault, ValueError):
        return False


def _faults(db: sqlite3.Connection, path: Path, *, is_open: bool = False) -> Iterator[str]:
    found = [text for (text,) in db.execute("PRAGMA integrity_check(5)")]
    yield from (text.splitlines()[-1] for text in found if text != _OK)
    if found != [_OK]:
        return
    if not is_open:
        require_sealed(db, path)
    for table in ("outcome", "result", "payload", "attempt", "sweep", "sweep_unit", "segment"):
        yield from _wrong_types(db, table)
    for table, condition in _FOREIGN.items():
        (count,) = db.execute(f"SELECT COUNT(*) FROM {table} WHERE {condition}").fetchone()  # noqa: S608
        if count:
            yield f"{counted(count, 'row')} of {table} belong to nothing"
    for (text,) in db.execute("SELECT tasks FROM sweep_unit"):
        json.loads(text)


def _wrong_types(db: sqlite3.Connection, table: str) -> Iterator[str]:
    for _, name, declared, required, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
        kind = _TYPES.get(declared)
        if kind is None:
            continue
        allowed = (kind,) if required else (kind, "null")
        # the ledger's own schema says how its columns are named
        column = '"{}"'.format(name.replace('"', '""'))
        marks = ", ".join(f"'{one}'" for one in allowed)
        wrong = f"SELECT COUNT(*) FROM {table} WHERE typeof({column}) NOT IN ({marks})"  # noqa: S608
        (count,) = db.execute(wrong).fetchone()
        if count:
            yield f"{counted(count, 'row')} of {table} have no {kind} as {name}"
        if kind == "text":
            for _ in db.execute(f"SELECT {column} FROM {table}"):  # noqa: S608 - decoded by reading
                pass
