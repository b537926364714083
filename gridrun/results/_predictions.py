"""Predictions of every test row as Parquet, a file for each classifier, a stretch at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gridrun.ledger import LedgerView
from gridrun.results._parquet import parquet_file, type_of
from gridrun.results._rows import Part
from gridrun.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP = 100_000
"""Rows that are held back until they are written, for each classifier."""

_HEAD = ("protocol", "classifier", "fold", "method", "combination", "rows")


class PredictionFiles:
    """The files take the place of earlier ones when all are whole.

    Where the study keeps no predictions, files of a time when it did are removed;
    what they were made from stays in the ledger.

    Args:
        workspace: Whose predictions.
        directory: Where to.
    """

    def __init__(self, workspace: Workspace, directory: Path) -> None:
        self._workspace = workspace
        self._directory = directory
        self._own = dict(workspace.pipeline.prediction_columns(workspace.settings))
        self._files: dict[str, _File] = {}
        allowed = workspace.study.grid.allowed()
        names = (*allowed, *(name for name in _HEAD if name != "rows" or workspace.settings.rows))
        self._head = {name: type_of(name, workspace.pipeline, allowed) for name in names}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            for name in self._workspace.study.classifiers if self._own else ():
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
        for name in self._workspace.pipeline.classifiers:
            if name not in self._files:
                (self._directory / f"{name}.parquet").unlink(missing_ok=True)
        if not any(self._directory.iterdir()):
            self._directory.rmdir()

    def write(self, head: Mapping[str, Any], part: Part, view: LedgerView) -> None:
        """Add the predictions of a part.

        Args:
            head: What all its rows have in common.
            part: The part.
            view: The ledger.
        """
        if self._own:
            payloads = {name: view.payload(digest) for name, digest in part.payloads.items()}
            columns = self._workspace.pipeline.read_predictions(payloads)
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
        """Write what is held back."""
        import pyarrow as pa

        if self._parts:
            self._writer.write_table(pa.concat_tables(self._parts), row_group_size=self._rows)
        self._parts, self._rows = [], 0
