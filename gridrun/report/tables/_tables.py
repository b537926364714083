"""The large tables in one pass, aside and renamed, by one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from gridrun.pipeline import Column
from gridrun.report.batches import PartBatch
from gridrun.report.rows import parts_of
from gridrun.report.tables._cells import cells, lines
from gridrun.report.tables._part_rows import Head, Heads, Layout, PartRows, Row, part_rows
from gridrun.report.tables._predictions import PredictionFiles
from gridrun.store.ledger import LedgerView
from gridrun.store.paths import StudyPaths, make_file
from gridrun.study.state import StudyState

_HEAD = (
    Column("protocol", "text"),
    Column("classifier", "text"),
    Column("fold", "integer"),
    Column("method", "text"),
)
_TAIL = (
    Column("state", "text"),
    Column("reason", "text"),
    Column("combination", "integer"),
    Column("shared_with", "integer"),
)
_ROWS = Column("rows", "integer")
_CONSEQUENCE = Column("consequence", "text")

_NO_RESULT: Row = {}


def columns_of(study_state: StudyState) -> list[Column]:
    """Columns of the final table, in order."""
    return _columns(study_state, study_state.pipeline.result_columns)


def pooled_columns_of(study_state: StudyState) -> list[Column]:
    """Columns of the table that is pooled over test tables, in order; empty without one."""
    own = study_state.pipeline.pooled_columns
    return _columns(study_state, own) if own else []


def prediction_head_of(study_state: StudyState) -> list[Column]:
    """Columns of the predictions that all rows of a part have in common."""
    shared = {column.name: column for column in (*_HEAD, *_TAIL)}
    names = ["protocol", "classifier", "fold", "method", "combination"]
    head = [*_parameters(study_state), *(shared[name] for name in names)]
    return [*head, *_further(study_state)]


def _columns(study_state: StudyState, own: Sequence[Column]) -> list[Column]:
    return _layout(study_state, own).columns


def _layout(study_state: StudyState, own: Sequence[Column]) -> Layout:
    return Layout(
        [*_parameters(study_state), *_HEAD],
        own,
        [*_TAIL, *_further(study_state)],
        f"pipeline {study_state.pipeline.name}",
    )


def _further(study_state: StudyState) -> list[Column]:
    """Columns that only some studies have."""
    # several caveats may share a column
    caveats = list(dict.fromkeys(caveat.declared for caveat in study_state.caveats))
    return [*caveats, _ROWS] if study_state.settings.rows is not None else caveats


def _parameters(study_state: StudyState) -> list[Column]:
    """Numbers where every value in the grid is one."""
    return [
        Column(
            name, "number" if all(isinstance(value, int | float) for value in values) else "text"
        )
        for name, values in study_state.study.grid.allowed().items()
    ]


class Tables(contextlib.AbstractContextManager["Tables"]):
    """The large tables, written in one pass.

    Args:
        study_state: The study whose tables these are.
        view: The ledger, which keeps what predictions are read from.
    """

    def __init__(self, study_state: StudyState, view: LedgerView | None) -> None:
        self._study_state = study_state
        self._view = view
        self._further = _further(study_state)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        # when one cannot be opened, those that are open are closed and put away
        with contextlib.ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, batch: PartBatch) -> None:
        """Add the rows of a batch to each table.

        Raises:
            EnvironmentFault: A row has a column that the pipeline does not declare.
        """
        heads = self._heads(batch)
        read = batch.read
        self._final.add(heads, batch, [*(one.rows for one in read), [_NO_RESULT]])
        self._consequence.add(heads, batch, [*(one.details for one in read), []])
        if self._pooled is not None:
            self._pooled.add(heads, batch, [*([one.pooled] for one in read), [_NO_RESULT]])
        if self._view is None or not self._predictions.are_kept:
            return
        per_head = len(batch.classifiers) * len(batch.folds)
        places = np.flatnonzero(batch.of_results([bool(one.payloads) for one in read]))
        for place, part in zip(places.tolist(), parts_of(batch, places), strict=True):
            head = {**heads.of[place // per_head].values}
            head |= {"classifier": part.classifier, "fold": part.fold}
            self._predictions.write(head, part, self._view)

    def _open(self, stack: contextlib.ExitStack) -> None:
        study_state, paths = self._study_state, self._study_state.study.paths
        pipeline = study_state.pipeline

        def opened(own: Sequence[Column], csv: Path, parquet: Path | None) -> PartRows:
            layout = _layout(study_state, own)
            return stack.enter_context(part_rows(layout, csv, parquet))

        self._final = opened(pipeline.result_columns, paths.results_csv, paths.results_parquet)
        layout = _layout(study_state, pipeline.result_columns)
        unsaid = [one for one in layout.trailing if one.name not in ("state", "reason")]
        of_consequence = replace(layout, trailing=unsaid, last=_CONSEQUENCE)
        self._consequence = stack.enter_context(
            part_rows(of_consequence, paths.per_consequence_csv)
        )
        self._pooled = None
        if pipeline.pooled_columns:
            self._pooled = opened(pipeline.pooled_columns, paths.pooled_csv, paths.pooled_parquet)
        self._predictions = stack.enter_context(
            PredictionFiles(study_state, paths.predictions, prediction_head_of(study_state))
        )

    def _heads(self, batch: PartBatch) -> Heads:
        study_state = self._study_state
        protocol, rows = study_state.protocol_label, study_state.settings.rows
        subset = {} if rows is None else {"rows": rows}
        names = study_state.study.grid.names
        leads = lines([[*(of[name] for name in names), protocol] for of in batch.values])
        further: list[dict[str, Any]] = [{}] * len(leads)
        tails = [""] * len(leads)
        if self._further:
            further = [study_state.caveats_of(of) | subset for of in batch.values]
            tails = [
                "".join(f",{cells([those[column.name]])}" for column in self._further)
                for those in further
            ]
        method = study_state.pipeline.method_parameter
        return Heads(
            [
                Head(
                    {**of, "protocol": protocol, "method": of[method], "combination": number}
                    | more,
                    lead,
                    tail,
                )
                for of, number, more, lead, tail in zip(
                    batch.values, batch.numbers, further, leads, tails, strict=True
                )
            ]
        )


@contextlib.contextmanager
def alone(paths: StudyPaths) -> Iterator[None]:
    """Wait until nobody else writes the tables; a killed writer holds no lock."""
    with make_file(paths.results_lock).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
