"""Who may write: one engine at a time, refused by host and process id.

On the same machine a holder is gone when its process is; elsewhere, when its
heartbeat has stopped.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from pathlib import Path

from gridrun.errors import UserError
from gridrun.store.owner import boot as _boot
from gridrun.store.owner import born as _born

HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 60.0


def acquire(db: sqlite3.Connection, place: Path) -> str:
    """Take the lease; call inside a write transaction.

    Returns:
        What is worth saying about who had it before, or an empty string.

    Raises:
        UserError: Another engine holds it.
    """
    refuse_if_held(db, place)
    note = _from_the_future(db)
    db.execute("DELETE FROM lease")
    db.execute(
        "INSERT INTO lease VALUES (1, ?, ?, ?, ?, ?)",
        (socket.gethostname(), _boot(), os.getpid(), _born(os.getpid()), time.time()),
    )
    return note


def _from_the_future(db: sqlite3.Connection) -> str:
    """What to say of a lease whose heartbeat this machine's clock has not reached."""
    row = db.execute("SELECT host, pid, heartbeat FROM lease").fetchone()
    ahead = row[2] - time.time() if row is not None else 0.0
    if ahead < STALE_SECONDS:
        return ""
    return (
        f"process {row[1]} on {row[0]} held the study, by a clock that is {ahead:.0f} s ahead of "
        "this machine's; the study is taken over, since no clock that goes right says that"
    )


def refuse_if_held(db: sqlite3.Connection, place: Path) -> None:
    """Say who holds the lease, if another living engine does.

    Raises:
        UserError: Another engine holds it.
    """
    row = db.execute("SELECT host, boot, pid, born, heartbeat FROM lease").fetchone()
    if row is not None and not is_mine(db) and _is_alive(*row):
        host, _, pid, _, heartbeat = row
        raise UserError(
            f"another run works on this study: process {pid} on {host}, "
            f"last heard of {max(0.0, time.time() - heartbeat):.0f} s ago",
            where=str(place),
            todo="wait for that run, or end it; `gridrun status` shows its state",
        )


def is_mine(db: sqlite3.Connection) -> bool:
    """Whether this process holds the lease."""
    row = db.execute("SELECT host, boot, pid, born FROM lease").fetchone()
    return bool(row == (socket.gethostname(), _boot(), os.getpid(), _born(os.getpid())))


def holder(db: sqlite3.Connection) -> tuple[str, int, float] | None:
    """Host, process id and heartbeat of a living holder."""
    row = db.execute("SELECT host, boot, pid, born, heartbeat FROM lease").fetchone()
    return (row[0], row[2], row[4]) if row is not None and _is_alive(*row) else None


def beat(db: sqlite3.Connection, place: Path) -> None:
    """Say that the holder lives.

    Raises:
        UserError: Another engine has taken the lease, for example since this machine slept.
    """
    if not is_mine(db):
        raise UserError(
            "another run has taken over this study, since nothing was heard of this one",
            where=str(place),
            todo="this one ends, and what it has committed stays; `gridrun status` shows the other",
        )
    db.execute("UPDATE lease SET heartbeat = ?", (time.time(),))


def release(db: sqlite3.Connection) -> None:
    """Give the lease back, if it is ours."""
    if is_mine(db):
        db.execute("DELETE FROM lease")


def _is_alive(host: str, boot: str, pid: int, born: str, heartbeat: float) -> bool:
    if host == socket.gethostname() and boot == _boot():
        return born != "" and born == _born(pid)
    # one far in the future was made before a clock was set back, or by another host's clock: it
    # would hold the study until that time comes
    return abs(time.time() - heartbeat) < STALE_SECONDS
