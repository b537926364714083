"""A table as Parquet, written in row groups; NA is null, NaN stays NaN."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gridrun.store.cache import replacing

_GROUP = 50_000


@contextlib.contextmanager
def parquet_file(target: Path, types: Mapping[str, str], **options: Any) -> Iterator[Any]:
    """A ``pyarrow.parquet.ParquetWriter`` of a file that takes the place of ``target`` when whole.

    Args:
        target: The file.
        types: Column to ``integer``, ``number`` or ``text``, in order.
        options: Of the ``ParquetWriter``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"integer": pa.int64(), "number": pa.float64(), "text": pa.string()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in types.items()])
    with (
        replacing(target, one_writer=True) as aside,
        pq.ParquetWriter(aside, schema, **options) as writer,
    ):
        yield writer


@contextlib.contextmanager
def row_writer(target: Path, types: Mapping[str, str]) -> Iterator[RowWriter]:
    """The same for a table that is written row by row."""
    with parquet_file(target, types) as file:
        writer = RowWriter(file, types)
        yield writer
        writer.flush()


class RowWriter:
    """Gathers rows and writes them in groups.

    Args:
        file: What ``parquet_file`` gave.
        types: Column to its type, in order.
    """

    def __init__(self, file: Any, types: Mapping[str, str]) -> None:
        self._file = file
        self._types = types
        self._rows: list[Sequence[Any]] = []

    def write(self, values: Sequence[Any]) -> None:
        """Add one row, values in column order."""
        self._rows.append(values)
        if len(self._rows) >= _GROUP:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are buffered."""
        import pyarrow as pa

        if not self._rows:
            return
        schema = self._file.schema
        arrays = [
            as_arrow([row[position] for row in self._rows], kind, schema.field(position))
            for position, kind in enumerate(self._types.values())
        ]
        self._file.write_table(pa.Table.from_arrays(arrays, schema=schema))
        self._rows = []


def as_arrow(values: Sequence[Any], kind: str, field: Any) -> Any:
    """A column of a table as Arrow has it.

    Args:
        values: Its cells; None for NA.
        kind: ``integer``, ``number`` or ``text``.
        field: Of the table's schema.
    """
    import pyarrow as pa

    # unless some are of another type, which Arrow does not make into this one
    with contextlib.suppress(pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(values, field.type)
    match kind:
        case "text":
            values = [None if value is None else str(value) for value in values]
        case "number":
            values = [None if value is None else float(value) for value in values]
        case _:
            values = [None if value in (None, "") else int(value) for value in values]
    return pa.array(values, field.type)
