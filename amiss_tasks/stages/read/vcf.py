"""Streaming reader for VEP-annotated VCF files.

Splits records and their CSQ blocks; knows nothing of ClinVar or amiss beyond
the keys that its caller names. Equal, cell by cell, to ``bcftools +split-vep``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.stages.files.digests import Taking
from amiss_tasks.stages.files.lines import Chunk, ChunkReader, has_bad_bytes
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.files.vcf_header import (
    VCF_COLUMNS,
    VcfHeader,
    add_column_line,
    add_meta_line,
    first_line_fault,
)
from amiss_tasks.stages.read._record_checks import Oddities

USED_INFO = frozenset({"CLNSIG", "CLNREVSTAT", "CSQ"})
"""INFO keys that amiss reads."""

_INFO = VCF_COLUMNS.index("INFO")
_NO_CSQ = ("", ".")
_NAMING = (0, 1, 3, 4)
"""Positions of the columns that name a variant."""
_SHORT = 9
"""Digits of a position that cannot be too large."""


class VcfRecord(NamedTuple):
    """One line of a VCF.

    Args:
        line: Its line, counted from 1.
        chrom: CHROM as written.
        pos: POS as written, without leading zeros.
        ref: REF as written.
        alt: ALT as written, not split.
        info: INFO key to its text; a flag has an empty text.
        csq_blocks: The CSQ blocks in order, each a list of cells.
        is_sound: Every block has as many cells as the header declares.
    """

    line: int
    chrom: str
    pos: str
    ref: str
    alt: str
    info: dict[str, str]
    csq_blocks: list[list[str]]
    is_sound: bool


class PlainRecords(NamedTuple):
    """Records whose blocks are not cut yet, each as wide as the header says.

    Args:
        records: Their ``csq_blocks`` say no more than whether there are any.
        blocks: The CSQ blocks of each as they stand.
        odd: Position of a record to its INFO items, where something is to be said of their keys.
    """

    records: list[VcfRecord]
    blocks: list[list[str]]
    odd: dict[int, list[str]]


class VcfReader(ChunkReader):
    """A VCF, plain or gzip: its header at once, its records one at a time, once.

    Faults and notes are collected in ``report``; a line that cannot be split
    is not yielded. Memory does not grow with the file.

    Args:
        path: A regular file.
        report: Where faults and notes go; a new one when None.
        used_info: INFO keys in which bytes that are not UTF-8 are a fault.
        used_csq: CSQ fields in which they are.
        taking: As :class:`LineSource` has it.

    Example:
        >>> with VcfReader(path) as reader:  # doctest: +SKIP
        ...     fields = reader.header.csq_fields
        ...     blocks = [block for record in reader for block in record.csq_blocks]
    """

    def __init__(
        self,
        path: Path | str,
        report: FileReport | None = None,
        used_info: Collection[str] = USED_INFO,
        used_csq: Collection[str] = AMISS.csq_fields,
        taking: Taking | None = None,
    ) -> None:
        super().__init__(path, report, taking)
        self.header = VcfHeader()
        self._used = (used_info, used_csq)
        self._oddities = Oddities(self.report, self.header, *self._used)
        self.found = False
        """Whether there was a record."""
        self._rest = self._read_header()

    def _read_header(self) -> Chunk | None:
        """Take in the header; what follows it in its chunk is given back."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self.report.broken = True
            return None
        self.header.is_vcf = chunk.lines[0].startswith("##fileformat=VCF")
        if not self.header.is_vcf:
            first_line_fault(chunk.lines, self.report)
        while chunk is not None and not self.report.broken:
            records_at = self._meta_lines(chunk)
            if records_at is not None:
                return Chunk(chunk.first + records_at, chunk.lines[records_at:], chunk.is_utf8)
            chunk = next(self._chunks, None)
        if not self.report.broken:
            self.report.stop("no #CHROM line, and no records", todo="name the right file")
        return None

    def _meta_lines(self, chunk: Chunk) -> int | None:
        """Take in header lines; position after the #CHROM line, or None when it is not there."""
        for index, line in enumerate(chunk.lines):
            number = chunk.first + index
            if not chunk.is_utf8 and has_bad_bytes(line):
                self.report.note("header line is not UTF-8", line=number, noun="line")
            if line.startswith("##"):
                add_meta_line(self.header, line, number, self.report)
            elif line.startswith("#CHROM"):
                add_column_line(self.header, line, number, self.report)
                return None if self.report.broken else index + 1
            elif line.strip() and not line.startswith("#"):
                self.report.stop(
                    "no #CHROM line before the first record",
                    line=number,
                    todo=f"put it back, with tabs between: {' '.join(VCF_COLUMNS)}",
                )
                return None
        return None

    def __iter__(self) -> Iterator[VcfRecord]:
        """Yield the records, in the order of the file."""
        for chunk in self.chunks():
            yield from self.records(chunk)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the lines below the header, once; each chunk is to be read before the next."""
        if self._rest is None:
            return
        yield from self.take_rest()
        yield from self._chunks
        self.end()

    def end(self) -> None:
        """Say what is wrong where there was no record in all of the file."""
        if not self.found and not self.report.broken and not self.report.faults:
            self.report.fault("no records after the header", todo="name the right file")

    def say_to(self, report: FileReport) -> None:
        """Have faults and notes go to another report."""
        super().say_to(report)
        self._oddities = Oddities(report, self.header, *self._used)

    def plain(self, chunk: Chunk) -> PlainRecords | None:
        """The records of a chunk in which no line is odd.

        Args:
            chunk: Of ``chunks``.

        Returns:
            None where some line is odd; nothing was said then, and ``records`` says what.
        """
        declared = self.header.info.keys()
        columns = len(self.header.columns)
        bars, widths = repeat("|"), frozenset({len(self.header.csq_fields) - 1})
        if not chunk.is_utf8:
            return None
        found = PlainRecords([], [], {})
        for number, line in enumerate(chunk.lines, chunk.first):
            cells = line.split("\t", _INFO + 1)
            if line.count("\t", len(line) - len(cells[-1])) + len(cells) != columns:
                return None
            if line[0] == "#" or not all(map(cells.__getitem__, _NAMING)):
                return None
            pos = cells[1]
            if len(pos) > _SHORT or not pos.isdecimal() or pos[0] == "0" or not pos.isascii():
                return None
            items = cells[_INFO].split(";")
            info = {key: value for key, _, value in (item.partition("=") for item in items)}
            if len(info) != len(items) or not info.keys() <= declared:
                found.odd[len(found.records)] = items
            csq = info.pop("CSQ", "")
            blocks = [] if csq in _NO_CSQ else csq.split(",")
            if not widths.issuperset(map(str.count, blocks, bars)):
                return None
            found.blocks.append(blocks)
            some: list[list[str]] = [[]] if blocks else []
            found.records.append(
                VcfRecord(number, cells[0], pos, cells[3], cells[4], info, some, is_sound=True)
            )
        self.found = self.found or bool(found.records)
        return found

    def say_of_info(self, items: list[str], line: int) -> None:
        """Say what is odd about the INFO keys of a record of ``plain``."""
        self._oddities.info(items, line)

    def records(self, chunk: Chunk) -> Iterator[VcfRecord]:
        """Yield the records of a chunk, and say what is odd about them."""
        for record in self._records(chunk):
            self.found = True
            yield record

    def _records(self, chunk: Chunk) -> Iterator[VcfRecord]:
        declared = self.header.info.keys()
        width = len(self.header.csq_fields)
        columns = len(self.header.columns)
        has_samples = columns > len(VCF_COLUMNS)
        is_utf8 = chunk.is_utf8
        number = chunk.first - 1
        for line in chunk.lines:
            number += 1
            cells = line.split("\t", _INFO + 1) if has_samples else line.split("\t")
            if (line.count("\t") + 1 if has_samples else len(cells)) != columns or line[0] == "#":
                self._oddities.line(line, number, columns)
                continue
            if (
                not is_utf8
                and has_bad_bytes(line)
                and not self._oddities.bytes_are_sound(cells, number)
            ):
                continue
            pos = cells[1]
            if len(pos) > _SHORT or not pos.isdecimal() or pos[0] == "0" or not pos.isascii():
                pos = self._oddities.position(pos, number)
                if not pos:
                    continue
            if not (cells[0] and cells[3] and cells[4]):
                self._oddities.empty(cells, number)
                continue
            info: dict[str, str] = {}
            items = cells[_INFO].split(";")
            for item in items:
                key, _, value = item.partition("=")
                info[key] = value
            if len(info) != len(items) or not info.keys() <= declared:
                self._oddities.info(items, number)
            csq = info.get("CSQ", "")
            blocks = [] if csq in _NO_CSQ else [block.split("|") for block in csq.split(",")]
            odd = [len(block) for block in blocks if len(block) != width]
            if odd:
                self._oddities.blocks(odd, width, number)
            yield VcfRecord(number, cells[0], pos, cells[3], cells[4], info, blocks, not odd)
