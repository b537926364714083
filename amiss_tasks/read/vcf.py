"""Streaming reader for VEP-annotated VCF files.

Splits records and their CSQ blocks; knows nothing of ClinVar or amiss beyond
the keys it is told are used. Equal, cell by cell, to ``bcftools +split-vep``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from amiss_tasks.features import CSQ_FIELDS
from amiss_tasks.read._header import (
    COLUMNS,
    VcfHeader,
    add_column_line,
    add_meta_line,
    first_line_fault,
)
from amiss_tasks.read._lines import Chunk, LineSource, has_bad_bytes
from amiss_tasks.read._report import Report

USED_INFO = frozenset({"CLNSIG", "CLNREVSTAT", "CSQ"})
"""INFO keys that amiss reads."""

_INFO = COLUMNS.index("INFO")
_KEY_COLUMNS = (0, 1, 3, 4)


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


class VcfReader:
    """A VCF, plain or gzip: its header at once, its records one at a time, once.

    Faults and notes are collected in ``report``; a line that cannot be taken
    apart is not yielded. Memory does not grow with the file.

    Args:
        path: A regular file.
        report: Where faults and notes go; a new one when None.
        used_info: INFO keys in which bytes that are not UTF-8 are a fault.
        used_csq: CSQ fields in which they are.

    Example:
        >>> with VcfReader(path) as reader:  # doctest: +SKIP
        ...     fields = reader.header.csq_fields
        ...     blocks = [block for record in reader for block in record.csq_blocks]
    """

    def __init__(
        self,
        path: Path | str,
        report: Report | None = None,
        used_info: Collection[str] = USED_INFO,
        used_csq: Collection[str] = CSQ_FIELDS,
    ) -> None:
        self.report = report or Report(Path(path))
        self.header = VcfHeader()
        self._used_info = used_info
        self._used_csq = used_csq
        self._chunks = LineSource(Path(path), self.report).chunks()
        self._rest = self._read_header()

    def close(self) -> None:
        """Close the file."""
        self._chunks.close()  # type: ignore[attr-defined]  # a generator

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_header(self) -> Chunk | None:
        """Take in the header; what follows it in its chunk is given back."""
        is_first = True
        for chunk in self._chunks:
            for index, line in enumerate(chunk.lines):
                number = chunk.first + index
                if is_first:
                    is_first = False
                    self.header.is_vcf = line.startswith("##fileformat=VCF")
                    if not self.header.is_vcf or number != 1:
                        first_line_fault(chunk.lines, self.report)
                        if self.report.broken or not line.startswith("#"):
                            self.report.broken = True
                            return None
                if not chunk.is_utf8 and has_bad_bytes(line):
                    self.report.note("header line is not UTF-8", line=number, noun="line")
                if line.startswith("##"):
                    add_meta_line(self.header, line, number, self.report)
                elif line.startswith("#CHROM"):
                    add_column_line(self.header, line, number, self.report)
                    return Chunk(number + 1, chunk.lines[index + 1 :], chunk.is_utf8)
                elif line.strip():
                    self.report.stop(
                        "no #CHROM line before the first record",
                        line=number,
                        todo=f"put it back, with tabs between: {' '.join(COLUMNS)}",
                    )
                    return None
        if not self.report.broken:
            self.report.stop("no #CHROM line, and no records", todo="name the right file")
        return None

    def __iter__(self) -> Iterator[VcfRecord]:
        """Yield the records, in the order of the file."""
        if self._rest is None:
            return
        rest, self._rest = self._rest, None
        found = False
        for record in self._records(rest):
            found = True
            yield record
        for chunk in self._chunks:
            for record in self._records(chunk):
                found = True
                yield record
        if not found and not self.report.broken and not self.report.faults:
            self.report.fault("no records after the header", todo="name the right file")

    def _records(self, chunk: Chunk) -> Iterator[VcfRecord]:
        declared = self.header.info.keys()
        width = len(self.header.csq_fields)
        columns = len(self.header.columns)
        has_samples = columns > len(COLUMNS)
        is_utf8 = chunk.is_utf8
        number = chunk.first - 1
        for line in chunk.lines:
            number += 1
            cells = line.split("\t", _INFO + 1) if has_samples else line.split("\t")
            if (line.count("\t") + 1 if has_samples else len(cells)) != columns or line[0] == "#":
                self._odd_line(line, number, columns)
                continue
            if not is_utf8 and has_bad_bytes(line) and not self._bad_bytes(cells, number):
                continue
            pos = cells[1]
            if not (pos.isdecimal() and pos.isascii()):
                self.report.fault(
                    f'POS is "{pos}", not a number',
                    line=number,
                    key="POS",
                    noun="record",
                    todo="POS is a whole number, counted from 1",
                )
                continue
            if pos[0] == "0":
                pos = str(int(pos))
            info: dict[str, str] = {}
            items = cells[_INFO].split(";")
            for item in items:
                key, _, value = item.partition("=")
                info[key] = value
            if len(info) != len(items) or not info.keys() <= declared:
                self._odd_info(items, number)
            csq = info.get("CSQ")
            is_sound = True
            if csq and csq != ".":
                blocks = [block.split("|") for block in csq.split(",")]
                for block in blocks:
                    if len(block) != width:
                        is_sound = False
                        self._odd_block(len(block), width, number)
            else:
                blocks = []
            yield VcfRecord(number, cells[0], pos, cells[3], cells[4], info, blocks, is_sound)

    def _odd_line(self, line: str, number: int, columns: int) -> None:
        if not line.strip():
            self.report.note("blank line, skipped", line=number, noun="line")
        elif line.startswith("#"):
            self.report.fault(
                "header line among the records; were two files joined?",
                line=number,
                noun="line",
                todo="join VCF files with: bcftools concat",
            )
        elif "\t" not in line:
            self.report.fault(
                "no tabs; columns are separated by tabs, not by spaces",
                line=number,
                noun="record",
                todo="put tabs between the columns",
            )
        else:
            found = line.count("\t") + 1
            self.report.fault(f"{found} columns, {columns} expected", line=number, noun="record")

    def _odd_info(self, items: list[str], number: int) -> None:
        """Name keys that are empty, doubled or not declared."""
        seen: set[str] = set()
        for item in items:
            key = item.partition("=")[0]
            if item == "." and len(items) == 1:
                return
            if not key:
                where = "empty INFO key" if item else "empty INFO key (a ; too many)"
                self.report.note(f"{where}, skipped", line=number, noun="record")
            elif key in seen:
                message = f"INFO has {key} twice"
                if key in self._used_info:
                    self.report.fault(
                        message, line=number, noun="record", todo="keep the right one of the two"
                    )
                else:
                    self.report.note(message, line=number, noun="record")
            elif key not in self.header.info and key not in self._used_info:
                # An undeclared key that amiss needs is the header's fault, found elsewhere.
                self.report.note(
                    f"INFO key {key} is not declared in the header", line=number, noun="record"
                )
            seen.add(key)

    def _odd_block(self, found: int, width: int, number: int) -> None:
        if not width:
            return
        self.report.fault(
            f"CSQ block with {found} fields, {width} declared",
            line=number,
            noun="block",
            todo="run VEP again, or take the record out",
        )

    def _bad_bytes(self, cells: list[str], number: int) -> bool:
        """Say where bytes are not UTF-8; True when nothing that is used holds them."""
        todo = "write it in UTF-8, for example: iconv -f LATIN1 -t UTF-8 old > new"
        sound = True
        for index, name in enumerate(COLUMNS[:_INFO]):
            if has_bad_bytes(cells[index]):
                if index in _KEY_COLUMNS:
                    self.report.fault(f"{name} is not UTF-8", line=number, noun="record", todo=todo)
                    sound = False
                else:
                    self.report.note(f"{name} is not UTF-8", line=number, noun="record")
        for item in cells[_INFO].split(";"):
            if not has_bad_bytes(item):
                continue
            key, _, value = item.partition("=")
            name, used = key, key in self._used_info
            if key == "CSQ":
                fields = {
                    field
                    for block in value.split(",")
                    for field, cell in zip(self.header.csq_fields, block.split("|"), strict=False)
                    if has_bad_bytes(cell)
                }
                used = not fields or not fields.isdisjoint(self._used_csq)
                name = f"CSQ field {', '.join(sorted(fields))}" if fields else key
            if used:
                self.report.fault(f"{name} is not UTF-8", line=number, noun="record", todo=todo)
                sound = False
            else:
                printable = name.encode("ascii", "replace").decode()
                self.report.note(f"{printable} is not UTF-8", line=number, noun="record")
        for cell in cells[_INFO + 1 :]:
            if has_bad_bytes(cell):
                self.report.note("a sample column is not UTF-8", line=number, noun="record")
                break
        return sound
