"""Streaming reader for tables with a row for each variant, or variant and transcript.

Cells are parted by tabs. Quotes have no meaning: where one stands alone in a gene name,
R's ``read.delim`` loses rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from amiss_tasks.r.names import positions
from amiss_tasks.stages.columns.coded import Cells, split_cells
from amiss_tasks.stages.read._lines import Chunk, ChunkReader, has_bad_bytes
from amiss_tasks.stages.read._report import FileReport
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
    columns: Mapping[int, Cells]


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
    """

    def __init__(
        self, path: Path | str, report: FileReport | None = None, used: Collection[str] = ()
    ) -> None:
        super().__init__(path, report)
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
        for chunk in self._chunks_of_rows():
            yield from self._rows(chunk)

    def lots(self) -> Iterator[Lot | CodedLot]:
        """Yield the rows in lots; where nothing is odd, the columns that are looked for alone."""
        used = set(self.at.values())
        for chunk in self._chunks_of_rows():
            text = "\n".join(chunk.lines) if chunk.is_utf8 else ""
            found = split_cells(text, "\t", len(self.names), used, len(chunk.lines))
            if found is None:
                yield from self._rows(chunk)
            else:
                yield CodedLot(range(chunk.first, chunk.first + len(chunk.lines)), found)

    def _chunks_of_rows(self) -> Iterator[Chunk]:
        if self._rest is None:
            return
        rest, self._rest = self._rest, None
        if rest.lines:
            yield rest
        yield from self._chunks

    def _rows(self, chunk: Chunk) -> Iterator[Lot]:
        width = len(self.names)
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, line in enumerate(chunk.lines, chunk.first):
            cells = line.split("\t")
            if len(cells) != width:
                self._odd_line(line, number, len(cells))
            elif chunk.is_utf8 or not has_bad_bytes(line) or self._bad_bytes(cells, number):
                numbers.append(number)
                rows.append(cells)
        if rows:
            yield Lot(numbers, list(zip(*rows, strict=True)))

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
