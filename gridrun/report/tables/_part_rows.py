"""Rows of a large table, as CSV and Parquet: what rows have in common is made into text once."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from gridrun.pipeline import Column, names_of, refuse_undeclared
from gridrun.report.rows import Part
from gridrun.report.tables._cells import cells, csv_file
from gridrun.report.tables._parquet import as_arrow, parquet_file

_T = TypeVar("_T")

_GROUP = 50_000
"""Rows that are buffered until they are written."""


@dataclass(frozen=True)
class Head:
    """What all rows of a combination have in common.

    Args:
        values: Column to value, in the order of columns.
        lead: Their text before the columns of a part.
        method: That of the compared parameter.
        tail: That of what comes after the columns of a part; begins with a comma or is empty.
    """

    values: Mapping[str, Any]
    lead: str
    method: str
    tail: str


@dataclass(frozen=True)
class Layout:
    """The columns of a table, in order: of combinations and parts, around those of its rows.

    Args:
        leading: Those before, up to the compared parameter.
        own: Those of the rows.
        trailing: Those after.
        declared_by: Who declares those of the rows.
        last: One more column of the rows, at the end, if there is one.
    """

    leading: Sequence[Column]
    own: Sequence[Column]
    trailing: Sequence[Column]
    declared_by: str
    last: Column | None = None

    @property
    def of_rows(self) -> list[Column]:
        """Those of the rows."""
        return [*self.own, self.last] if self.last is not None else [*self.own]

    @property
    def columns(self) -> list[Column]:
        """All of them, in order."""
        last = [self.last] if self.last is not None else []
        return [*self.leading, *self.own, *self.trailing, *last]


@contextlib.contextmanager
def part_rows(layout: Layout, csv: Path, parquet: Path | None = None) -> Iterator[PartRows]:
    """Open a table that takes the place of its files when it is whole.

    Args:
        layout: Its columns.
        csv: The file as CSV.
        parquet: The same with types, if it is wanted.
    """
    types = {column.name: column.type for column in layout.columns}
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(csv_file(csv, list(types), one_writer=True))
        typed = stack.enter_context(parquet_file(parquet, types)) if parquet is not None else None
        rows = PartRows(layout, lines, typed)
        yield rows
        rows.flush()


class PartRows:
    """Gathers rows and writes them in groups.

    Args:
        layout: Columns of the table.
        lines: An open text file that has the header.
        typed: What ``parquet_file`` gave, or None.
    """

    def __init__(self, layout: Layout, lines: Any, typed: Any) -> None:
        self._layout = layout
        self._own = names_of(layout.own)
        self._last = layout.last.name if layout.last is not None else None
        self._says = "state" in names_of(layout.trailing)
        self._lines = lines
        self._typed = typed
        self._kinds: set[tuple[str, ...]] = set()
        self._written: list[str] = []
        self._shared: list[int | None] = []
        self._heads, self._parts = _Once[Head](), _Once[Part]()
        self._rows = _Once[Mapping[str, Any]]()

    def add(self, head: Head, part: Part, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add the rows of a part.

        Args:
            head: What its combination has in common.
            part: The part.
            rows: Column of the pipeline to value.

        Raises:
            EnvironmentFault: A row has a column that the pipeline does not declare.
        """
        parts, kept = self._parts, self._rows
        at_head = self._heads.known.get(part.combination)
        if at_head is None:
            at_head = self._heads.add(part.combination, head, ("", ""))
        key = (part.classifier, part.fold, part.state, part.kind, part.reason)
        at_part = parts.known.get(key)
        if at_part is None:
            at_part = parts.add(key, part, self._texts_of_part(part))
        named, said = parts.texts[at_part]
        shared = "" if part.shared_with is None else part.shared_with
        before = f"{head.lead},{named},{head.method},"
        after = f",{said}{part.combination},{shared}{head.tail}"
        for row in rows:
            # the same object for all parts that share a result
            at_row = kept.known.get(id(row))
            if at_row is None:
                at_row = kept.add(id(row), row, self._texts_of(row))
            text, last = kept.texts[at_row]
            self._written.append(f"{before}{text}{after}{last}\n")
            self._heads.rows.append(at_head)
            parts.rows.append(at_part)
            kept.rows.append(at_row)
            self._shared.append(part.shared_with)
        if len(kept.rows) >= _GROUP:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are buffered."""
        self._lines.write("".join(self._written))
        if self._typed is not None and self._written:
            self._typed.write_table(self._table())
        self._written.clear()
        self._shared.clear()
        for once in (self._heads, self._parts, self._rows):
            once.clear()

    def _texts_of_part(self, part: Part) -> tuple[str, str]:
        said = cells([str(part.state), reason_of(part)]) + "," if self._says else ""
        return cells([part.classifier, part.fold]), said

    def _texts_of(self, row: Mapping[str, Any]) -> tuple[str, str]:
        kind = tuple(row)
        if kind not in self._kinds:
            refuse_undeclared(row, self._layout.of_rows, self._layout.declared_by)
            self._kinds.add(kind)
        last = f",{cells([row.get(self._last)])}" if self._last else ""
        return cells([row.get(name) for name in self._own]), last

    def _table(self) -> Any:
        import pyarrow as pa

        schema, parts = self._typed.schema, self._parts
        of_part: dict[str, list[Any]] = {
            "classifier": [part.classifier for part in parts.items],
            "fold": [part.fold for part in parts.items],
            "state": [str(part.state) for part in parts.items],
            "reason": [reason_of(part) for part in parts.items],
        }
        arrays = []
        for column, field in zip(self._layout.columns, schema, strict=True):
            name = column.name
            if name == "shared_with":
                arrays.append(as_arrow(self._shared, column.type, field))
                continue
            if name in self._own:
                once, values = self._rows.rows, [row.get(name) for row in self._rows.items]
            elif name in of_part:
                once, values = parts.rows, of_part[name]
            else:
                once, values = self._heads.rows, [head.values[name] for head in self._heads.items]
            arrays.append(as_arrow(values, column.type, field).take(pa.array(once)))
        return pa.Table.from_arrays(arrays, schema=schema)


class _Once(Generic[_T]):
    """What rows have in common, each once, with its text; and which of it each row has."""

    def __init__(self) -> None:
        self.items: list[_T] = []
        self.texts: list[tuple[str, str]] = []
        self.known: dict[Hashable, int] = {}
        self.rows: list[int] = []

    def add(self, key: Hashable, item: _T, texts: tuple[str, str]) -> int:
        """Add something, and give its position."""
        self.known[key] = len(self.items)
        self.items.append(item)
        self.texts.append(texts)
        return len(self.items) - 1

    def clear(self) -> None:
        """Begin anew."""
        for kept in (self.items, self.texts, self.known, self.rows):
            kept.clear()


def reason_of(part: Part) -> str:
    """Why a part failed or was skipped, as tables say it."""
    return f"{part.kind}: {part.reason}" if part.kind else part.reason
