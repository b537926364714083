"""The rows of the final table, in its order, from tasks and ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gridrun.pipeline import Disposition, Value
from gridrun.plan.units import State
from gridrun.store.ledger import LedgerView, StoredResult
from gridrun.study.state import StudyState

_CHUNK = 4096
"""Combinations that are turned into task codes at a time."""


@dataclass(frozen=True)
class Part:
    """One (combination, classifier, fold) of the table.

    Args:
        combination: Counted from 1.
        values: Of all parameters.
        classifier: Which classifier.
        fold: Counted from 1.
        state: Of its task.
        kind: Kind of failure, or empty.
        reason: Why it failed or was skipped, or empty.
        rows: Result rows; a single empty row when there is no result.
        details: Rows per consequence.
        shared_with: Number of the first combination of the table with the same
            result by content, or None.
        context: Position of the task's context, or None when it was not to be run.
        pooled: Row pooled over the test tables; empty when there is none.
        payloads: Name to digest of what the ledger keeps beside.
        damaged: Whether the ledger has an outcome that is not as it was recorded.
    """

    combination: int
    values: Mapping[str, Value]
    classifier: str
    fold: int
    state: State
    kind: str
    reason: str
    rows: list[dict[str, Any]]
    details: list[dict[str, Any]]
    shared_with: int | None
    context: int | None
    pooled: dict[str, Any] = field(default_factory=dict)
    payloads: dict[str, str] = field(default_factory=dict)
    damaged: bool = False


def parts(study_state: StudyState, view: LedgerView | None) -> Iterator[Part]:
    """All parts of the selection: combination, classifier, fold.

    ``shared_with`` is decided here, by content and table order, so that it does
    not depend on which of two equal tasks happened to run first.
    """
    tables, pipeline = study_state.tables, study_state.pipeline
    known = study_state.known_context_ids()
    first: dict[tuple[str, int, str], int] = {}
    recent: dict[tuple[int, int, int], StoredResult | None] = {}
    indices = tables.indices
    reads = {name: pipeline.classifier_reads(name) for name in tables.classifiers}
    for start in range(0, len(indices), _CHUNK):
        chunk = indices[start : start + _CHUNK]
        codes = {
            name: tables.book.codes(tables.grid, chunk, reads[name]) for name in tables.classifiers
        }
        # Combinations that differ in what a classifier does not read share its task: it is fetched
        # once, as long as they are in one chunk, and memory stays bounded.
        recent.clear()
        for position, index in enumerate(map(int, chunk)):
            values = tables.grid.combination(index)
            for name in tables.classifiers:
                code = int(codes[name][position])
                disposition = tables.dispositions[tables.disposition_of(name, code)]
                context = tables.context_of(name, code)
                for fold in range(1, study_state.folds + 1):
                    if disposition.state != State.WAITING:
                        yield _decided(index, values, name, fold, disposition)
                        continue
                    key = (context, fold, code)
                    if key not in recent:
                        ident = known[context]
                        recent[key] = (
                            view.result(ident, fold, code)
                            if view is not None and ident is not None
                            else None
                        )
                    yield _recorded(index, values, key, name, recent[key], first)


def _decided(
    index: int, values: Mapping[str, Value], name: str, fold: int, disposition: Disposition
) -> Part:
    return Part(
        index + 1,
        values,
        name,
        fold,
        State(disposition.state),
        disposition.kind,
        disposition.reason,
        [{}],
        [],
        None,
        None,
    )


def _recorded(  # noqa: PLR0917 - the loop's state, private to it
    index: int,
    values: Mapping[str, Value],
    key: tuple[int, int, int],
    name: str,
    stored: StoredResult | None,
    first: dict[tuple[str, int, str], int],
) -> Part:
    context, fold, code = key
    if stored is None or not stored.is_whole:
        reason = "not run yet" if stored is None else "its result in the ledger is damaged"
        return Part(
            index + 1,
            values,
            name,
            fold,
            State.WAITING,
            "",
            reason,
            [{}],
            [],
            None,
            context,
            damaged=stored is not None,
        )
    if stored.state != State.DONE:
        return Part(
            index + 1,
            values,
            name,
            fold,
            State.FAILED,
            stored.kind,
            stored.reason,
            [{}],
            [],
            None,
            context,
        )
    # a result without such a key is equal to none but its own task's
    same = stored.content_key or f"{context}:{code}"
    owner = first.setdefault((name, fold, same), index + 1)
    return Part(
        index + 1,
        values,
        name,
        fold,
        State.DONE,
        "",
        "",
        json.loads(stored.rows),
        json.loads(stored.details),
        owner if owner != index + 1 else None,
        context,
        json.loads(stored.pooled),
        json.loads(stored.payloads),
    )


def is_finite(value: Any) -> bool:
    """Whether a metric is a number."""
    return isinstance(value, int | float) and bool(np.isfinite(value))
