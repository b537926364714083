"""The three large tables in one pass, aside and renamed, by one writer at a time."""

from __future__ import annotations

import contextlib
import csv
import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gridrun.paths import StudyPaths
from gridrun.results._cells import cell
from gridrun.results._parquet import ParquetFile
from gridrun.results._rows import Part
from gridrun.workspace import Workspace


def columns_of(workspace: Workspace) -> list[str]:
    """Columns of the final table, in order."""
    names = [
        *workspace.study.grid.names,
        "protocol",
        "classifier",
        "fold",
        "method",
        *workspace.pipeline.result_columns,
        "state",
        "reason",
        "combination",
        "shared_with",
    ]
    return [*names, "rows"] if workspace.settings.rows is not None else names


class Tables(contextlib.AbstractContextManager["Tables"]):
    """The three large tables, written in one pass."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._columns = columns_of(workspace)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        paths = self._workspace.study.paths
        self._final = self._csv(paths.results_csv, self._columns)
        self._parquet = self._stack.enter_context(
            ParquetFile(paths.results_parquet, self._workspace, self._columns)
        )
        leading = [name for name in self._columns if name not in ("state", "reason")]
        self._consequence_columns = [*leading, "consequence"]
        self._consequence = self._csv(paths.per_consequence_csv, self._consequence_columns)
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

    def _csv(self, target: Path, columns: Sequence[str]) -> Any:
        handle = self._stack.enter_context(replacing(target))
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        return writer


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


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Any]:
    """A text file that takes the place of ``target`` when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.new")
    try:
        with aside.open("w", encoding="utf-8", newline="") as handle:
            yield handle
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
