"""What an attempt becomes in the ledger: rows of five tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from gridrun.plan.fingerprint import digest_of_bytes
from gridrun.plan.units import State, TaskDone, TaskFailed
from gridrun.store.ledger._digests import result_digest

_OUTCOME = "INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?)"
_RESULT = "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PAYLOAD = "INSERT OR IGNORE INTO payload VALUES (?, ?)"
_ATTEMPT = (
    "INSERT INTO attempt (context, fold, code, run, unit, number, worker, started, "
    "seconds, shared, state, final, kind, reason, signal, exit_code, limit_seconds, stage, log, "
    "shares, shared_seconds) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DURATION = (
    "INSERT INTO duration VALUES (?, ?, ?) ON CONFLICT (context) DO UPDATE "
    "SET tasks = tasks + excluded.tasks, seconds = seconds + excluded.seconds"
)

_KEY_LETTERS = 16
"""Of the key of what tasks share: enough of them, so that no two of a study are the same."""


class Rows:
    """Rows of a group of attempts, to be inserted in one transaction.

    Args:
        context_digest: Digest of a context by its number.
    """

    def __init__(self, context_digest: Callable[[int], str]) -> None:
        self._context_digest = context_digest
        self._outcomes: list[tuple[Any, ...]] = []
        self._results: list[tuple[Any, ...]] = []
        self._payloads: dict[str, bytes] = {}
        self._attempts: list[tuple[Any, ...]] = []
        self._seconds: dict[int, tuple[int, float]] = {}

    def add(self, event: TaskDone | TaskFailed, run: int, log: str) -> None:
        """Add an attempt.

        Args:
            event: What came of it.
            run: Number of the run.
            log: Name of its log file, or empty.
        """
        task, attempt = event.task, event.attempt
        where = (task.context, task.fold, task.code)
        head = (
            *where,
            run,
            attempt.unit,
            attempt.number,
            attempt.worker,
            attempt.started,
            attempt.seconds,
        )
        if isinstance(event, TaskDone):
            self._add_done(event, where, (*head, int(event.result.shared)), log)
        else:
            self._add_failed(event, where, (*head, 0), log)

    def statements(self) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
        """SQL statements, each with its rows."""
        yield _OUTCOME, self._outcomes
        yield _RESULT, self._results
        yield _PAYLOAD, list(self._payloads.items())
        yield _ATTEMPT, self._attempts
        yield _DURATION, [(at, count, total) for at, (count, total) in self._seconds.items()]

    def _add_done(
        self, event: TaskDone, where: tuple[int, int, int], head: tuple[Any, ...], log: str
    ) -> None:
        result = event.result
        shares = (result.shares[:_KEY_LETTERS], event.attempt.shared_seconds)
        none = ("", "", None, None, None, "")
        self._attempts.append((*head, State.DONE, 1, *none, log, *shares))
        self._outcomes.append((*where, State.DONE, ""))
        payloads = {name: digest_of_bytes(data) for name, data in result.payloads.items()}
        for name, digest in payloads.items():
            self._payloads[digest] = result.payloads[name]
        lists = (list(result.rows), list(result.details))
        more = (dict(result.facts), list(result.notes), dict(result.pooled), payloads)
        texts = map(_json, (*lists, *more))
        self._add_result(where, State.DONE, "", (result.content_key, "", *texts))
        count, total = self._seconds.get(where[0], (0, 0.0))
        self._seconds[where[0]] = (count + 1, total + event.attempt.seconds)

    def _add_failed(
        self, event: TaskFailed, where: tuple[int, int, int], head: tuple[Any, ...], log: str
    ) -> None:
        cause = (event.signal, event.exit_code, event.limit_seconds, event.stage)
        final = int(event.final)
        shares = (event.shares[:_KEY_LETTERS], event.attempt.shared_seconds)
        row = (*head, State.FAILED, final, event.kind, event.reason, *cause, log, *shares)
        self._attempts.append(row)
        if event.final:
            self._outcomes.append((*where, State.FAILED, event.kind))
            empty = ("[]", "[]", "{}", "[]", "{}", "{}")
            self._add_result(where, State.FAILED, event.kind, ("", event.reason, *empty))

    def _add_result(
        self, where: tuple[int, int, int], state: str, kind: str, result: tuple[str, ...]
    ) -> None:
        context = self._context_digest(where[0])
        digest = result_digest(context, where[1:], state, kind, result)
        self._results.append((*where, *result, digest))


def _json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)
