"""Predictions of every test row as Parquet, one file per classifier, some rows at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gridrun.pipeline import BLOCK_TABLE, NULL_MODELS, Column
from gridrun.report.rows import Part
from gridrun.report.tables._parquet import parquet_file
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState

if TYPE_CHECKING:
    import pyarrow as pa

_OF_ROWS = (NULL_MODELS, BLOCK_TABLE)
"""Payloads that are no predictions."""

_GROUP = 100_000
"""Rows that are buffered until they are written, for each classifier."""


class PredictionFiles:
    """Writes the files; they take the place of earlier ones when all are whole.

    Where the study keeps no predictions, files of a time when it did are removed;
    what they were made from stays in the ledger.

    Args:
        study_state: The study whose predictions these are.
        directory: Directory of the files.
        head: Columns that all rows of a part have in common.
    """

    def __init__(self, study_state: StudyState, directory: Path, head: Sequence[Column]) -> None:
        self._study_state = study_state
        self._directory = directory
        own = study_state.pipeline.prediction_columns(study_state.settings)
        self._own = {column.name: column.type for column in own}
        self._files: dict[str, _File] = {}
        self._head = {column.name: column.type for column in head}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            for name in self._study_state.study.classifiers if self._own else ():
                target = self._directory / f"{name}.parquet"
                self._files[name] = stack.enter_context(_open(target, self._head, self._own))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if kind is not None or not self._directory.is_dir():
            return
        for name in self._study_state.pipeline.classifiers:
            if name not in self._files:
                (self._directory / f"{name}.parquet").unlink(missing_ok=True)
        if not any(self._directory.iterdir()):
            self._directory.rmdir()

    @property
    def are_kept(self) -> bool:
        """Whether the study keeps predictions."""
        return bool(self._own)

    def write(self, head: Mapping[str, Any], part: Part, view: LedgerView) -> None:
        """Add the predictions of a part.

        Args:
            head: What all its rows have in common.
            part: The part.
            view: The ledger.
        """
        payloads = {
            name: view.payload(digest)
            for name, digest in part.payloads.items()
            if name not in _OF_ROWS
        }
        columns = self._study_state.pipeline.read_predictions(payloads)
        self._files[part.classifier].add(head, columns)


@contextlib.contextmanager
def _open(target: Path, head: Mapping[str, str], own: Mapping[str, str]) -> Iterator[_File]:
    with parquet_file(target, {**head, **own}, compression="zstd") as writer:
        file = _File(writer, own)
        yield file
        file.flush()


class _File:
    """Gathers predictions and writes them in groups."""

    def __init__(self, writer: Any, own: Mapping[str, str]) -> None:
        self._writer = writer
        self._own = own
        self._parts: list[pa.Table] = []
        self._rows = 0

    def add(self, head: Mapping[str, Any], columns: Mapping[str, Sequence[Any]]) -> None:
        """Add rows that share ``head``."""
        import pyarrow as pa

        count = len(columns[next(iter(self._own))])
        schema = self._writer.schema
        arrays = []
        for field in schema:
            if field.name in self._own:
                arrays.append(pa.array(columns[field.name], field.type))
            else:
                arrays.append(pa.repeat(pa.scalar(head[field.name], field.type), count))
        self._parts.append(pa.Table.from_arrays(arrays, schema=schema))
        self._rows += count
        if self._rows >= _GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered."""
        import pyarrow as pa

        if self._parts:
            self._writer.write_table(pa.concat_tables(self._parts), row_group_size=self._rows)
        self._parts, self._rows = [], 0
