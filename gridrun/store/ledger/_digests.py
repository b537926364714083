"""Digests in the ledger: of every result, and of each small table as a whole.

SQLite finds a page that it cannot read; what else changed in the file, these find.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gridrun.errors import EnvironmentFault
from gridrun.plan.fingerprint import digest_of_bytes, digest_of_text

SEALED = (
    "meta",
    "value",
    "code_bit",
    "context",
    "environment",
    "worker",
    "run",
    "duration",
    "sample",
)
"""Tables of a few rows that decide what the many rows of the others mean."""

RESULT = "content_key, reason, result_rows, details, facts, notes, pooled, payloads"
"""Columns of ``result`` between its key and its digest."""

_DIGESTED = f"{','.join(['%d'] * (5 + len(RESULT.split(','))))};%s"
"""What the digest of a result is of, in a fifth less time than by ``join``."""


def result_digest(
    context: str, where: Sequence[int], state: str, kind: str, result: Sequence[str]
) -> str:
    """Digest of what the ledger holds of a task.

    Args:
        context: Digest of its context.
        where: Its fold and code.
        state: ``done`` or ``failed``.
        kind: Kind of failure, or empty.
        result: The columns ``RESULT``.
    """
    parts = (context, *map(str, where), state, kind, *result)
    # with their lengths, so that no two rows give one text
    return digest_of_text(_DIGESTED % (*map(len, parts), "".join(parts)))


def seal(db: sqlite3.Connection, tables: Iterable[str]) -> None:
    """Record the digests of tables; call inside the transaction that changes them."""
    rows = [(name, _content(db, name)) for name in tables]
    db.executemany("INSERT OR REPLACE INTO seal VALUES (?, ?)", rows)


def require_sealed(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a ledger in which a small table is not what was written.

    Raises:
        EnvironmentFault: One is not.
    """
    db.execute("BEGIN")  # one state of the ledger, whoever writes meanwhile
    try:
        sealed = dict(db.execute("SELECT name, digest FROM seal"))
        broken = [name for name in SEALED if sealed.get(name) != _content(db, name)]
    finally:
        db.execute("COMMIT")
    if broken:
        raise damaged(path, f"{', '.join(broken)} changed since it was written")


def damaged(path: Path, how: str) -> EnvironmentFault:
    """A ledger that cannot be trusted any more."""
    return EnvironmentFault(
        f"the ledger is damaged: {how}",
        where=str(path),
        todo="restore it from a backup, or move it away to compute everything again; "
        "`gridrun doctor STUDY` says what else of the study is whole",
    )


def _content(db: sqlite3.Connection, name: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for row in db.execute(f"SELECT * FROM {name}"):  # noqa: S608 - names of SEALED
        digest.update(repr(row).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def is_payload(digest: str, data: Any) -> bool:
    """Whether some bytes are those that are kept under a digest."""
    return isinstance(data, bytes) and digest_of_bytes(data) == digest


def payloads_in(text: Any) -> list[str]:
    """Digests in the column ``payloads`` of a result, as far as they can be read."""
    try:
        return [digest for digest in json.loads(text).values() if isinstance(digest, str)]
    except (ValueError, TypeError, AttributeError):
        return []
