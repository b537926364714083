"""The rows of the final table, in its order, one part after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from gridrun.pipeline import Value
from gridrun.plan.units import State
from gridrun.report.batches import PartBatch, batches
from gridrun.store.ledger import LedgerView, ReadResult
from gridrun.study.state import StudyState

_NO_RESULT = ReadResult([{}], [], {}, {})


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
        read: Its result, where it is done.
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
    read: ReadResult = _NO_RESULT
    damaged: bool = False

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Result rows; a single empty row when there is no result."""
        return self.read.rows

    @property
    def payloads(self) -> dict[str, str]:
        """Name to digest of what the ledger keeps beside."""
        return self.read.payloads


def parts(study_state: StudyState, view: LedgerView | None) -> Iterator[Part]:
    """All parts of the selection: combination, classifier, fold."""
    for batch in batches(study_state, view):
        yield from parts_of(batch)


def parts_of(batch: PartBatch, which: Any = slice(None)) -> Iterator[Part]:
    """Parts of a batch, in order.

    Args:
        batch: The batch.
        which: Which of them: an index of one dimension, as numpy takes it.
    """
    _, classifiers, folds = batch.says.shape
    arrays = (batch.says, batch.result, batch.contexts, batch.shared_with)
    flat = [array.reshape(-1)[which].tolist() for array in arrays]
    numbers = np.arange(batch.says.size)[which].tolist()
    for place, says, result, context, shared in zip(numbers, *flat, strict=True):
        at, rest = divmod(place, classifiers * folds)
        said = batch.said[says]
        yield Part(
            batch.numbers[at],
            batch.values[at],
            batch.classifiers[rest // folds],
            batch.folds[rest % folds],
            said.state,
            said.kind,
            said.reason,
            context if context >= 0 else None,
            shared or None,
            batch.read[result] if result >= 0 else _NO_RESULT,
            said.damaged,
        )
