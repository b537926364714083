"""What results say of their block, or of its fold: equal for all tasks of it, and written once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gridrun.pipeline import Column, Value, names_of, refuse_undeclared
from gridrun.report.batches import PartBatch
from gridrun.report.tables._cells import cell, csv_table
from gridrun.report.tables._parquet import row_writer
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState

Read = Callable[[bytes], Sequence[Mapping[str, Any]]]

_FOLD = Column("fold", "integer")


class BlockRows:
    """Gathers a payload of each block, or of each block and fold, and writes their rows.

    Args:
        study_state: The study.
        view: The ledger that holds the payloads.
        payload: Name of the payload.
        own: Columns of its rows.
        per_fold: Whether each fold of a block has one of its own.
    """

    def __init__(
        self,
        study_state: StudyState,
        view: LedgerView | None,
        payload: str,
        own: Sequence[Column],
        *,
        per_fold: bool,
    ) -> None:
        self._study_state = study_state
        self._view = view
        self.payload = payload
        self._own = own
        self._per_fold = per_fold
        self._block = study_state.pipeline.block
        self._digests: dict[tuple[tuple[Value, ...], int], str] = {}
        self.columns = self._columns()

    def add(self, batch: PartBatch) -> None:
        """Take the payload of each block and fold of a batch, unless it is there."""
        digests = batch.payload_digests(self.payload)
        has = batch.of_results([bool(digest) for digest in digests])
        for at in np.flatnonzero(has.any(axis=(1, 2))).tolist():
            block = tuple(batch.values[at][name] for name in self._block)
            result, here = batch.result[at], has[at]
            folds = enumerate(batch.folds) if self._per_fold else [(slice(None), 0)]
            for position, fold in folds:
                those = result[:, position][here[:, position]]
                if len(those):
                    self._digests.setdefault((block, fold), digests[those[0]])

    def rows(self, read: Read) -> Iterator[Mapping[str, Any]]:
        """Rows of all payloads, of which none is written.

        Args:
            read: Reads the rows of a payload.
        """
        for _, row in self._rows(read):
            yield row

    def write(self, csv: Path, read: Read) -> Iterator[Mapping[str, Any]]:
        """Write a table and its Parquet file.

        Args:
            csv: The table; the same with types stands beside it, as Parquet.
            read: Reads the rows of a payload.

        Yields:
            Each row, with its block, once it is written.

        Raises:
            EnvironmentFault: A row has a column that the pipeline does not declare.
        """
        names = names_of(self.columns)
        types = {column.name: column.type for column in self.columns}
        with contextlib.ExitStack() as stack:
            table = stack.enter_context(csv_table(csv, names, one_writer=True))
            typed = stack.enter_context(row_writer(csv.with_suffix(".parquet"), types))
            for head, row in self._rows(read):
                values = [{**head, **row}[name] for name in names]
                table.writerow([cell(value) for value in values])
                typed.write(values)
                yield {**head, **row}

    def _rows(self, read: Read) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
        """What the rows of a payload have in common, and each of them."""
        allowed = self._study_state.study.grid.allowed()
        order = [list(allowed[name]) for name in self._block]

        def place(key: tuple[tuple[Value, ...], int]) -> tuple[list[int], int]:
            return [at.index(value) for at, value in zip(order, key[0], strict=True)], key[1]

        for block, fold in sorted(self._digests, key=place):
            assert self._view is not None
            head: dict[str, Any] = dict(zip(self._block, block, strict=True))
            head |= {"protocol": self._study_state.protocol_label, _FOLD.name: fold}
            head["rows"] = self._study_state.settings.rows
            for row in read(self._view.payload(self._digests[block, fold])):
                refuse_undeclared(row, self._own, f"pipeline {self._study_state.pipeline.name}")
                yield head, row

    def _columns(self) -> list[Column]:
        allowed = self._study_state.study.grid.allowed()
        block = [
            Column(
                name, "number" if all(isinstance(v, int | float) for v in allowed[name]) else "text"
            )
            for name in self._block
        ]
        subset = [Column("rows", "integer")] if self._study_state.settings.rows is not None else []
        fold = [_FOLD] if self._per_fold else []
        return [*block, Column("protocol", "text"), *fold, *self._own, *subset]
