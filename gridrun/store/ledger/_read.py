"""Looking at a ledger, while an engine writes it or not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gridrun.pipeline import Value
from gridrun.plan.task_encoding import IntArray
from gridrun.plan.units import State
from gridrun.store.ledger import _lease, _sweeps
from gridrun.store.ledger._digests import RESULT, is_payload
from gridrun.store.ledger._open import open_for_reading
from gridrun.store.ledger._stored import Ended, StoredResult, stored_result
from gridrun.store.ledger._sweeps import AttemptKey, StoredSweep, StoredUnit
from gridrun.store.ledger._timings import Timings

_TOTAL = "SELECT COUNT(*), TOTAL(code & 16777215) FROM"
_OF_PLACE = "WHERE context = ? AND fold = ?"
_WITH_RESULT = "outcome JOIN result USING (context, fold, code)"
_STORED = f"SELECT state, kind, digest, {RESULT}"
_OF_SOME = (
    "FROM outcome JOIN result USING (context, fold, code) "
    "WHERE context = ? AND fold = ? AND code IN (SELECT value FROM json_each(?))"
)


class LedgerView:
    """A ledger, to look at.

    Args:
        db: An open connection.
        path: Its file.
    """

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self.db = db
        self.path = path
        self._digests: dict[int, str] = {}
        self._payloads: dict[str, bool] = {}

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

    def finished(
        self, context: int, fold: int, *, without: Collection[str] = ()
    ) -> tuple[IntArray, IntArray]:
        """Codes of done and of failed tasks of a context and fold; none without a result.

        Args:
            context: Number of the context.
            fold: Counted from 1.
            without: Kinds of failure to leave out.
        """
        return self.ended(context, fold).without(without)

    def ended(self, context: int, fold: int) -> Ended:
        """The same with the kinds of failures."""
        place = (context, fold)
        # the codes of both are counted and added up in a fraction of the time of looking for each
        outcomes, results = (
            self.db.execute(f"{_TOTAL} {table} {_OF_PLACE}", place).fetchone()
            for table in ("outcome", "result")
        )
        table = "outcome" if outcomes == results else _WITH_RESULT
        asked = (*place, State.DONE)
        done = f"SELECT json_group_array(code) FROM {table} {_OF_PLACE} AND state = ?"  # noqa: S608
        (codes,) = self.db.execute(done, asked).fetchone()
        others = f"SELECT code, kind FROM {table} {_OF_PLACE} AND state != ?"  # noqa: S608 - the same
        failed = self.db.execute(others, asked).fetchall()
        return Ended(
            np.array(json.loads(codes), np.int64),
            np.array([code for code, _ in failed], np.int64),
            [kind for _, kind in failed],
        )

    def result(self, context: int, fold: int, code: int) -> StoredResult | None:
        """The outcome of a task, or None."""
        row = self.db.execute(
            f"{_STORED} FROM {_WITH_RESULT} {_OF_PLACE} AND code = ?",
            (context, fold, code),
        ).fetchone()
        if row is None:
            return None
        digest = self.context_digest(context)
        return stored_result(digest, (fold, code), row, self._has_payload)

    def results(
        self, context: int, fold: int, codes: Collection[int]
    ) -> Iterator[tuple[int, StoredResult]]:
        """The outcomes of some tasks of a context and fold, each with its code.

        Reading many at once takes half the time of ``result`` for each.

        Args:
            context: Number of the context.
            fold: Counted from 1.
            codes: Of the tasks; those without an outcome are left out.
        """
        digest = self.context_digest(context)
        asked = (context, fold, json.dumps(list(codes)))
        for *row, code in self.db.execute(f"{_STORED}, code {_OF_SOME}", asked):
            yield code, stored_result(digest, (fold, code), row, self._has_payload)

    def damaged(self, contexts: Iterable[int]) -> Iterator[tuple[int, int, int]]:
        """Outcomes that are not as they were recorded, or have no result.

        Args:
            contexts: Numbers of the contexts that are looked at.

        Yields:
            Context, fold and code of each.
        """
        for context in contexts:
            digest = self.context_digest(context)
            for *row, fold, code in self.db.execute(
                f"{_STORED}, fold, code FROM outcome "
                "LEFT JOIN result USING (context, fold, code) WHERE context = ?",
                (context,),
            ):
                where = (fold, code)
                if not stored_result(digest, where, row, self._has_payload).is_whole:
                    yield (context, *where)

    def damaged_newest(self, most: int) -> tuple[dict[tuple[int, int], list[int]], int]:
        """The same of the results that were recorded last.

        Args:
            most: How many are held against their digests.

        Returns:
            Context and fold to the codes of damaged ones, and how many results were recorded
            before.
        """
        (last,) = self.db.execute("SELECT COALESCE(MAX(rowid), 0) FROM result").fetchone()
        first = max(0, last - most)
        found: dict[tuple[int, int], list[int]] = {}
        # results first: a plain join may begin with outcomes, of which there may be a million
        for *row, context, fold, code in self.db.execute(
            f"{_STORED}, context, fold, code FROM result CROSS JOIN outcome "
            "USING (context, fold, code) WHERE result.rowid > ?",
            (first,),
        ):
            digest = self.context_digest(context)
            if not stored_result(digest, (fold, code), row, self._has_payload).is_whole:
                found.setdefault((context, fold), []).append(code)
        before = "SELECT COUNT(*) FROM result WHERE rowid <= ?"
        return found, int(self.db.execute(before, (first,)).fetchone()[0]) if first else 0

    def payload(self, digest: str) -> bytes:
        """What is kept under a digest.

        Raises:
            LookupError: There is no such thing, or another one.
        """
        row = self.db.execute("SELECT data FROM payload WHERE digest = ?", (digest,)).fetchone()
        if row is None or not is_payload(digest, row[0]):
            raise LookupError(digest)
        return bytes(row[0])

    def facts(self, context: int, fold: int, code: int) -> dict[str, Any]:
        """Facts a done task recorded (final features, chosen settings)."""
        row = self.db.execute(
            "SELECT facts FROM result WHERE context = ? AND fold = ? AND code = ?",
            (context, fold, code),
        ).fetchone()
        return dict(json.loads(row[0])) if row else {}

    def context_digest(self, context: int) -> str:
        """Digest of a context by its number; empty for one that the ledger does not have."""
        if context not in self._digests:
            row = self.db.execute("SELECT digest FROM context WHERE id = ?", (context,)).fetchone()
            if row is None:
                return ""
            self._digests[context] = row[0]
        return self._digests[context]

    def _has_payload(self, digest: str) -> bool:
        if digest not in self._payloads:
            found = "SELECT data FROM payload WHERE digest = ?"
            row = self.db.execute(found, (digest,)).fetchone()
            self._payloads[digest] = row is not None and is_payload(digest, row[0])
        return self._payloads[digest]

    def mean_seconds(self) -> dict[int, float]:
        """Context to mean seconds of its tasks."""
        return {
            context: seconds / tasks
            for context, tasks, seconds in self.db.execute("SELECT * FROM duration")
            if tasks
        }

    def timings(self, *, whole: bool = False) -> Timings:
        """How long tasks took: the last ones, or all."""
        return Timings(self.db, whole=whole)

    def noteworthy(self) -> Iterator[dict[str, Any]]:
        """Attempts that failed or printed something, oldest first.

        Yields:
            Column to value; ``request`` of their run, ``outcome`` of their task or None.
        """
        found = self.db.execute(
            "SELECT a.*, request, outcome.state AS outcome FROM attempt a "
            "LEFT JOIN run ON run.id = a.run LEFT JOIN outcome USING (context, fold, code) "
            "WHERE a.state = 'failed' OR log != '' ORDER BY a.id"
        )
        names = [column[0] for column in found.description]
        for row in found:
            attempt = dict(zip(names, row, strict=True))
            yield {**attempt, "request": json.loads(attempt["request"] or "{}")}

    def shared_results(self, fold: int | None) -> Iterator[tuple[int, int, int, str]]:
        """Tasks that share something whose making was logged: context, fold, code, key of it.

        Args:
            fold: That of the tasks, or None for all.
        """
        yield from self.db.execute(
            "SELECT context, fold, code, shares FROM attempt WHERE ? IN (fold, -1) AND shares IN "
            "(SELECT shares FROM attempt WHERE log != '' AND shares != '')",
            (-1 if fold is None else fold,),
        )

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

    def attempt(self, number: int) -> list[Any]:
        """What tells an attempt from one of another ledger with its number; empty without one."""
        asked = "SELECT context, fold, code, unit, worker, started FROM attempt WHERE id = ?"
        return list(self.db.execute(asked, (number,)).fetchone() or ())

    def attempted_since(self, number: int) -> dict[tuple[int, int], IntArray]:
        """Context and fold to codes of the tasks that were attempted after an attempt."""
        asked = (
            "SELECT context, fold, json_group_array(code) FROM attempt WHERE id > ? "
            "GROUP BY context, fold"
        )
        return {
            (context, fold): np.array(json.loads(codes), np.int64)
            for context, fold, codes in self.db.execute(asked, (number,))
        }

    def counts(self) -> Mapping[str, int]:
        """Attempts by state."""
        return dict(self.db.execute("SELECT state, COUNT(*) FROM attempt GROUP BY state"))
