"""What sums need of results, read once: what an earlier call has read is not read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from gridrun.plan.task_encoding import IntArray
from gridrun.plan.units import State
from gridrun.report.batches import (
    DONE,
    NOT_RUN,
    PartBatch,
    PartReader,
    Said,
    batch_size,
    said_of,
)
from gridrun.report.sums._read_before import Essence, ReadBefore
from gridrun.store.ledger import LedgerView, StoredResult
from gridrun.study.state import StudyState

_LARGER = 8
"""So many times as many combinations at a time where their results need not be read."""


@dataclass(frozen=True)
class _SummableBatch(PartBatch):
    """A batch that has of its results what sums need of them, and not their texts.

    Args:
        metrics: Means of these there are.
        names: Digests of these payloads there are.
        found: Of the results, in their order.
        digests: Of payloads; results have positions in this list, -1 without one.
    """

    metrics: Sequence[str] = ()
    names: Sequence[str] = ()
    found: list[Essence] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def means(self, metric: str) -> npt.NDArray[np.float64]:
        """As of any batch."""
        at = self.metrics.index(metric)
        return np.concatenate([np.empty(0), *(one.means[:, at] for one in self.found)])

    def payload_digests(self, name: str) -> list[str]:
        """As of any batch."""
        at, known = self.names.index(name), [*self.digests, ""]
        return [known[place] for one in self.found for place in one.payloads[:, at].tolist()]


def summable(
    study_state: StudyState,
    view: LedgerView | None,
    metrics: Sequence[str],
    payloads: Sequence[str],
) -> Iterator[PartBatch]:
    """All parts of the selection, in the order of the table, for sums alone.

    Whether results are shared is not known of them.

    Args:
        study_state: The study.
        view: The ledger, or None.
        metrics: Means of these are asked for.
        payloads: Names of those that are asked for.
    """
    tables = study_state.tables
    before = ReadBefore(study_state, view, metrics, payloads)
    reader = _Reader(study_state, view, before)
    size = batch_size(study_state) * (_LARGER if before.is_most else 1)
    for start in range(0, len(tables.indices), size):
        batch = reader.batch(tables.indices[start : start + size])
        whole = {one.name: getattr(batch, one.name) for one in fields(PartBatch)}
        found, reader.found = reader.found, []
        yield _SummableBatch(
            **whole, metrics=metrics, names=payloads, found=found, digests=before.digests
        )
    before.keep()


class _Reader(PartReader):
    """Reads what was not read before.

    Args:
        study_state: The study.
        view: The ledger, or None.
        before: What was.
    """

    def __init__(
        self, study_state: StudyState, view: LedgerView | None, before: ReadBefore
    ) -> None:
        folds = range(1, study_state.folds + 1)
        super().__init__(study_state.tables, study_state.known_context_ids(), folds, view)
        self.before = before
        self.found: list[Essence] = []
        """Of the batch that is read, in the order of its results."""

    def _read(
        self,
        batch: PartBatch,
        places: dict[Said, int],
        codes: IntArray,
        contexts: IntArray,
        fold: int,
    ) -> tuple[IntArray, IntArray, Mapping[int, str]]:
        del batch
        essence = self.before.nothing_of(codes)
        is_done = np.zeros(len(codes), np.bool_)
        says = np.full(len(codes), places.setdefault(NOT_RUN, len(places)))
        for position in np.unique(contexts).tolist():
            ident = self._known[position]
            if self._view is None or ident is None:
                continue
            at = np.flatnonzero(contexts == position)
            place = (ident, self._folds[fold])
            is_known = self.before.fill(place, codes[at], essence, at)
            is_done[at[is_known]] = True
            missing = at[~is_known]
            fresh: list[int] = []
            results: list[StoredResult] = []
            task_of = dict(zip(codes[missing].tolist(), missing.tolist(), strict=True))
            for code, stored in self._view.results(*place, task_of) if task_of else ():
                task = task_of[code]
                if stored.is_whole and stored.state == State.DONE:
                    fresh.append(task)
                    results.append(stored)
                else:
                    said = said_of(stored)
                    says[task] = places.setdefault(said, len(places))
            if fresh:
                self.before.add(place, codes[fresh], results, essence, fresh)
                is_done[fresh] = True
        says[is_done] = places.setdefault(DONE, len(places))
        start = sum(len(one.means) for one in self.found)
        self.found.append(essence)
        return says, np.where(is_done, start + np.arange(len(codes)), -1), {}
