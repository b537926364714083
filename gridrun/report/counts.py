"""How many parts are in which state, counted from the ledger's outcomes: far less than its results.

Of results only those of failed tasks and the newest ones are read, and held against their digests.
Tables are made from results that were all read, see ``gridrun.report.batches``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gridrun.plan.task_encoding import IntArray
from gridrun.plan.tasks import TaskTable
from gridrun.plan.units import State
from gridrun.report.batches import DAMAGED, DONE, NOT_RUN, Said, said_of
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState

_T = TypeVar("_T")

NEWEST_RESULTS = 100_000
"""Results that are held against their digests: so many are read in half a second."""


@dataclass
class PartCounts:
    """What was counted.

    Args:
        parts: State to number of parts.
        reasons: (kind, reason) of failed parts, with how often; most first.
        failing: Method to the number of its parts that failed, those of upstream's defects left
            out; most first.
        done: Tasks that are done.
        failed: Tasks that failed.
        damaged: Parts whose result in the ledger was found to be damaged; they are waiting.
        unchecked: Results in the ledger that were not held against their digests.
    """

    parts: dict[str, int] = field(default_factory=lambda: {str(state): 0 for state in State})
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)
    failing: dict[str, int] = field(default_factory=dict)
    done: int = 0
    failed: int = 0
    damaged: int = 0
    unchecked: int = 0


class EndedOnce:
    """Which tasks have ended, as a ledger has it; of each context and fold read once.

    Args:
        view: The ledger.
    """

    def __init__(self, view: LedgerView) -> None:
        self.ended = cache(view.ended)

    def finished(
        self, context: int, fold: int, *, without: Collection[str] = ()
    ) -> tuple[IntArray, IntArray]:
        """As that of the ledger."""
        return self.ended(context, fold).without(without)


def count_parts(
    study_state: StudyState, view: LedgerView | None, once: EndedOnce | None
) -> PartCounts:
    """Count the parts of the selection.

    Args:
        study_state: The study and which of its tasks are meant.
        view: The ledger, or None.
        once: The same ledger's ended tasks; None without one.
    """
    counter = _Counter(study_state, view, once)
    for table in study_state.tables.tables:
        counter.add(table)
    return counter.counted()


class _Counter:
    """Counts the parts of one classifier after the other; arguments as for ``count_parts``."""

    def __init__(
        self, study_state: StudyState, view: LedgerView | None, once: EndedOnce | None
    ) -> None:
        self._study_state = study_state
        self._view = view
        self._once = once
        self._known = study_state.known_context_ids()
        tables = study_state.tables
        # what is said of tasks, to its number
        self._numbers: dict[Said, int] = {}
        self._of_grid = self._labels(
            [Said(State(one.state), one.kind, one.reason) for one in tables.dispositions]
        )
        at = tables.grid.names.index(study_state.pipeline.method_parameter)
        self._methods = tables.grid.values[at]
        self._method = np.unravel_index(tables.indices, tables.grid.sizes)[at]
        self._failing = np.zeros(len(self._methods), np.int64)
        self._found = PartCounts()
        self._damaged: dict[tuple[int, int], list[int]] = {}
        if view is not None:
            self._damaged, self._found.unchecked = view.damaged_newest(NEWEST_RESULTS)

    def add(self, table: TaskTable) -> None:
        """Count the parts of a classifier."""
        tables = self._study_state.tables
        codes = tables.book.codes(tables.grid, tables.indices, table.reads)
        of_part, is_run = np.searchsorted(table.codes, codes), tables.is_run(table)
        (waiting,) = self._labels([NOT_RUN])
        before = np.where(is_run, waiting, self._of_grid[table.dispositions])
        for fold in range(1, self._study_state.folds + 1):
            labels = before.copy()
            for position in np.unique(table.contexts[is_run]).tolist():
                context, here = self._known[position], table.contexts == position
                if context is not None:
                    self._label(labels, table.codes, is_run & here, (context, fold))
            self._count(labels[of_part], is_run[of_part])

    def counted(self) -> PartCounts:
        """All that was counted."""
        found = self._found
        found.reasons = _most_first(found.reasons)
        failing = dict(zip(map(str, self._methods), self._failing.tolist(), strict=True))
        found.failing = _most_first({name: count for name, count in failing.items() if count})
        return found

    def _label(
        self,
        labels: IntArray,
        codes: IntArray,
        here: npt.NDArray[np.bool_],
        place: tuple[int, int],
    ) -> None:
        """Label the tasks of a context and fold that have ended by what is said of them."""
        if self._view is None or self._once is None:
            return
        ended = self._once.ended(*place)
        is_done, is_failed = here & np.isin(codes, ended.done), here & np.isin(codes, ended.failed)
        labels[is_done] = self._labels([DONE])
        failed = codes[is_failed].tolist()
        stored = dict(self._view.results(*place, failed)) if failed else {}
        labels[is_failed] = self._labels([said_of(stored.get(code)) for code in failed])
        if place in self._damaged:
            labels[here & np.isin(codes, self._damaged[place])] = self._labels([DAMAGED])
        self._found.done += int(np.count_nonzero(is_done))
        self._found.failed += len(failed)

    def _labels(self, said: Sequence[Said]) -> IntArray:
        numbers = self._numbers
        return np.array([numbers.setdefault(one, len(numbers)) for one in said], np.int64)

    def _count(self, labels: IntArray, is_run: npt.NDArray[np.bool_]) -> None:
        """Count the parts of a fold, by what is said of their tasks."""
        found = self._found
        counts = np.bincount(labels, minlength=len(self._numbers)).tolist()
        for (said, label), count in zip(self._numbers.items(), counts, strict=True):
            if not count:
                continue
            found.parts[str(said.state)] += count
            found.damaged += count * said.damaged
            if said.kind:
                key = (said.kind, said.reason)
                found.reasons[key] = found.reasons.get(key, 0) + count
                here = self._method[is_run & (labels == label)]
                self._failing += np.bincount(here, minlength=len(self._failing))


def _most_first(counts: dict[_T, int]) -> dict[_T, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))))
