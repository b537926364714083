"""The kept predictions of done parts, read from the ledger one method and classifier at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gridrun.pipeline import BLOCK_TABLE, NULL_MODELS
from gridrun.pipeline.predicted import KeepsPredictions, Predicted
from gridrun.plan.units import State
from gridrun.report.batches import PartBatch
from gridrun.report.rows import Part, parts_of
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState

_OF_ROWS = (NULL_MODELS, BLOCK_TABLE)
"""Payloads that are no predictions."""


@dataclass(frozen=True)
class PartKept:
    """Where the predictions of a part are.

    Args:
        cell: All of the part but its method and fold.
        fold: Counted from 1.
        payloads: Name to digest; empty where the part is not done or keeps none.
        failed: Whether it failed.
    """

    cell: tuple[Any, ...]
    fold: int
    payloads: Mapping[str, str]
    failed: bool


class KeptPredictions:
    """Gathers where parts have their predictions, and reads them when asked.

    Args:
        study_state: The study.
        view: The ledger that holds it.
    """

    def __init__(self, study_state: StudyState, view: LedgerView | None) -> None:
        pipeline = study_state.pipeline
        self._view = view
        self._settings = study_state.settings
        self._pipeline = pipeline if isinstance(pipeline, KeepsPredictions) else None
        self._method = pipeline.method_parameter
        self._by = pipeline.summary_parameters
        self._groups: dict[tuple[str, ...], list[PartKept]] = {}

    def add(self, batch: PartBatch) -> None:
        """Take where the parts of a batch have them."""
        for part in parts_of(batch) if self._pipeline is not None else ():
            if part.state in {State.DONE, State.FAILED}:
                self._add(part)

    def _add(self, part: Part) -> None:
        payloads = {name: d for name, d in part.payloads.items() if name not in _OF_ROWS}
        at = (str(part.values[name]) for name in self._by)
        group = (str(part.values[self._method]), *at, part.classifier)
        others = tuple(value for name, value in part.values.items() if name != self._method)
        found = PartKept(
            (*others, part.classifier), part.fold, payloads, part.state == State.FAILED
        )
        self._groups.setdefault(group, []).append(found)

    def groups(self) -> Iterator[tuple[tuple[str, ...], list[PartKept]]]:
        """Method, values of the summary's parameters and classifier, and the parts of these."""
        yield from self._groups.items()

    def read(self, part: PartKept) -> Predicted | None:
        """The predictions of a part; None where it keeps none."""
        if self._pipeline is None or self._view is None or not part.payloads:
            return None
        return self._pipeline.predicted(self._settings, part.payloads, self._view.payload)
