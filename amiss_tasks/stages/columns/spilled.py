"""Tables on disk, in numbered pieces, of which one at a time is in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.r.arrays import IntArray
from gridrun.errors import EnvironmentFault, GridrunError, UserError
from gridrun.store.faults import disk_fault

_UNTIL = "they are predicted"
_TODO = "free some space there, or name another directory by TMPDIR"

_ROWS_AT_ONCE = 16_000
"""Rows that wait to be written: those of one piece then stand together."""


class Spilled:
    """A table in pieces; each has its rows in the order in which they came.

    Args:
        file: Where it is kept; it is removed by whoever removes its directory.
        until: Until when rows are kept, for what is said where they cannot be.
        todo: What is to be done then.
    """

    def __init__(self, file: Path, until: str = _UNTIL, todo: str = _TODO) -> None:
        self._file = file
        self._until, self._todo = until, todo
        self._waiting: list[tuple[Any, IntArray]] = []
        self._batches: dict[int, list[int]] = defaultdict(list)
        self._written = 0
        self._schema: Any = None
        self._writer: Any = None
        self._reader: Any = None

    def add(self, table: Any, pieces: int | IntArray) -> None:
        """Take in rows.

        Args:
            table: Arrow table; all that come have the same columns.
            pieces: Number of the piece of each row, or of all; a row of a negative one is left out.
        """
        self._schema = self._schema or table.schema
        self._waiting.append((table, np.broadcast_to(pieces, len(table))))
        if sum(len(pieces) for _, pieces in self._waiting) >= _ROWS_AT_ONCE:
            self._write()

    def finish(self) -> None:
        """Make all pieces readable, once all rows are there."""
        import pyarrow as pa

        self._write()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self._reader = pa.ipc.open_file(pa.OSFile(str(self._file)))

    @property
    def is_empty(self) -> bool:
        """Whether no rows were taken in."""
        return self._schema is None

    def join_pieces(self) -> None:
        """Make one piece of all, number 0; its rows are in the order in which they were written."""
        self._batches = defaultdict(list, {0: list(range(self._written))})

    def piece(self, *numbers: int) -> Any:
        """Arrow table of a piece, or of several one after another; it may have no rows."""
        import pyarrow as pa

        if self._reader is None:
            return self._schema.empty_table()
        places = (at for number in numbers for at in self._batches.get(number, ()))
        batches = [self._reader.get_batch(at) for at in places]
        return pa.Table.from_batches(batches, schema=self._schema)

    def _write(self) -> None:
        import pyarrow as pa

        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        table = pa.concat_tables([each for each, _ in waiting])
        pieces = np.concatenate([each for _, each in waiting])
        order = np.argsort(pieces, kind="stable")
        numbers, first = np.unique(pieces[order], return_index=True)
        try:
            if self._writer is None:
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                self._writer = pa.ipc.new_file(str(self._file), self._schema, options=options)
            of_pieces = np.split(order, first[1:]) if len(numbers) else ()
            for number, rows in zip(numbers.tolist(), of_pieces, strict=True):
                if number >= 0:
                    self._append(table.take(pa.array(rows)).combine_chunks(), number)
        except OSError as error:
            raise self._cannot_write(error) from error

    def _append(self, table: Any, number: int) -> None:
        for batch in table.to_batches():
            self._writer.write_batch(batch)
            self._batches[number].append(self._written)
            self._written += 1

    def _cannot_write(self, error: OSError) -> GridrunError:
        place = self._file.parent
        fault = disk_fault(error, place)
        if fault is not None:
            what = f"{fault.what}, to keep rows until {self._until}"
            return EnvironmentFault(what, where=str(place), todo=self._todo)
        what = f"rows cannot be kept until {self._until}: {error}"
        return UserError(what, where=str(place), todo=self._todo)


class Places:
    """In which piece of a VCF its variants are."""

    def __init__(self) -> None:
        self._parts: list[tuple[IntArray, int]] = []
        self._hashes: IntArray = np.zeros(0, np.int64)
        self._pieces: IntArray = np.zeros(0, np.int64)

    def add(self, names: Sequence[str], piece: int) -> None:
        """Take in the variants of a piece, by their names."""
        self._parts.append((_hashes(names), piece))

    def finish(self) -> None:
        """Be asked from now on; of two pieces with one variant the first counts."""
        parts, self._parts = self._parts, []
        hashes = np.concatenate([self._hashes, *(each for each, _ in parts)])
        pieces = [np.full(len(each), piece) for each, piece in parts]
        self._hashes, first = np.unique(hashes, return_index=True)
        self._pieces = np.concatenate([self._pieces, *pieces])[first]

    def of(self, names: Sequence[str]) -> IntArray:
        """The pieces of variants, by their names; -1 for one that the VCF does not have."""
        if not len(self._hashes):
            return np.full(len(names), -1)
        wanted = _hashes(names)
        at = np.searchsorted(self._hashes, wanted).clip(max=len(self._hashes) - 1)
        found: IntArray = np.where(self._hashes[at] == wanted, self._pieces[at], -1)
        return found


def _hashes(names: Sequence[str]) -> IntArray:
    return np.fromiter(map(hash, names), np.int64, len(names))
