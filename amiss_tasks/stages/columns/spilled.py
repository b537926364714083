"""Tables on disk, in numbered pieces, of which one at a time is in memory."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.r.arrays import IntArray
from gridrun.errors import EnvironmentFault, GridrunError, UserError
from gridrun.store.faults import disk_fault

_UNTIL = "they are predicted"
_TODO = "free some space there, or name another directory by TMPDIR"

_PLACE = "place"
"""Column of sorted rows with their places, on disk alone."""

_ROWS_AT_ONCE = 16_000
"""Rows that wait to be written: those of one piece then stand together."""


class Spilled:
    """A table in pieces; each has its rows in the order in which they came.

    Args:
        file: Where it is kept; it is removed by whoever removes its directory.
        until: Until when rows are kept, for what is said where they cannot be.
        todo: What is to be done then.
    """

    _compression: str | None = "lz4"

    def __init__(self, file: Path, until: str = _UNTIL, todo: str = _TODO) -> None:
        self._file = file
        self._until, self._todo = until, todo
        self._waiting: list[tuple[Any, IntArray]] = []
        self._batches: dict[int, array[int]] = defaultdict(_numbers)
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
        self._batches = defaultdict(_numbers, {0: array("q", range(self._written))})

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
        try:
            self._cut(table, np.concatenate([each for _, each in waiting]))
        except OSError as error:
            raise self._cannot_write(error) from error

    def _cut(self, table: Any, pieces: IntArray) -> None:
        """Write the rows of each piece."""
        import pyarrow as pa

        order = np.argsort(pieces, kind="stable")
        numbers, first = np.unique(pieces[order], return_index=True)
        of_pieces = np.split(order, first[1:]) if len(numbers) else ()
        for number, rows in zip(numbers.tolist(), of_pieces, strict=True):
            if number >= 0:
                self._append(table.take(pa.array(rows)).combine_chunks(), number)

    def _append(self, table: Any, number: int) -> None:
        import pyarrow as pa

        if self._writer is None:
            options = pa.ipc.IpcWriteOptions(compression=self._compression)
            self._writer = pa.ipc.new_file(str(self._file), table.schema, options=options)
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


class Sorted(Spilled):
    """A table of which the rows of any stretches can be had, in whatever order they came.

    What is written at once is sorted, and cut into small batches: rows of a stretch are in few of
    them, a batch has some hundred rows, and of each no more than where it begins and ends is held.

    Args:
        file: As for ``Spilled``, and so are ``until`` and ``todo``.
        rows_of_batch: Rows of a batch.
    """

    _compression = None  # each column of a small batch alone takes longer than it saves

    def __init__(self, file: Path, until: str, todo: str, rows_of_batch: int) -> None:
        super().__init__(file, until, todo)
        self._rows_of_batch = rows_of_batch
        self._bounds = array("q")

    @cached_property
    def bounds(self) -> IntArray:
        """First place, last place and number of rows of each batch, once all rows are there."""
        return np.array(self._bounds, np.int64).reshape(-1, 3)

    def within(self, stretches: Sequence[tuple[int, int]]) -> Any:
        """Arrow table of the rows whose place is in one of the stretches, by their places.

        Args:
            stretches: First place of each, and the end.
        """
        import pyarrow as pa

        begins, ends, _ = self.bounds.T
        first, last = (np.array(each) for each in zip(*stretches, strict=True))
        is_there = ((begins[:, None] < last) & (ends[:, None] >= first)).any(axis=1)
        found, places = [], [np.zeros(0, np.int64)]
        for at in np.flatnonzero(is_there).tolist():
            batch = self._reader.get_batch(at)
            own = batch[_PLACE].to_numpy()
            is_within = ((own[:, None] >= first) & (own[:, None] < last)).any(axis=1)
            if not is_within.all():
                batch, own = batch.filter(pa.array(is_within)), own[is_within]
            found.append(batch.drop_columns(_PLACE))
            places.append(own)
        return _in_order(pa.Table.from_batches(found, self._schema), np.concatenate(places))

    def all(self) -> Iterator[Any]:
        """Yield Arrow tables of all rows, batch by batch."""
        for at in range(self._written):
            yield self._reader.get_batch(at)

    def _cut(self, table: Any, places: IntArray) -> None:
        import pyarrow as pa

        for first in range(0, len(places), _ROWS_AT_ONCE):
            some = places[first : first + _ROWS_AT_ONCE]
            rows = _in_order(table.slice(first, len(some)), some)
            some = np.sort(some)
            rows = rows.append_column(_PLACE, pa.array(some))
            for begin in range(0, len(some), self._rows_of_batch):
                own = some[begin : begin + self._rows_of_batch]
                self._bounds.extend((own[0], own[-1], len(own)))
                self._append(rows.slice(begin, len(own)), 0)


def _numbers() -> array[int]:
    """None yet; of many batches a list would take several times the memory."""
    return array("q")


def _in_order(table: Any, places: IntArray) -> Any:
    """Rows of an Arrow table by their places; what is in order already is only copied."""
    import pyarrow as pa

    table = table.combine_chunks()
    if (places[1:] >= places[:-1]).all():
        return table
    return table.take(pa.array(np.argsort(places, kind="stable")))


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
