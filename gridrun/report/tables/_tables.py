"""The large tables in one pass, aside and renamed, by one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gridrun.pipeline import Column, names_of, refuse_undeclared
from gridrun.report.rows import Part
from gridrun.report.tables._cells import cell, csv_table
from gridrun.report.tables._parquet import RowWriter, row_writer
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
    return [*_parameters(study_state), *_HEAD, *own, *_TAIL, *_further(study_state)]


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
        self._columns = columns_of(study_state)
        self._pooled_columns = pooled_columns_of(study_state)
        self._names = names_of(self._columns)
        self._pooled_names = names_of(self._pooled_columns)
        self._checked: set[tuple[str, ...]] = set()
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

    def write(self, part: Part) -> None:
        """Add the rows of a part to each table.

        Raises:
            EnvironmentFault: A row has a column that the pipeline does not declare.
        """
        self._refuse_undeclared(part)
        head = _head(self._study_state, part)
        for row in part.rows:
            record = {**head, **row}
            values = [record.get(name) for name in self._names]
            self._final.writerow([cell(value) for value in values])
            self._parquet.write(values)
        for row in part.details:
            record = {**head, **row}
            self._consequence.writerow(
                [cell(record.get(name)) for name in self._consequence_columns]
            )
        if self._pooled_columns:
            record = {**head, **part.pooled}
            values = [record.get(name) for name in self._pooled_names]
            self._pooled.writerow([cell(value) for value in values])
            self._pooled_parquet.write(values)
        if self._view is not None and part.payloads:
            self._predictions.write(head, part, self._view)

    def _refuse_undeclared(self, part: Part) -> None:
        """Check each set of columns once: a study has a million rows of a few kinds."""
        pipeline = self._study_state.pipeline
        rows = [(row, pipeline.result_columns) for row in part.rows]
        rows += [(row, (*pipeline.result_columns, _CONSEQUENCE)) for row in part.details]
        rows.append((part.pooled, pipeline.pooled_columns))
        for row, declared in rows:
            kind = (*names_of(declared), "", *row)
            if kind not in self._checked:
                refuse_undeclared(row, declared, f"pipeline {pipeline.name}")
                self._checked.add(kind)

    def _open(self, stack: contextlib.ExitStack) -> None:
        study_state, paths = self._study_state, self._study_state.study.paths

        def csv_file(target: Path, columns: Sequence[str]) -> Any:
            return stack.enter_context(csv_table(target, columns, one_writer=True))

        def parquet(target: Path, columns: Sequence[Column]) -> RowWriter:
            types = {column.name: column.type for column in columns}
            return stack.enter_context(row_writer(target, types))

        self._final = csv_file(paths.results_csv, self._names)
        self._parquet = parquet(paths.results_parquet, self._columns)
        leading = [name for name in self._names if name not in ("state", "reason")]
        self._consequence_columns = [*leading, _CONSEQUENCE.name]
        self._consequence = csv_file(paths.per_consequence_csv, self._consequence_columns)
        if self._pooled_columns:
            self._pooled = csv_file(paths.pooled_csv, self._pooled_names)
            self._pooled_parquet = parquet(paths.pooled_parquet, self._pooled_columns)
        self._predictions = stack.enter_context(
            PredictionFiles(study_state, paths.predictions, prediction_head_of(study_state))
        )


def _head(study_state: StudyState, part: Part) -> dict[str, Any]:
    head: dict[str, Any] = {
        **part.values,
        "protocol": study_state.protocol_label,
        "classifier": part.classifier,
        "fold": part.fold,
        "method": part.values[study_state.pipeline.method_parameter],
        "state": str(part.state),
        "reason": f"{part.kind}: {part.reason}" if part.kind else part.reason,
        "combination": part.combination,
        "shared_with": part.shared_with if part.shared_with is not None else "",
        **study_state.caveats_of(part.values),
    }
    if study_state.settings.rows is not None:
        head["rows"] = study_state.settings.rows
    return head


@contextlib.contextmanager
def alone(paths: StudyPaths) -> Iterator[None]:
    """Wait until nobody else writes the tables; a killed writer holds no lock."""
    with make_file(paths.results_lock).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
