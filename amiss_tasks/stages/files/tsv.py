"""Streaming reader for tables with a row for each variant, or variant and transcript.

Cells are parted by tabs. Quotes have no meaning: where one stands alone in a gene name,
R's ``read.delim`` loses rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amiss_tasks.r.names import positions
from amiss_tasks.stages.columns.coded import Coded, Codes, split_cells
from amiss_tasks.stages.files.digests import Taking
from amiss_tasks.stages.files.lines import Chunk, ChunkReader, has_bad_bytes
from amiss_tasks.stages.files.report import FileReport
from gridrun.errors import counted


class Lot(NamedTuple):
    """Some rows, split into cells.

    Args:
        lines: Line of each row, counted from 1.
        columns: For each column of the file the cells of these rows.
    """

    lines: Sequence[int]
    columns: list[tuple[str, ...]]


class CodedLot(NamedTuple):
    """The same of the columns that are looked for.

    Args:
        lines: Line of each row, counted from 1.
        columns: Position of a column that is looked for to its cells.
    """

    lines: Sequence[int]
    columns: Mapping[int, Coded]


class Rows(NamedTuple):
    """Some rows as they stand, each as wide as the column names.

    Args:
        lines: Line of each, counted from 1.
        texts: The rows.
    """

    lines: Sequence[int]
    texts: Sequence[str]

    def named(self, at: Sequence[int]) -> tuple[list[tuple[str, ...]], Codes]:
        """Cells of some columns; rows that have the same follow one another mostly.

        Args:
            at: Positions of the columns.

        Returns:
            The cells, and for each row the position of its own among them.
        """
        last = max(at) + 1
        cells_at = itemgetter(*at)
        is_first = sorted(at) == list(range(last))
        codes: list[int] = []
        found: dict[tuple[str, ...], int] = {}
        begins, code = "", -1
        for text in self.texts:
            if not begins or not text.startswith(begins):
                cells = text.split("\t", last)
                code = found.setdefault(cells_at(cells), len(found))
                begins = "\t".join((*cells[:last], "")) if is_first else ""
            codes.append(code)
        return list(found), np.array(codes, np.intp)

    def column(self, at: int, rows: Codes) -> Coded:
        """Cells of one column in some of the rows."""
        texts = self.texts
        return Coded.of_cells(tuple(texts[row].split("\t", at + 1)[at] for row in rows.tolist()))

    def cut(self, rows: Codes, width: int, used: Collection[int]) -> CodedLot:
        """Some of the rows, cut into the columns that are looked for.

        Args:
            rows: Positions of the rows.
            width: Columns of each.
            used: Positions of the columns.
        """
        chosen = [self.texts[row] for row in rows.tolist()]
        lines = np.asarray(self.lines)[rows].tolist()
        found = split_cells("\n".join(chosen), "\t", width, used, len(chosen))
        if found is None:
            cells = list(zip(*(text.split("\t") for text in chosen), strict=True))
            found = {at: Coded.of_cells(cells[at]) for at in used}
        return CodedLot(lines, found)


class TsvReader(ChunkReader, ABC):
    """A table, plain or gzip: its column names at once, its rows in lots, once.

    Faults and notes are collected in ``report``; a row of another width than
    the names is not yielded. Memory does not grow with the file. What stands above the
    rows is read by ``_read_header``, which kinds of table have of their own.

    Args:
        path: A regular file.
        report: Where faults and notes go; a new one when None.
        used: Columns beside the keys that are looked for, in which bytes that are
            not UTF-8 are a fault.
        taking: As :class:`LineSource` has it.
    """

    def __init__(
        self,
        path: Path | str,
        report: FileReport | None = None,
        used: Collection[str] = (),
        taking: Taking | None = None,
    ) -> None:
        super().__init__(path, report, taking)
        self.names: tuple[str, ...] = ()
        """Column names as written; empty when there is no header."""
        self.header_line = 1
        """Line of the column names."""
        self.build: str | None = None
        """``GRCh37`` or ``GRCh38``, where a line above the names says it."""
        self.build_line = 1
        """Line that does."""
        self.release = ""
        """Version of the annotation, where a line above the names says it."""
        self.keys: Mapping[str, str] = {}
        """Key column of the join to its name here."""
        self._rest = self._read_header()
        self.at = positions(self.names, (*self.keys.values(), *used))
        """Name of a column that is looked for to its position."""

    @abstractmethod
    def _read_header(self) -> Chunk | None:
        """Take in the column names; the lines behind them, or None where there is no table."""

    def _refuse_repeated(self, names: Collection[str], todo: str) -> None:
        """Say which of these columns occur twice."""
        for name in sorted({name for name in names if self.names.count(name) > 1}):
            self.report.fault(f"column {name} occurs twice", line=self.header_line, todo=todo)

    def __iter__(self) -> Iterator[Lot]:
        """Yield the rows in lots, in the order of the file."""
        for found in self.rows():
            yield Lot(found.lines, list(zip(*(t.split("\t") for t in found.texts), strict=True)))

    def rows(self) -> Iterator[Rows]:
        """Yield the rows as they stand; what is odd about their width and bytes is said."""
        for chunk in self._chunks_of_rows():
            found = self.sound(chunk)
            if found.texts:
                yield found

    def _chunks_of_rows(self) -> Iterator[Chunk]:
        if self._rest is not None:
            yield from self.take_rest()
            yield from self._chunks

    def sound(self, chunk: Chunk) -> Rows:
        """The rows of a chunk that are as wide as the names, and whose bytes can be read."""
        tabs = len(self.names) - 1
        if chunk.is_utf8 and {tabs}.issuperset(map(str.count, chunk.lines, repeat("\t"))):
            return Rows(range(chunk.first, chunk.first + len(chunk.lines)), chunk.lines)
        numbers: list[int] = []
        texts: list[str] = []
        for number, line in enumerate(chunk.lines, chunk.first):
            found = line.count("\t")
            if found != tabs:
                self._odd_line(line, number, found + 1)
            elif (
                chunk.is_utf8
                or not has_bad_bytes(line)
                or self._bad_bytes(line.split("\t"), number)
            ):
                numbers.append(number)
                texts.append(line)
        return Rows(numbers, texts)

    def _odd_line(self, line: str, number: int, found: int) -> None:
        if not line.strip(" \t"):
            self.report.note("blank line, skipped", line=number, noun="line")
            return
        self.report.fault(
            f"{counted(found, 'column')}, {len(self.names)} expected",
            line=number,
            noun="row",
            todo="the table was cut or edited; extract the row again",
        )

    def _bad_bytes(self, cells: list[str], number: int) -> bool:
        """Say where bytes are not UTF-8; True when nothing that is used holds them."""
        used = set(self.at.values())
        sound = True
        for index, cell in enumerate(cells):
            if has_bad_bytes(cell):
                message = f"column {self.names[index]} is not UTF-8"
                if index in used:
                    self.report.fault(message, line=number, noun="row", todo="write it in UTF-8")
                    sound = False
                else:
                    self.report.note(message, line=number, noun="row")
        return sound
