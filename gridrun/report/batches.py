"""Neighbouring rows of the final table at once, in its order, from tasks and ledger."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gridrun.pipeline import Value
from gridrun.plan.grid import Grid
from gridrun.plan.task_encoding import IntArray
from gridrun.plan.tasks import TaskTable, TaskTables
from gridrun.plan.units import State
from gridrun.report._contents import FirstCombinations
from gridrun.store.ledger import LedgerView, ReadResult, StoredResult, decoded
from gridrun.study.state import StudyState

_MOST_RESULTS = 8192
"""Results that are in memory at a time."""


class Said(NamedTuple):
    """What the table says of a part without its result.

    Args:
        state: Of its task.
        kind: Kind of failure, or empty.
        reason: Why it failed or was skipped, or empty.
        damaged: Whether the ledger has an outcome that is not as it was recorded.
    """

    state: State
    kind: str = ""
    reason: str = ""
    damaged: bool = False


DONE = Said(State.DONE)
NOT_RUN = Said(State.WAITING, "", "not run yet")
DAMAGED = Said(State.WAITING, "", "its result in the ledger is damaged", damaged=True)


@dataclass(frozen=True)
class PartBatch:
    """All parts of some combinations: by combination, then classifier, then fold.

    Arrays have a place for each part, ``shape`` (combinations, classifiers, folds).

    Args:
        numbers: Of the combinations, counted from 1.
        values: Of all parameters, of each combination.
        classifiers: Their names.
        folds: Counted from 1.
        said: What is said of parts, each once.
        results: Results of parts, each once, however many share it.
        says: Position in ``said``.
        result: Position in ``results``; -1 without one.
        contexts: Position of the task's context; -1 where it was not to be run.
        shared_with: Number of the first combination of the table with the same result by content;
            0 where there is none but itself.
    """

    numbers: list[int]
    values: list[Mapping[str, Value]]
    classifiers: tuple[str, ...]
    folds: Sequence[int]
    said: list[Said]
    results: list[StoredResult]
    says: IntArray
    result: IntArray
    contexts: IntArray
    shared_with: IntArray

    # reading many at once takes half the time, and keeps the names of their columns once
    @cached_property
    def rows(self) -> list[list[dict[str, Any]]]:
        """Rows of each result."""
        return decoded([one.rows for one in self.results])

    @cached_property
    def payloads(self) -> list[dict[str, str]]:
        """Of each result, name to digest of what is kept beside."""
        return decoded([one.payloads for one in self.results])

    @cached_property
    def read(self) -> list[ReadResult]:
        """All that each result holds."""
        details = decoded([one.details for one in self.results])
        pooled = decoded([one.pooled for one in self.results])
        return list(map(ReadResult, self.rows, details, pooled, self.payloads))

    def means(self, metric: str) -> npt.NDArray[np.float64]:
        """Mean over the rows of each result, so that each fold counts once; NaN without one."""
        return means_of(self.rows, metric)

    def payload_digests(self, name: str) -> list[str]:
        """Of each result, the digest of a payload, or empty."""
        return [payloads.get(name, "") for payloads in self.payloads]

    def counts(self) -> Iterator[tuple[Said, int]]:
        """What is said, and of how many parts; in the order of the first of these."""
        places, first, counts = np.unique(self.says, return_index=True, return_counts=True)
        for at in np.argsort(first).tolist():
            yield self.said[places[at]], int(counts[at])

    def of_results(self, flags: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """What is true of results, of each part; false of those without one."""
        known: npt.NDArray[np.bool_] = np.append(np.asarray(flags, np.bool_), [False])
        return known[self.result]


def batches(study_state: StudyState, view: LedgerView | None) -> Iterator[PartBatch]:
    """All parts of the selection, in the order of the table.

    ``shared_with`` is decided here, by content and table order, so that it does
    not depend on which of two equal tasks happened to run first.
    """
    tables, folds = study_state.tables, range(1, study_state.folds + 1)
    reader = PartReader(tables, study_state.known_context_ids(), folds, view)
    size = batch_size(study_state)
    for start in range(0, len(tables.indices), size):
        # combinations that differ in what a classifier does not read share its task: it is fetched
        # once, as long as they are in one batch, and memory stays bounded
        yield reader.batch(tables.indices[start : start + size])


def batch_size(study_state: StudyState) -> int:
    """How many combinations are read at a time, so that memory is bounded."""
    return max(1, _MOST_RESULTS // (study_state.folds * len(study_state.tables.tables)))


def means_of(
    rows_of_results: Sequence[Sequence[Mapping[str, Any]]], metric: str
) -> npt.NDArray[np.float64]:
    """Mean over the rows of each result; NaN without a number."""
    means = []
    for rows in rows_of_results:
        known = [row[metric] for row in rows if is_finite(row.get(metric))]
        means.append(math.fsum(known) / len(known) if known else math.nan)
    return np.array(means, np.float64)


def is_finite(value: Any) -> bool:
    """Whether a metric is a number."""
    return isinstance(value, int | float) and math.isfinite(value)


class PartReader:
    """Reads one batch after another.

    Args:
        tables: Tasks of the selection.
        known: The ledger's number of each context, None if it has none.
        folds: Counted from 1.
        view: The ledger, or None.
    """

    def __init__(
        self,
        tables: TaskTables,
        known: Sequence[int | None],
        folds: Sequence[int],
        view: LedgerView | None,
    ) -> None:
        self._tables = tables
        self._known = known
        self._folds = folds
        self._view = view
        self._is_run = [tables.is_run(table) for table in tables.tables]
        # of the results of a classifier and fold
        self._first = [[FirstCombinations() for _ in folds] for _ in tables.tables]

    def batch(self, chunk: IntArray) -> PartBatch:
        """All parts of some combinations, which are counted from 0."""
        tables = self._tables
        shape = (len(chunk), len(tables.tables), len(self._folds))
        batch = PartBatch(
            (chunk + 1).tolist(),
            _combinations(tables.grid, chunk),
            tables.classifiers,
            self._folds,
            [],
            [],
            says=np.zeros(shape, np.int64),
            result=np.full(shape, -1, np.int64),
            contexts=np.full(shape, -1, np.int64),
            shared_with=np.zeros(shape, np.int64),
        )
        places: dict[Said, int] = {}
        for position, table in enumerate(tables.tables):
            self._fill(batch, places, position, table, chunk)
        batch.said.extend(places)
        return batch

    def _fill(
        self,
        batch: PartBatch,
        places: dict[Said, int],
        position: int,
        table: TaskTable,
        chunk: IntArray,
    ) -> None:
        """Fill in the parts of a classifier."""
        tables = self._tables
        codes = tables.book.codes(tables.grid, chunk, table.reads)
        at = np.searchsorted(table.codes, codes)
        is_run, dispositions = self._is_run[position][at], table.dispositions[at]
        for label in np.unique(dispositions[~is_run]).tolist():
            one = tables.dispositions[label]
            said = Said(State(one.state), one.kind, one.reason)
            place = places.setdefault(said, len(places))
            batch.says[dispositions == label, position] = place
        if not is_run.any():
            return
        rows, numbers = np.flatnonzero(is_run), chunk[is_run] + 1
        distinct, first, back = np.unique(codes[is_run], return_index=True, return_inverse=True)
        contexts = table.contexts[at][is_run][first]
        batch.contexts[rows, position] = contexts[back][:, np.newaxis]
        # in the order of the table, by which it is decided whose results others share
        order = np.argsort(first)
        own = numbers[first]
        for fold in range(len(self._folds)):
            says, result, contents = self._read(batch, places, distinct, contexts, fold)
            owner = np.zeros(len(distinct), np.int64)
            if contents:
                done = order[result[order] >= 0]
                keys = [contents[place] for place in done.tolist()]
                owner[done] = self._first[position][fold].of(keys, own[done].tolist())
            at_fold = (rows, position, fold)
            batch.says[at_fold] = says[back]
            batch.result[at_fold] = result[back]
            batch.shared_with[at_fold] = np.where(owner[back] == numbers, 0, owner[back])

    def _read(
        self,
        batch: PartBatch,
        places: dict[Said, int],
        codes: IntArray,
        contexts: IntArray,
        fold: int,
    ) -> tuple[IntArray, IntArray, Mapping[int, str]]:
        """Read the results of some tasks of a classifier.

        Args:
            batch: Takes results.
            places: What is said of parts, with its position.
            codes: Of the tasks.
            contexts: Position of the context of each.
            fold: Position.

        Returns:
            What is said of each, its result in the batch, and of each with one by what it is known
            for equal to others.
        """
        found = self._stored(codes, contexts, self._folds[fold])
        says = np.empty(len(codes), np.int64)
        result, contents = np.full(len(codes), -1), dict[int, str]()
        for task, (code, context) in enumerate(zip(codes.tolist(), contexts.tolist(), strict=True)):
            stored = found.get(code)
            said = said_of(stored)
            says[task] = places.setdefault(said, len(places))
            if said is DONE and stored is not None:
                result[task] = len(batch.results)
                batch.results.append(stored)
                # a result without such a key is equal to none but its own task's
                contents[task] = stored.content_key or f"{context}:{code}"
        return says, result, contents

    def _stored(self, codes: IntArray, contexts: IntArray, fold: int) -> dict[int, StoredResult]:
        found: dict[int, StoredResult] = {}
        for position in np.unique(contexts).tolist():
            ident = self._known[position]
            if self._view is not None and ident is not None:
                found.update(self._view.results(ident, fold, codes[contexts == position].tolist()))
        return found


def _combinations(grid: Grid, indices: IntArray) -> list[Mapping[str, Value]]:
    """What ``Grid.combination`` gives for each."""
    digits = np.unravel_index(indices, grid.sizes)
    columns = [
        [values[digit] for digit in those.tolist()]
        for values, those in zip(grid.values, digits, strict=True)
    ]
    return [dict(zip(grid.names, row, strict=True)) for row in zip(*columns, strict=True)]


def said_of(stored: StoredResult | None) -> Said:
    """What is said of a part with this result, or without one."""
    if stored is None:
        return NOT_RUN
    if not stored.is_whole:
        return DAMAGED
    return DONE if stored.state == State.DONE else Said(State.FAILED, stored.kind, stored.reason)
