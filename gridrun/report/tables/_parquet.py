"""A table as Parquet, written in row groups; NA is null, NaN stays NaN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from gridrun.pipeline import Pipeline
from gridrun.study.state import StudyState

_GROUP = 50_000

_INTEGERS = ("fold", "combination", "shared_with", "rows", "tables", "TP", "FP", "FN", "TN")
_TEXT = ("model_ix", "test_completion_ix", "how")


class ParquetFile:
    """A table that takes the place of ``target`` when it is whole.

    Args:
        target: The file.
        study_state: Whose table.
        columns: In order.
    """

    def __init__(self, target: Path, study_state: StudyState, columns: Sequence[str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._target = target
        self._aside = target.with_name(f".{target.name}.new")
        self._columns = tuple(columns)
        self._types = {
            name: type_of(name, study_state.pipeline, study_state.study.grid.allowed())
            for name in columns
        }
        kinds = {"integer": pa.int64(), "number": pa.float64(), "text": pa.string()}
        self._schema = pa.schema([(name, kinds[self._types[name]]) for name in columns])
        self._pa, self._pq = pa, pq
        self._rows: list[Sequence[Any]] = []
        self._writer: Any = None

    def __enter__(self) -> Self:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._pq.ParquetWriter(self._aside, self._schema)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self._flush()
            self._writer.close()
            if kind is None:
                self._aside.replace(self._target)
        finally:
            self._aside.unlink(missing_ok=True)

    def write(self, values: Sequence[Any]) -> None:
        """Add one row, values in column order."""
        self._rows.append(values)
        if len(self._rows) >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        arrays = []
        for position, name in enumerate(self._columns):
            values = [row[position] for row in self._rows]
            match self._types[name]:
                case "text":
                    values = [None if value is None else str(value) for value in values]
                case "number":
                    values = [None if value is None else float(value) for value in values]
                case _:
                    values = [None if value in (None, "") else int(value) for value in values]
            arrays.append(self._pa.array(values, self._schema.field(position).type))
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []


def type_of(name: str, pipeline: Pipeline, allowed: Mapping[str, tuple[Any, ...]]) -> str:
    """Whether a column holds ``integer``, ``number`` or ``text``.

    Args:
        name: Of the column.
        pipeline: Whose table it is in.
        allowed: Parameter to its values in the grid.
    """
    if name in _INTEGERS:
        return "integer"
    if name in allowed:
        numeric = all(isinstance(value, int | float) for value in allowed[name])
        return "number" if numeric else "text"
    measured = name in (*pipeline.result_columns, *pipeline.pooled_columns)
    return "number" if measured and name not in _TEXT else "text"
