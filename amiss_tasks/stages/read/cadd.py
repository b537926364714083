"""Streaming reader for CADD tables (``inclAnno``), SNV or indel.

Line 1 is a comment that begins with ``##``, line 2 holds the column names,
beginning with ``#Chrom``. Quotes have no meaning: where one stands alone in a
gene name, R's ``read.delim`` loses rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.stages.read._column_positions import CADD_KEYS, positions
from amiss_tasks.stages.read._header import genome_build
from amiss_tasks.stages.read._lines import Chunk, ChunkReader, has_bad_bytes
from amiss_tasks.stages.read._report import FileReport
from gridrun.errors import counted

_HEADER_LINE = 2
_RELEASE = re.compile(r"v(\d+(?:\.\d+)*)")


class CaddRows(NamedTuple):
    """Some rows, split into cells.

    Args:
        lines: Line of each row, counted from 1.
        columns: For each column of the file the cells of these rows.
    """

    lines: list[int]
    columns: list[tuple[str, ...]]


class CaddReader(ChunkReader):
    """A CADD table, plain or gzip: its column names at once, its rows in lots, once.

    Faults and notes are collected in ``report``; a row of another width than
    the names is not yielded. Memory does not grow with the file.

    Args:
        path: A regular file.
        report: Where faults and notes go; a new one when None.
        used: Columns beside the keys that are looked for, in which bytes that are
            not UTF-8 are a fault.
    """

    def __init__(
        self,
        path: Path | str,
        report: FileReport | None = None,
        used: Collection[str] = AMISS.cadd_columns,
    ) -> None:
        super().__init__(path, report)
        self.names: tuple[str, ...] = ()
        """Column names as written; empty when there is no header."""
        self.build: str | None = None
        """``GRCh37`` or ``GRCh38``, where line 1 names it."""
        self.release = ""
        """Version of CADD, where line 1 names it."""
        self._rest = self._read_header()
        self.at = positions(self.names, (*CADD_KEYS, *used))
        """Name of a column that is looked for to its position."""

    def _read_header(self) -> Chunk | None:
        chunk = next(self._chunks, None)
        if chunk is None:
            self.report.broken = True
            return None
        lines = chunk.lines
        while len(lines) < _HEADER_LINE and (more := next(self._chunks, None)) is not None:
            chunk = chunk._replace(lines=[*lines, *more.lines], is_utf8=more.is_utf8)
            lines = chunk.lines
        if lines[0].startswith("##fileformat=VCF"):
            self.report.stop(
                "looks like a VCF, not a CADD table",
                line=1,
                todo="name the table of CADD annotations (inclAnno) in the study",
            )
            return None
        if not lines[0].startswith("##"):
            self.report.stop(
                "expected ##, then #Chrom on the line below: "
                "amiss skips line 1, whatever stands there",
                line=1,
                todo="put CADD's comment line back, for example: ## CADD GRCh38-v1.5",
            )
            return None
        self.build = genome_build(lines[0])
        release = _RELEASE.search(lines[0])
        self.release = f"CADD {release.group(1)}" if release else ""
        if len(lines) < _HEADER_LINE or not lines[1].startswith("#Chrom\t"):
            self.report.stop(
                "expected the column names, beginning with #Chrom and a tab",
                line=_HEADER_LINE,
                todo="put CADD's line of column names back",
            )
            return None
        self.names = tuple(lines[1].split("\t"))
        for name in sorted({name for name in self.names if self.names.count(name) > 1}):
            self.report.fault(
                f"column {name} occurs twice",
                line=_HEADER_LINE,
                todo="one of the two has a wrong name; compare with CADD's own file",
            )
        return Chunk(chunk.first + _HEADER_LINE, lines[_HEADER_LINE:], chunk.is_utf8)

    def __iter__(self) -> Iterator[CaddRows]:
        """Yield the rows in lots, in the order of the file."""
        if self._rest is None:
            return
        rest, self._rest = self._rest, None
        if rest.lines:
            yield from self._rows(rest)
        for chunk in self._chunks:
            yield from self._rows(chunk)

    def _rows(self, chunk: Chunk) -> Iterator[CaddRows]:
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
            yield CaddRows(numbers, list(zip(*rows, strict=True)))

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
