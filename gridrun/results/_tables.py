"""The large tables in one pass, aside and renamed, by one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gridrun.ledger import LedgerView
from gridrun.paths import StudyPaths
from gridrun.results._cells import cell, csv_table
from gridrun.results._parquet import RowWriter, row_writer, type_of
from gridrun.results._predictions import PredictionFiles
from gridrun.results._rows import Part
from gridrun.workspace import Workspace


def columns_of(workspace: Workspace) -> list[str]:
    """Columns of the final table, in order."""
    return _columns(workspace, workspace.pipeline.result_columns)


def pooled_columns_of(workspace: Workspace) -> list[str]:
    """Columns of the table over all completions, in order; empty where there is none."""
    own = workspace.pipeline.pooled_columns
    return _columns(workspace, own) if own else []


def _columns(workspace: Workspace, own: Sequence[str]) -> list[str]:
    names = [
        *workspace.study.grid.names,
        "protocol",
        "classifier",
        "fold",
        "method",
        *own,
        "state",
        "reason",
        "combination",
        "shared_with",
    ]
    return [*names, "rows"] if workspace.settings.rows is not None else names


class Tables(contextlib.AbstractContextManager["Tables"]):
    """The large tables, written in one pass.

    Args:
        workspace: Whose tables.
        view: The ledger, which keeps what predictions are read from.
    """

    def __init__(self, workspace: Workspace, view: LedgerView | None) -> None:
        self._workspace = workspace
        self._view = view
        self._columns = columns_of(workspace)
        self._pooled_columns = pooled_columns_of(workspace)
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
        """Add the rows of a part to each table."""
        head = _head(self._workspace, part)
        for row in part.rows:
            record = {**head, **row}
            values = [record.get(name) for name in self._columns]
            self._final.writerow([cell(value) for value in values])
            self._parquet.write(values)
        for row in part.details:
            record = {**head, **row}
            self._consequence.writerow(
                [cell(record.get(name)) for name in self._consequence_columns]
            )
        if self._pooled_columns:
            record = {**head, **part.pooled}
            values = [record.get(name) for name in self._pooled_columns]
            self._pooled.writerow([cell(value) for value in values])
            self._pooled_parquet.write(values)
        if self._view is not None and part.payloads:
            self._predictions.write(head, part, self._view)

    def _open(self, stack: contextlib.ExitStack) -> None:
        workspace, paths = self._workspace, self._workspace.study.paths
        pipeline, allowed = workspace.pipeline, workspace.study.grid.allowed()

        def csv_file(target: Path, columns: Sequence[str]) -> Any:
            return stack.enter_context(csv_table(target, columns, one_writer=True))

        def parquet(target: Path, columns: Sequence[str]) -> RowWriter:
            types = {name: type_of(name, pipeline, allowed) for name in columns}
            return stack.enter_context(row_writer(target, types))

        self._final = csv_file(paths.results_csv, self._columns)
        self._parquet = parquet(paths.results_parquet, self._columns)
        leading = [name for name in self._columns if name not in ("state", "reason")]
        self._consequence_columns = [*leading, "consequence"]
        self._consequence = csv_file(paths.per_consequence_csv, self._consequence_columns)
        if self._pooled_columns:
            self._pooled = csv_file(paths.pooled_csv, self._pooled_columns)
            self._pooled_parquet = parquet(paths.pooled_parquet, self._pooled_columns)
        self._predictions = stack.enter_context(PredictionFiles(workspace, paths.predictions))


def _head(workspace: Workspace, part: Part) -> dict[str, Any]:
    head: dict[str, Any] = {
        **part.values,
        "protocol": workspace.protocol_label,
        "classifier": part.classifier,
        "fold": part.fold,
        "method": part.values[workspace.pipeline.method_parameter],
        "state": str(part.state),
        "reason": f"{part.kind}: {part.reason}" if part.kind else part.reason,
        "combination": part.combination,
        "shared_with": part.shared_with if part.shared_with is not None else "",
    }
    if workspace.settings.rows is not None:
        head["rows"] = workspace.settings.rows
    return head


@contextlib.contextmanager
def alone(paths: StudyPaths) -> Iterator[None]:
    """Wait until nobody else writes the tables; a killed writer holds no lock."""
    paths.state.mkdir(parents=True, exist_ok=True)
    with paths.results_lock.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
