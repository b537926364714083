"""What the ledger holds of a task, and what its texts hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from gridrun.plan.task_encoding import IntArray
from gridrun.store.ledger._digests import result_digest

NO_PAYLOADS = "{}"
"""Text of a result that keeps nothing beside."""


class StoredResult(NamedTuple):
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
        is_whole: Whether all this, and what is kept beside, is what was recorded.
    """

    state: str
    kind: str
    reason: str
    content_key: str
    rows: str
    details: str
    pooled: str
    payloads: str
    is_whole: bool


class ReadResult(NamedTuple):
    """What the texts of a stored result hold, under their names."""

    rows: list[dict[str, Any]]
    details: list[dict[str, Any]]
    pooled: dict[str, Any]
    payloads: dict[str, str]


class Ended(NamedTuple):
    """Tasks of a context and fold that have ended and have a result.

    Args:
        done: Codes of done tasks.
        failed: Codes of failed ones.
        kinds: Kind of each failure.
    """

    done: IntArray
    failed: IntArray
    kinds: list[str]

    def without(self, kinds: Collection[str]) -> tuple[IntArray, IntArray]:
        """Codes of done and of failed tasks, but for some kinds of failure."""
        if not kinds:
            return self.done, self.failed
        return self.done, self.failed[[kind not in kinds for kind in self.kinds]]


def stored_result(
    context: str, where: Sequence[int], row: Sequence[Any], has_payload: Callable[[str], bool]
) -> StoredResult:
    """A row of the ledger, held against its digest.

    Args:
        context: Digest of its context.
        where: Its fold and code.
        row: State, kind and digest, then the columns ``RESULT``.
        has_payload: Whether what is kept under a digest is there and is it.
    """
    state, kind, digest, *texts = row
    content_key, reason, rows, details, _, _, pooled, payloads = texts
    try:
        is_whole = digest == result_digest(context, where, state, kind, texts)
    except TypeError:  # something else than text
        is_whole = False
    if is_whole and payloads != NO_PAYLOADS:
        is_whole = all(map(has_payload, json.loads(payloads).values()))
    return StoredResult(state, kind, reason, content_key, rows, details, pooled, payloads, is_whole)


def decoded(texts: Sequence[str]) -> list[Any]:
    """What texts of whole results hold."""
    return list(json.loads(f"[{','.join(texts)}]"))
