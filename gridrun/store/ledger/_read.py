"""Looking at a ledger, while an engine writes it or not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gridrun.pipeline import Value
from gridrun.plan.task_encoding import IntArray
from gridrun.plan.units import State
from gridrun.store.ledger import _lease, _sweeps
from gridrun.store.ledger._open import open_for_reading
from gridrun.store.ledger._sweeps import AttemptKey, StoredSweep, StoredUnit


@dataclass(frozen=True)
class StoredResult:
    """What the ledger holds of one task.

    Args:
        state: ``done`` or ``failed``.
        kind: Kind of failure, or empty.
        reason: Why it failed, or empty.
        content_key: Digest of what the result depends on; equal keys, equal results.
        rows: Result rows as JSON text.
        details: Further rows as JSON text.
        pooled: Row pooled over all test tables as JSON text.
        payloads: Name to digest of what is kept beside, as JSON text.
    """

    state: str
    kind: str
    reason: str
    content_key: str
    rows: str
    details: str
    pooled: str
    payloads: str


class LedgerView:
    """A ledger, to look at.

    Args:
        db: An open connection.
        path: Its file.
    """

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self.db = db
        self.path = path

    @classmethod
    def open(cls, path: Path) -> LedgerView | None:
        """The ledger at ``path``, or None if there is none yet."""
        db = open_for_reading(path)
        return cls(db, path) if db is not None else None

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def values(self) -> dict[str, list[Value]]:
        """Parameter values in the order of their numbers, for a ``TaskEncoding``."""
        known: dict[str, list[Value]] = {}
        for name, text in self.db.execute(
            "SELECT parameter, text FROM value ORDER BY parameter, number"
        ):
            known.setdefault(name, []).append(json.loads(text))
        return known

    def code_bits(self) -> list[str]:
        """The parameter that each bit of a code belongs to, for a ``TaskEncoding``."""
        return [
            name for (name,) in self.db.execute("SELECT parameter FROM code_bit ORDER BY position")
        ]

    def contexts(self) -> dict[str, tuple[int, str, dict[str, Any]]]:
        """Digest to (id, classifier, components) of every context seen."""
        return {
            digest: (ident, classifier, json.loads(components))
            for ident, digest, classifier, components in self.db.execute(
                "SELECT id, digest, classifier, components FROM context"
            )
        }

    def finished(self, context: int, fold: int) -> tuple[IntArray, IntArray]:
        """Codes of done and of failed tasks of a context and fold."""
        done: list[int] = []
        failed: list[int] = []
        for code, state in self.db.execute(
            "SELECT code, state FROM outcome WHERE context = ? AND fold = ?", (context, fold)
        ):
            (done if state == State.DONE else failed).append(code)
        return np.array(done, np.int64), np.array(failed, np.int64)

    def result(self, context: int, fold: int, code: int) -> StoredResult | None:
        """The outcome of a task, or None."""
        row = self.db.execute(
            "SELECT o.state, o.kind, r.reason, r.content_key, r.result_rows, r.details, "
            "r.pooled, r.payloads FROM outcome o JOIN result r USING (context, fold, code) "
            "WHERE o.context = ? AND o.fold = ? AND o.code = ?",
            (context, fold, code),
        ).fetchone()
        return StoredResult(*row) if row else None

    def payload(self, digest: str) -> bytes:
        """What is kept under a digest.

        Raises:
            LookupError: There is no such thing.
        """
        row = self.db.execute("SELECT data FROM payload WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise LookupError(digest)
        return bytes(row[0])

    def facts(self, context: int, fold: int, code: int) -> dict[str, Any]:
        """Facts a done task recorded (final features, chosen settings)."""
        row = self.db.execute(
            "SELECT facts FROM result WHERE context = ? AND fold = ? AND code = ?",
            (context, fold, code),
        ).fetchone()
        return dict(json.loads(row[0])) if row else {}

    def mean_seconds(self) -> dict[int, float]:
        """Context to mean seconds of its tasks."""
        return {
            context: seconds / tasks
            for context, tasks, seconds in self.db.execute("SELECT * FROM duration")
            if tasks
        }

    def noteworthy(self) -> Iterator[dict[str, Any]]:
        """Attempts that failed or printed something, oldest first, and ``request`` of their run.

        Yields:
            Column to value.
        """
        found = self.db.execute(
            "SELECT a.*, request FROM attempt a LEFT JOIN run ON run.id = a.run "
            "WHERE a.state = 'failed' OR log != '' ORDER BY a.id"
        )
        names = [column[0] for column in found.description]
        for row in found:
            attempt = dict(zip(names, row, strict=True))
            yield {**attempt, "request": json.loads(attempt["request"] or "{}")}

    def last_run(self) -> dict[str, Any] | None:
        """The newest run: request, backend, host, pid, version, started, ended, state."""
        row = self.db.execute(
            "SELECT request, backend, host, pid, version, started, ended, state "
            "FROM run ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        names = ("request", "backend", "host", "pid", "version", "started", "ended", "state")
        return {**dict(zip(names, row, strict=True)), "request": json.loads(row[0])}

    def held(self) -> list[tuple[str, str, int, float]]:
        """Units that workers hold: unit, worker, tasks, since."""
        return self.db.execute(
            "SELECT unit, worker, tasks, since FROM held ORDER BY since"
        ).fetchall()

    def sweeps(self) -> list[StoredSweep]:
        """Every sweep that was ever planned, oldest first."""
        return _sweeps.stored(self.db)

    def sweep_units(self, sweep: str) -> list[StoredUnit]:
        """Units of a living sweep that have not ended."""
        return _sweeps.units_of(self.db, sweep)

    def segments(self, sweep: str) -> frozenset[tuple[int, str]]:
        """(shard, file name) of the segments of a living sweep that were read."""
        return _sweeps.segments_of(self.db, sweep)

    def sweep_attempts(self) -> list[AttemptKey]:
        """Attempts of the units that living sweeps hold."""
        return _sweeps.attempts(self.db)

    def holder(self) -> tuple[str, int, float] | None:
        """Host, process id and heartbeat of the engine at work, or None."""
        return _lease.holder(self.db)

    def refuse_if_held(self) -> None:
        """Raise at once the error that taking the lease would raise later.

        Raises:
            UserError: Another engine holds the lease.
        """
        _lease.refuse_if_held(self.db, self.path)

    def environment(self) -> dict[str, Any] | None:
        """Components of the environment the study is locked to, or None."""
        row = self.db.execute(
            "SELECT components FROM environment ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return dict(json.loads(row[0])) if row else None

    def sample(self, name: str) -> str | None:
        """A sample drawn before, as it was stored."""
        row = self.db.execute("SELECT drawn FROM sample WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def meta(self, key: str) -> str | None:
        """A stored fact about the study as a whole."""
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def version(self) -> int:
        """Grows with every attempt that is committed."""
        return int(self.db.execute("SELECT COALESCE(MAX(id), 0) FROM attempt").fetchone()[0])

    def counts(self) -> Mapping[str, int]:
        """Attempts by state."""
        return dict(self.db.execute("SELECT state, COUNT(*) FROM attempt GROUP BY state"))
