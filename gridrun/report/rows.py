"""The rows of the final table, in its order, from tasks and ledger."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gridrun.pipeline import Value
from gridrun.plan.task_encoding import IntArray
from gridrun.plan.tasks import TaskTable, TaskTables
from gridrun.plan.units import State
from gridrun.store.ledger import LedgerView, StoredResult
from gridrun.study.state import StudyState

_MOST_RESULTS = 8192
"""Results that are in memory at a time."""

_NO_ROW: list[dict[str, Any]] = [{}]

_First = dict[str, int]
"""Content of results of a classifier and fold, to the first combination that has it."""


class Part(NamedTuple):
    """One (combination, classifier, fold) of the table.

    Args:
        combination: Counted from 1.
        values: Of all parameters; one object for all parts of a combination.
        classifier: Which classifier.
        fold: Counted from 1.
        state: Of its task.
        kind: Kind of failure, or empty.
        reason: Why it failed or was skipped, or empty.
        context: Position of the task's context, or None when it was not to be run.
        shared_with: Number of the first combination of the table with the same
            result by content, or None.
        stored: Its result, where it is done.
        damaged: Whether the ledger has an outcome that is not as it was recorded.
    """

    combination: int
    values: Mapping[str, Value]
    classifier: str
    fold: int
    state: State
    kind: str
    reason: str
    context: int | None = None
    shared_with: int | None = None
    stored: StoredResult | None = None
    damaged: bool = False

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Result rows; a single empty row when there is no result."""
        return self.stored.read.rows if self.stored is not None else _NO_ROW

    @property
    def details(self) -> list[dict[str, Any]]:
        """Rows per consequence."""
        return self.stored.read.details if self.stored is not None else []

    @property
    def pooled(self) -> dict[str, Any]:
        """Row pooled over the test tables; empty when there is none."""
        return self.stored.read.pooled if self.stored is not None else _NO_ROW[0]

    @property
    def payloads(self) -> dict[str, str]:
        """Name to digest of what the ledger keeps beside."""
        return self.stored.read.payloads if self.stored is not None else {}


def parts(study_state: StudyState, view: LedgerView | None) -> Iterator[Part]:
    """All parts of the selection: combination, classifier, fold.

    ``shared_with`` is decided here, by content and table order, so that it does
    not depend on which of two equal tasks happened to run first.
    """
    tables, folds = study_state.tables, range(1, study_state.folds + 1)
    known = study_state.known_context_ids()
    first = {(name, fold): dict[str, int]() for name in tables.classifiers for fold in folds}
    indices = tables.indices
    size = max(1, _MOST_RESULTS // (len(folds) * len(tables.tables)))
    for start in range(0, len(indices), size):
        chunk = indices[start : start + size]
        # combinations that differ in what a classifier does not read share its task: it is fetched
        # once, as long as they are in one chunk, and memory stays bounded
        asked = [_asked(tables, table, chunk, known, folds, view) for table in tables.tables]
        for position, index in enumerate(chunk.tolist()):
            values = tables.grid.combination(index)
            for name, codes, contexts, dispositions, found in asked:
                disposition = tables.dispositions[dispositions[position]]
                if disposition.state != State.WAITING:
                    state = State(disposition.state)
                    said = (disposition.kind, disposition.reason)
                    for fold in folds:
                        yield Part(index + 1, values, name, fold, state, *said)
                    continue
                code, context = codes[position], contexts[position]
                for fold, results in zip(folds, found, strict=True):
                    stored = results.get(code)
                    head = (index + 1, values, name, fold)
                    yield _recorded(head, context, code, stored, first[name, fold])


class _Asked(NamedTuple):
    """A classifier's tasks for some combinations, one of each in their order, and their results."""

    classifier: str
    codes: list[int]
    contexts: list[int]
    dispositions: list[int]
    found: list[dict[int, StoredResult]]


def _asked(  # noqa: PLR0917 - the loop's state, private to it
    tables: TaskTables,
    table: TaskTable,
    chunk: IntArray,
    known: Sequence[int | None],
    folds: Sequence[int],
    view: LedgerView | None,
) -> _Asked:
    codes = tables.book.codes(tables.grid, chunk, table.reads)
    at = np.searchsorted(table.codes, codes)
    contexts, is_run = table.contexts[at], tables.is_run(table)[at]
    found: list[dict[int, StoredResult]] = [{} for _ in folds]
    for position in np.unique(contexts[is_run]).tolist():
        ident = known[position]
        if view is None or ident is None:
            continue
        here = np.unique(codes[is_run & (contexts == position)]).tolist()
        for fold, results in zip(folds, found, strict=True):
            results.update(view.results(ident, fold, here))
    dispositions = table.dispositions[at].tolist()
    return _Asked(table.classifier, codes.tolist(), contexts.tolist(), dispositions, found)


def _recorded(
    head: tuple[int, Mapping[str, Value], str, int],
    context: int,
    code: int,
    stored: StoredResult | None,
    first: _First,
) -> Part:
    if stored is None:
        return Part(*head, State.WAITING, "", "not run yet", context)
    if not stored.is_whole:
        reason = "its result in the ledger is damaged"
        return Part(*head, State.WAITING, "", reason, context, damaged=True)
    if stored.state != State.DONE:
        return Part(*head, State.FAILED, stored.kind, stored.reason, context)
    # a result without such a key is equal to none but its own task's
    owner = first.setdefault(stored.content_key or f"{context}:{code}", head[0])
    shared_with = owner if owner != head[0] else None
    return Part(*head, State.DONE, "", "", context, shared_with, stored)


def is_finite(value: Any) -> bool:
    """Whether a metric is a number."""
    return isinstance(value, int | float) and math.isfinite(value)
