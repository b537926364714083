"""Rows of a large table, as CSV and Parquet: what rows have in common is made into text once.

Arrow puts these texts together, and the columns, so that Python does nothing for a row by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from gridrun.pipeline import Column, names_of, refuse_undeclared
from gridrun.plan.task_encoding import IntArray
from gridrun.report.batches import PartBatch, Said
from gridrun.report.tables._cells import cells, csv_file, lines
from gridrun.report.tables._parquet import as_arrow, parquet_file

Row = Mapping[str, Any]

_GROUP = 50_000
"""Rows of a row group in Parquet, or a few more: those of a part are in one."""


@dataclass(frozen=True)
class Head:
    """What all rows of a combination have in common.

    Args:
        values: Column to value, in the order of columns.
        lead: Their text before the columns of a part.
        tail: That of what comes after the columns of a part; begins with a comma or is empty.
    """

    values: Mapping[str, Any]
    lead: str
    tail: str


class Heads:
    """Those of a batch, as columns that are made once for all tables.

    Args:
        of: What each combination of the batch has in common.
    """

    def __init__(self, of: Sequence[Head]) -> None:
        self.of = of
        self._columns: dict[str, Any] = {}

    @cached_property
    def texts(self) -> tuple[Any, Any, Any]:
        """Text before the columns of a part, of the method, and after the columns of a part."""
        import pyarrow as pa

        methods = lines([[head.values["method"]] for head in self.of])
        return (
            pa.array([f"{head.lead}," for head in self.of]),
            pa.array([f"{text}," for text in methods]),
            pa.array([head.tail for head in self.of]),
        )

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.of[0].values)

    def column(self, column: Column, field: Any) -> Any:
        """The values of a column, with its type; ``field`` is that of a table's schema."""
        if column.name not in self._columns:
            values = [head.values[column.name] for head in self.of]
            self._columns[column.name] = as_arrow(values, column.type, field)
        return self._columns[column.name]


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
        text = stack.enter_context(csv_file(csv, list(types), one_writer=True))
        typed = stack.enter_context(parquet_file(parquet, types)) if parquet is not None else None
        text.flush()  # the header; lines are bytes by then
        rows = PartRows(layout, text.buffer, typed)
        yield rows
        rows.flush()


class PartRows:
    """Writes the rows of one batch after another.

    Args:
        layout: Columns of the table.
        text: An open file of bytes that has the header.
        typed: What ``parquet_file`` gave, or None.
    """

    def __init__(self, layout: Layout, text: Any, typed: Any) -> None:
        self._layout = layout
        self._names = names_of(layout.of_rows)
        self._says = "state" in names_of(layout.trailing)
        self._text = text
        self._typed = typed
        self._kinds: set[tuple[str, ...]] = set()
        self._tables: list[Any] = []
        self._waiting = 0

    def add(self, heads: Heads, batch: PartBatch, rows: Sequence[Sequence[Row]]) -> None:
        """Add the rows of a batch.

        Args:
            heads: What its combinations have in common.
            batch: The batch.
            rows: Those of each of its results, and those of a part without one.

        Raises:
            EnvironmentFault: A row has a column that the pipeline does not declare.
        """
        flat = [row for those in rows for row in those]
        if not flat:
            return
        values = self._values(flat)
        places = _places(batch, [len(those) for those in rows])
        self._write_text(heads, batch, values, places)
        if self._typed is not None:
            table = self._table(heads, batch, list(zip(*values, strict=True)), places)
            self._gather(table, np.flatnonzero(np.diff(places.part, append=-1)) + 1)

    def flush(self) -> None:
        """Write the rows that are gathered."""
        import pyarrow as pa

        if self._waiting:
            self._typed.write_table(pa.concat_tables(self._tables).combine_chunks())
        self._tables, self._waiting = [], 0

    def _values(self, rows: Sequence[Row]) -> list[Sequence[Any]]:
        """Values of each row, in the order of columns."""
        kinds = dict.fromkeys(map(tuple, rows))
        for kind in kinds:
            if kind not in self._kinds:
                row = dict.fromkeys(kind)
                refuse_undeclared(row, self._layout.of_rows, self._layout.declared_by)
        self._kinds.update(kinds)
        names = self._names
        if len(names) > 1 and all({*names} <= {*kind} for kind in kinds):
            return list(map(itemgetter(*names), rows))
        return [tuple(map(row.get, names)) for row in rows]

    def _write_text(
        self,
        heads: Heads,
        batch: PartBatch,
        values: Sequence[Sequence[Any]],
        places: _Places,
    ) -> None:
        """Write rows as CSV."""
        import pyarrow as pa
        import pyarrow.compute as pc

        own, last = values, [""] * len(values)
        if self._layout.last is not None:
            own = [row[:-1] for row in values]
            last = [f",{cells(row[-1:])}" for row in values]
        said = [cells([str(one.state), reason_of(one)]) for one in batch.said]
        named = [cells([name, fold]) for name in batch.classifiers for fold in batch.folds]
        leads, methods, tails = heads.texts
        head = pa.array(places.head)
        pieces = [
            leads.take(head),
            pa.array([f"{text}," for text in named]).take(places.named),
            methods.take(head),
            pa.array(lines(own)).take(places.row),
            pa.array([f",{text}," if self._says else "," for text in said]).take(places.said),
            pa.array([f"{number}," for number in batch.numbers]).take(head),
            pc.fill_null(pa.array(places.shared, mask=places.shared == 0).cast(pa.string()), ""),
            tails.take(head),
            pa.array([f"{text}\n" for text in last]).take(places.row),
        ]
        joined = pc.binary_join_element_wise(*pieces, "")
        # all lines stand in one piece of memory, in order
        _, ends, data = joined.buffers()
        end = int(np.frombuffer(ends, np.int32)[len(joined)])
        self._text.write(memoryview(data)[:end])

    def _table(
        self,
        heads: Heads,
        batch: PartBatch,
        own: Sequence[Sequence[Any]],
        places: _Places,
    ) -> Any:
        """The same rows with types."""
        import pyarrow as pa

        values: dict[str, tuple[Sequence[Any], IntArray]] = {
            "classifier": ([name for name in batch.classifiers for _ in batch.folds], places.named),
            "fold": ([fold for _ in batch.classifiers for fold in batch.folds], places.named),
            "state": ([str(one.state) for one in batch.said], places.said),
            "reason": ([reason_of(one) for one in batch.said], places.said),
        }
        values |= {name: (own[at], places.row) for at, name in enumerate(self._names)}
        schema = self._typed.schema
        # a column of the rows that has such a name is the row's
        of_heads, head = {*heads.names} - {*values}, pa.array(places.head)
        arrays = []
        for column, field in zip(self._layout.columns, schema, strict=True):
            if column.name == "shared_with":
                arrays.append(pa.array(places.shared, field.type, mask=places.shared == 0))
            elif column.name in of_heads:
                arrays.append(heads.column(column, field).take(head))
            else:
                once, at = values[column.name]
                arrays.append(as_arrow(once, column.type, field).take(pa.array(at)))
        return pa.Table.from_arrays(arrays, schema=schema)

    def _gather(self, table: Any, ends: IntArray) -> None:
        """Take rows, and write those of each group that is full.

        Args:
            table: The rows.
            ends: Where those of each part end.
        """
        begin = 0
        while begin < len(table):
            at = int(np.searchsorted(ends, begin + _GROUP - self._waiting))
            is_full = at < len(ends)
            end = int(ends[at]) if is_full else len(table)
            self._tables.append(table.slice(begin, end - begin))
            self._waiting += end - begin
            begin = end
            if is_full:
                self.flush()


@dataclass(frozen=True)
class _Places:
    """Where each row of a batch has its values; arrays share their length.

    Args:
        part: Position of its part.
        head: Of its combination.
        named: Of its classifier and fold.
        said: Of what is said of its part.
        row: Of the row itself.
        shared: Combination that its part shares the result with, or 0.
    """

    part: IntArray
    head: IntArray
    named: IntArray
    said: IntArray
    row: IntArray
    shared: IntArray


def _places(batch: PartBatch, counts: Sequence[int]) -> _Places:
    """Places of the rows of a batch.

    Args:
        batch: The batch.
        counts: Number of rows of each result, and of a part without one.
    """
    of_result = np.array(counts, np.int64)
    result = batch.result.reshape(-1)  # -1 is the last of them
    of_part = of_result[result]
    part = np.repeat(np.arange(len(result)), of_part)
    within = np.arange(len(part)) - np.repeat(np.cumsum(of_part) - of_part, of_part)
    _, classifiers, folds = batch.says.shape
    return _Places(
        part,
        part // (classifiers * folds),
        part % (classifiers * folds),
        batch.says.reshape(-1)[part],
        (np.cumsum(of_result) - of_result)[result[part]] + within,
        batch.shared_with.reshape(-1)[part],
    )


def reason_of(said: Said) -> str:
    """Why a part failed or was skipped, as tables say it."""
    return f"{said.kind}: {said.reason}" if said.kind else said.reason
