"""Reads the records of a VCF, by one process or by several, into rows and what was met.

What is done with a record is in ``_records``; here are the order of the file, memory, the draw of
``--rows``, and what processes give one another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from amiss_tasks.stages.columns.coded import Coded
from amiss_tasks.stages.columns.drawn import Draw
from amiss_tasks.stages.files.lines import Block, Chunk, decoded
from amiss_tasks.stages.files.memory import Disk, Memory
from amiss_tasks.stages.files.pool import Pool
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.read._judged import LeftOut, VcfRows
from amiss_tasks.stages.read._records import Records, Wanted
from amiss_tasks.stages.read._value_checks import ValueChecks
from amiss_tasks.stages.read._value_counts import check_review, check_significance
from amiss_tasks.stages.read.vcf import VcfReader
from amiss_tasks.stages.transcripts import NA, pasted
from gridrun.errors import counted

VARIANT_FIELDS = ("CHROM", "POS", "REF", "ALT")
"""Columns of :class:`Batch` that name a variant."""


def collect(
    reader: VcfReader,
    wanted: Wanted,
    most_records: int | None = None,
    *,
    memory: Memory | None = None,
    pool: Pool | None = None,
    each: Callable[[Any, Sequence[LeftOut]], None] | None = None,
    draw: Draw | None = None,
    disk: Disk | None = None,
) -> VcfRows:
    """Read the records of a VCF.

    Args:
        reader: At its first record.
        wanted: What is wanted of it.
        most_records: Only look for faults, in that many records; no table.
        memory: Counts the rows that are kept; None for no limit.
        pool: Processes that may read; None for none.
        each: Takes the rows of some records and those of them that are left out, in the order of
            the file; what is returned has none then.
        draw: Which variants are kept; None for all.
        disk: Where rows go once memory has no room for them; what is returned has none then.

    Returns:
        The rows; faults and notes are in the reader's report.

    Raises:
        UserError: There is no room for all that are drawn.
    """
    collector = _Collector(
        reader, wanted, most_records, memory=memory, each=each, draw=draw, disk=disk
    )
    if pool is None or most_records is not None or not pool.is_worth(reader.report.file):
        return collector.collect()
    return collector.collect_by(pool)


@dataclass(frozen=True)
class _Part:
    """What a block of lines has."""

    rows: VcfRows
    tables: Sequence[Any]
    checks: ValueChecks
    report: FileReport
    found: bool
    held: int


@dataclass(frozen=True)
class _Reading:
    """Reads blocks of a VCF, each as if it stood alone; for the processes of a pool."""

    reader: VcfReader
    wanted: Wanted

    def read(self, bounded: tuple[Block, bytes | None], /) -> _Part:
        block, bound = bounded
        reader = self.reader.without_file()
        records = Records(reader, self.wanted)
        records.keep_within(bound)
        for chunk in decoded(block, reader.report):
            records.take(chunk)
        assert records.batch is not None, "several processes make rows"
        tables, checks = records.batch.columns().part()
        return _Part(records.rows, tables, checks, reader.report, reader.found, records.held)


class _Collector:
    """Collects; the arguments are those of ``collect``."""

    def __init__(
        self,
        reader: VcfReader,
        wanted: Wanted,
        most_records: int | None = None,
        *,
        memory: Memory | None = None,
        each: Callable[[Any, Sequence[LeftOut]], None] | None = None,
        draw: Draw | None = None,
        disk: Disk | None = None,
    ) -> None:
        self._reader, self._wanted = reader, wanted
        self._memory, self._each, self._draw, self._disk = memory, each, draw, disk
        self._records = Records(reader, wanted, most_records)

    def collect(self) -> VcfRows:
        """Read the records, chunk by chunk."""
        for chunk in self._reader.chunks():
            self._take(chunk)
            if self._records.has_enough:
                break
        return self._finish()

    def collect_by(self, pool: Pool) -> VcfRows:
        """The same by several processes."""
        reader, source = self._reader, self._reader.source
        if not reader.has_lines:
            return self._finish()
        for chunk in reader.take_rest():
            self._take(chunk)
        work = _Reading(reader.without_file(), self._wanted)
        bounded = ((block, self._bound()) for block in source.blocks())
        with source.said_last():
            for part in pool.results(work, bounded):
                self._extend(part)
                self._count_rows()
        for chunk in source.last():
            self._take(chunk)
        reader.end()
        return self._finish()

    def _bound(self) -> bytes | None:
        return self._draw.bound() if self._draw is not None else None

    def _take(self, chunk: Chunk) -> None:
        self._records.keep_within(self._bound())
        self._records.take(chunk)
        if not self._records.has_enough:
            self._count_rows()

    def _extend(self, part: _Part) -> None:
        records = self._records
        assert records.batch is not None, "several processes make rows"
        records.rows.extend(part.rows)
        records.batch.columns().extend(part.tables, part.checks)
        self._reader.report.add(part.report)
        self._reader.found |= part.found
        records.held += part.held

    def _count_rows(self) -> None:
        batch = self._records.batch
        if batch is not None:
            share = self._reader.source.share
            held, self._records.held = self._records.held, 0
            if self._draw is not None:
                if self._draw.hold(held):
                    batch.columns().narrow(self._first_of)
                share = max(share, self._draw.share)
            has_room = self._memory is None or self._memory.hold_rows(*batch.columns().held, share)
            if self._disk is not None and not has_room:
                self._disk.begin()
            if self._each or self._goes_to_disk:
                self._hand_on(batch.taken())

    @property
    def _goes_to_disk(self) -> bool:
        return self._disk is not None and self._disk.is_used

    def _first_of(self, table: Any) -> Any:
        """The rows whose variants come first in the draw."""
        assert self._draw is not None
        return self._draw.first_of(table, VARIANT_FIELDS)

    def _hand_on(self, table: Any) -> None:
        """Give away the rows that are there."""
        rows = self._records.rows
        if self._disk is not None and self._disk.is_used and table is not None:
            if self._records.chooses:
                rows.variants.use(*_named(table))
            self._disk.take(table)
        if self._each is None:
            return
        left_out, rows.left_out = rows.left_out, []
        if table is not None or left_out:
            self._each(table, left_out)

    def _finish(self) -> VcfRows:
        records, reader = self._records, self._reader
        rows, batch = records.rows, records.batch
        if rows.records and not rows.blocks and reader.header.csq:
            reader.report.fault(
                f"no record has CSQ ({counted(rows.records, 'record')})",
                todo="the header is VEP's, the records are not; annotate the file again",
            )
        if self._wanted.labelled:
            check_significance(rows.significance, rows.records, reader)
            check_review(rows.review, rows.records, reader)
        if batch:
            rows.table = batch.finish()
            if self._each or self._goes_to_disk:
                self._hand_on(rows.table)
            if self._goes_to_disk:
                rows.table = rows.table.schema.empty_table()
            if self._draw is not None:
                rows.table = self._first_of(rows.table)
            if records.chooses or (self._draw is not None and self._draw.is_partial):
                rows.variants.narrow(*_named(rows.table))
        return rows


def _named(table: Any) -> tuple[Coded, Coded]:
    """Variant and transcript of each row."""
    keys = pasted(table, VARIANT_FIELDS).combine_chunks().dictionary_encode()
    transcripts = table["Feature"].combine_chunks().fill_null(NA).dictionary_encode()
    return Coded.of(keys), Coded.of(transcripts)
