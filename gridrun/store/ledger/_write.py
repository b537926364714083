"""Writing the ledger: the engine's side, with commits in groups and a heartbeat."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gridrun.errors import GridrunError
from gridrun.plan.fingerprint import digest_of
from gridrun.plan.task_encoding import TaskEncoding
from gridrun.plan.units import SegmentRead, SweepPlanned, TaskDone, TaskFailed
from gridrun.store.ledger import _lease, _sweeps
from gridrun.store.ledger._digests import payloads_in, seal
from gridrun.store.ledger._in_place import InPlace
from gridrun.store.ledger._open import explained, open_for_writing
from gridrun.store.ledger._read import LedgerView
from gridrun.store.ledger._rows import Rows
from gridrun.store.patience import patiently

COMMIT_SECONDS = 0.25
"""Longest time an outcome waits for its commit, but for the commit itself."""

_GROUP = 2000
"""Outcomes that are committed at once without waiting."""

_PAYLOADS = "SELECT payloads FROM result"
_PLACE = "WHERE context = ? AND fold = ? AND code = ?"


_FAILED = (
    "SELECT context, fold, code, reason, EXISTS (SELECT 1 FROM attempt WHERE state = 'failed' "
    "AND attempt.context = outcome.context AND attempt.fold = outcome.fold "
    "AND attempt.code = outcome.code AND attempt.final = 1 AND attempt.run = ?) "
    "FROM outcome JOIN result USING (context, fold, code) "
    "WHERE outcome.state = 'failed' AND outcome.kind = 'error'"
)
"""Tasks that failed with an error, why, and whether a run was the one that tried them."""


class Ledger(LedgerView):
    """The ledger, to write; holds the lease until closed.

    A thread commits what is buffered and renews the lease, so that outcomes
    are durable within a second whatever the engine is waiting for.

    Args:
        path: The ledger's file, made if missing.

    Raises:
        UserError: Another engine holds the lease, or the disk is full.
    """

    def __init__(self, path: Path) -> None:
        db, self.note = open_for_writing(path)
        super().__init__(db, path)
        self._lock = threading.RLock()
        self._place = InPlace(path)
        self._buffer: list[tuple[TaskDone | TaskFailed, str]] = []
        self._marks: list[tuple[str, tuple[Any, ...]]] = []
        self._run = 0
        self._closed = threading.Event()
        self._fault: GridrunError | None = None
        try:
            taken_over = self._write(lambda: _lease.acquire(db, path))
        except GridrunError:
            db.close()
            raise
        self._write(lambda: db.execute("DELETE FROM held"))
        self.note = "; ".join(filter(None, (self.note, taken_over)))
        self._thread = threading.Thread(target=self._keep, name="ledger", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def begin_run(self, request: Mapping[str, Any], backend: str, version: str) -> int:
        """Record that a run starts; its number, which is returned, goes into every attempt."""
        row = (
            json.dumps(request, sort_keys=True),
            backend,
            socket.gethostname(),
            os.getpid(),
            version,
            time.time(),
            "running",
        )
        cursor = self._write(
            lambda: self.db.execute(
                "INSERT INTO run (request, backend, host, pid, version, started, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            ),
            "run",
        )
        self._run = int(cursor.lastrowid)
        return self._run

    def end_run(self, state: str) -> None:
        """Record how the run ended: ``done``, ``failed``, ``interrupted``, ``stopped``."""
        self.commit()
        self._write(
            lambda: self.db.execute(
                "UPDATE run SET ended = ?, state = ? WHERE id = ?", (time.time(), state, self._run)
            ),
            "run",
        )

    def store_values(self, book: TaskEncoding) -> None:
        """Keep the numbers and bits that an encoding has newly given."""
        values, bits = list(book.unstored()), list(book.unstored_bits())

        def store() -> None:
            self.db.executemany("INSERT OR IGNORE INTO value VALUES (?, ?, ?)", values)
            self.db.executemany("INSERT OR IGNORE INTO code_bit VALUES (?, ?)", bits)

        if values or bits:
            self._write(store, "value", "code_bit")

    def context_id(self, classifier: str, components: Mapping[str, Any]) -> int:
        """Number of a fingerprint context, given on first use."""
        digest = digest_of({"classifier": classifier, **components})
        text = json.dumps(components, sort_keys=True)
        self._write(
            lambda: self.db.execute(
                "INSERT OR IGNORE INTO context (digest, classifier, components) VALUES (?, ?, ?)",
                (digest, classifier, text),
            ),
            "context",
        )
        row = self.db.execute("SELECT id FROM context WHERE digest = ?", (digest,)).fetchone()
        return int(row[0])

    def add_worker(self, name: str, environment: Mapping[str, str]) -> None:
        """Record a worker and the environment it runs in."""
        digest = digest_of(dict(environment))
        text = json.dumps(dict(environment), sort_keys=True)

        def write() -> None:
            self.db.execute(
                "INSERT OR IGNORE INTO environment (digest, components) VALUES (?, ?)",
                (digest, text),
            )
            self.db.execute(
                "INSERT OR REPLACE INTO worker SELECT ?, id FROM environment WHERE digest = ?",
                (name, digest),
            )

        self._write(write, "environment", "worker")

    def hold(self, unit: str, worker: str, tasks: int) -> None:
        """A worker took a unit."""
        row = (unit, worker, tasks, time.time())
        self._write(lambda: self.db.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)", row))

    def release(self, unit: str) -> None:
        """A unit ended; durable together with, or after, the outcomes recorded before."""
        self._mark("DELETE FROM held WHERE unit = ?", (unit,))
        self._mark("DELETE FROM sweep_unit WHERE unit = ?", (unit,))

    def plan_sweep(self, planned: SweepPlanned, backend: str) -> None:
        """Record a sweep before it is sent; durable on return."""
        self.commit()
        self._write(lambda: _sweeps.plan(self.db, planned, self._run, backend))

    def sweep_sent(self, sweep: str, place: str) -> None:
        """A sweep was accepted; durable on return."""
        row = (place, _sweeps.SENT, sweep)
        self._write(
            lambda: self.db.execute("UPDATE sweep SET place = ?, state = ? WHERE name = ?", row)
        )

    def segment_read(self, segment: SegmentRead) -> None:
        """A segment is in the ledger; durable together with, or after, its outcomes."""
        row = (segment.sweep, segment.shard, segment.name)
        self._mark("INSERT OR IGNORE INTO segment VALUES (?, ?, ?)", row)

    def end_sweep(self, sweep: str, state: str) -> None:
        """Nothing more comes of a sweep: what it still held is waiting again."""
        self.commit()
        self._write(lambda: _sweeps.end(self.db, sweep, state))

    def store_sample(self, name: str, drawn: str) -> None:
        """Keep a drawn sample."""
        self._write(
            lambda: self.db.execute("INSERT OR REPLACE INTO sample VALUES (?, ?)", (name, drawn)),
            "sample",
        )

    def store_meta(self, key: str, value: str) -> None:
        """Keep a fact about the study as a whole."""
        self._write(
            lambda: self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value)),
            "meta",
        )

    def record(self, event: TaskDone | TaskFailed, log: str = "") -> None:
        """Take an attempt; it is durable within a second, and ``commit`` makes it so at once.

        Args:
            event: What came of the attempt.
            log: Name of its log file below the log directory, or empty.
        """
        with self._lock:
            self._raise_fault()
            self._buffer.append((event, log))
            full = len(self._buffer) >= _GROUP
        if full:
            self.commit()

    def failed_for(
        self, reason: str, general: Callable[[str], str]
    ) -> tuple[list[tuple[int, int, int]], int]:
        """Tasks whose last outcome, as it is committed, is an error for a reason.

        Args:
            reason: In its general form.
            general: Makes it of a reason.

        Returns:
            Context, fold and code of each; and how many of them this run tried.
        """
        with self._lock, explained(self.path):
            found = [
                (tuple(task), bool(own))
                for *task, text, own in self.db.execute(_FAILED, (self._run,))
                if general(text) == reason
            ]
        return [task for task, _ in found], sum(own for _, own in found)

    def forget(self, tasks: Sequence[tuple[int, int, int]]) -> None:
        """Have tasks wait again, whose outcomes are not as they were recorded.

        Args:
            tasks: Context, fold and code of each.
        """

        def write() -> None:
            # a payload is kept as long as one of its digest is there: it must not be another one
            for task in tasks:
                row = self.db.execute(f"{_PAYLOADS} {_PLACE}", task).fetchone()
                for digest in payloads_in(row[0] if row else None):
                    if not self._has_payload(digest):
                        self.db.execute("DELETE FROM payload WHERE digest = ?", (digest,))
            for table in ("outcome", "result"):
                self.db.executemany(f"DELETE FROM {table} {_PLACE}", tasks)  # noqa: S608

        self._write(write)

    def commit(self) -> None:
        """Make everything recorded durable."""
        with self._lock:
            self._raise_fault()
            buffer, marks = self._buffer, self._marks
            if not buffer and not marks:
                return

            def write() -> None:
                self._insert(buffer)
                for statement, row in marks:
                    self.db.execute(statement, row)

            self._write(write, *(("duration",) if buffer else ()))
            self._buffer, self._marks = [], []

    def close(self) -> None:
        """Commit, give the lease back and close the file."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._thread.join()
        try:
            if self._fault is None:
                self.commit()
                self._write(lambda: _lease.release(self.db))
        finally:
            with explained(self.path):
                self.db.close()

    def _mark(self, statement: str, row: tuple[Any, ...]) -> None:
        with self._lock:
            self._marks.append((statement, row))

    def _insert(self, buffer: list[tuple[TaskDone | TaskFailed, str]]) -> None:
        rows = Rows(self.context_digest)
        for event, log in buffer:
            rows.add(event, self._run, log)
        for statement, values in rows.statements():
            self.db.executemany(statement, values)

    def _write(self, action: Callable[[], Any], *tables: str) -> Any:
        """Do something in one transaction, and seal the small tables that it changes."""
        with self._lock, explained(self.path):
            value = patiently(lambda: self._once(action, tables), self.path)
            patiently(self._place.require)
            return value

    def _once(self, action: Callable[[], Any], tables: Sequence[str]) -> Any:
        try:
            self.db.execute("BEGIN IMMEDIATE")
            value = action()
            seal(self.db, tables)
            self.db.execute("COMMIT")
        except BaseException:
            # also after Ctrl-C: all of it is recorded, or nothing
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        return value

    def _keep(self) -> None:
        last = time.monotonic()
        while not self._closed.wait(COMMIT_SECONDS):
            try:
                self.commit()
                if time.monotonic() - last >= _lease.HEARTBEAT_SECONDS:
                    self._write(lambda: _lease.beat(self.db, self.path))
                    last = time.monotonic()
            except GridrunError as error:
                self._fault = error
                return

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault
