"""Looks at each VCF record once: what is left out, what is wrong, what goes on to be rows.

Source of what is kept: upstream's S01 steps 1 to 7 (the widest review tier; the
tiers of a combination are cut out later, by the filter stage).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from amiss_tasks.features.feature_set import (
    BASIC_FIELDS,
    CANONICAL,
    MANE_FIELDS,
    TRANSCRIPTS,
    VEP,
    FeatureSet,
)
from amiss_tasks.features.sources import located
from amiss_tasks.r.names import positions
from amiss_tasks.stages.clinvar_2026 import CLNREVSTAT
from amiss_tasks.stages.columns.coded import Coded, split_cells
from amiss_tasks.stages.columns.drawn import Draw, Within
from amiss_tasks.stages.files.lines import Block, Chunk, decoded
from amiss_tasks.stages.files.pool import Pool
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.read._batch import Batch, CutBlocks
from amiss_tasks.stages.read._column_lookup import check_lists, unmatched_lists
from amiss_tasks.stages.read._judged import (
    ANY_TIER,
    LeftOut,
    VcfRows,
    check_transcripts,
    look_at_bases,
    reason_to_drop,
    repeated_transcripts,
)
from amiss_tasks.stages.read._memory import Memory
from amiss_tasks.stages.read._value_checks import ValueChecks
from amiss_tasks.stages.read._value_counts import check_review, check_significance
from amiss_tasks.stages.read.alleles import ALLELE, AlleleCheck, is_of_other_allele
from amiss_tasks.stages.read.vcf import VcfReader, VcfRecord
from amiss_tasks.stages.transcripts import NA, pasted
from amiss_tasks.stages.usable import Chosen, Usable
from amiss_tasks.stages.values.beside import Beside, beside_of
from amiss_tasks.stages.values.parsing import MISSING
from gridrun.errors import counted

VARIANT_FIELDS = ("CHROM", "POS", "REF", "ALT")
"""Columns of :class:`Batch` that name a variant."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a VCF.

    Args:
        features: The study's features.
        labelled: Keep what a study can train on; False keeps what can be predicted,
            whether ClinVar knows it or not.
        leave_out_other_alleles: Leave out CSQ blocks of another ALT than their record's;
            they are a fault otherwise.
        has_cadd: Whether rows are to be joined to CADD tables.
        usable: Which blocks some combination of the grid can use; None for all. The width of
            every block is checked, and of records with a star its allele and transcript; values
            are where they are used.
    """

    features: FeatureSet
    labelled: bool = True
    leave_out_other_alleles: bool = False
    has_cadd: bool = True
    usable: Usable | None = None
    seed: int | None = None
    """Of a draw of variants, where rows of some are left out."""


def collect(
    reader: VcfReader,
    wanted: Wanted,
    most_records: int | None = None,
    *,
    memory: Memory | None = None,
    pool: Pool | None = None,
    each: Callable[[Any, Sequence[LeftOut]], None] | None = None,
    draw: Draw | None = None,
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

    Returns:
        The rows; faults and notes are in the reader's report.

    Raises:
        UserError: There is no room for all of them.
    """
    collector = _Collector(reader, wanted, most_records, memory=memory, each=each, draw=draw)
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
        collector = _Collector(reader, self.wanted)
        collector.keep_within(bound)
        for chunk in decoded(block, reader.report):
            collector.take(chunk)
        return collector.part()


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
    ) -> None:
        self._reader, self._memory, self._each = reader, memory, each
        self._draw = draw
        self._within: Within | None = None
        self._held = 0
        self._wanted = wanted
        self._most_records = most_records
        self._labelled, self._has_cadd = wanted.labelled, wanted.has_cadd
        features, usable = wanted.features, wanted.usable
        at = positions(reader.header.csq_fields, (*features.csq_fields, ALLELE, *MANE_FIELDS))
        self._rows = VcfRows()
        is_whole = most_records is None and _has_all(at, features)
        # what is to be predicted has no class that a null model could say
        beside = beside_of(reader.header.csq_fields, features) if wanted.labelled else Beside()
        self._batch = Batch(reader.report, at, features, beside) if is_whole else None
        self._chosen = (
            Chosen(usable, at[BASIC_FIELDS[0]], at.get(CANONICAL)) if usable and is_whole else None
        )
        self._feature_at = at.get("Feature")
        self._lists = unmatched_lists(at, features)
        self._allele_at = at.get(ALLELE)
        self._head = max(self._allele_at or 0, self._feature_at or 0) + 1
        self._alleles = AlleleCheck(
            self._allele_at, reader.report, leave_out=wanted.leave_out_other_alleles
        )

    def collect(self) -> VcfRows:
        """Read the records, chunk by chunk."""
        for chunk in self._reader.chunks():
            self.keep_within(self._bound())
            self.take(chunk)
            if self._rows.records == self._most_records:
                break
            self._count_rows()
        return self._finish()

    def collect_by(self, pool: Pool) -> VcfRows:
        """The same by several processes."""
        reader, source = self._reader, self._reader.source
        if not reader.has_lines:
            return self._finish()
        for chunk in reader.take_rest():
            self.keep_within(self._bound())
            self.take(chunk)
            self._count_rows()
        work = _Reading(reader.without_file(), self._wanted)
        bounded = ((block, self._bound()) for block in source.blocks())
        with source.said_last():
            for part in pool.results(work, bounded):
                self._extend(part)
                self._count_rows()
        for chunk in source.last():
            self.keep_within(self._bound())
            self.take(chunk)
            self._count_rows()
        reader.end()
        return self._finish()

    def _bound(self) -> bytes | None:
        return self._draw.bound() if self._draw is not None else None

    def keep_within(self, bound: bytes | None) -> None:
        """Keep only rows of variants up to a place in the draw from now on; None for all."""
        self._within = None
        if bound is not None and self._wanted.seed is not None:
            self._within = Within(self._wanted.seed, bound)

    def take(self, chunk: Chunk) -> None:
        """Take in the records of a chunk."""
        if self._take_plain(chunk):
            return
        for record in self._reader.records(chunk):
            self._take(record)
            if self._rows.records == self._most_records:
                return

    def part(self) -> _Part:
        """What was taken in."""
        assert self._batch is not None, "several processes make rows"
        tables, checks = self._batch.columns().part()
        reader = self._reader
        return _Part(self._rows, tables, checks, reader.report, reader.found, self._held)

    def _extend(self, part: _Part) -> None:
        assert self._batch is not None, "several processes make rows"
        self._rows.extend(part.rows)
        self._batch.columns().extend(part.tables, part.checks)
        self._reader.report.add(part.report)
        self._reader.found |= part.found
        self._held += part.held

    def _count_rows(self) -> None:
        if self._batch is not None:
            share = self._reader.source.share
            records, self._held = self._held, 0
            if self._draw is not None:
                if self._draw.hold(records):
                    self._batch.columns().narrow(self._first_of)
                share = max(share, self._draw.share)
            held = self._batch.columns().held
            if self._memory is not None:
                self._memory.hold_rows(*held, share)
            if self._each:
                self._hand_on(self._batch.taken())

    def _first_of(self, table: Any) -> Any:
        """The rows whose variants come first in the draw."""
        assert self._draw is not None
        return self._draw.first_of(table, VARIANT_FIELDS)

    def _take(self, record: VcfRecord) -> None:
        """Take in a record, and say what is odd about it."""
        rows, report = self._rows, self._reader.report
        rows.blocks += len(record.csq_blocks)
        check_lists(self._used(record), self._lists, report)
        reason = self._reason(record)
        own, reason = self._alleles.own_blocks(record, reason)
        self._count(record, reason)
        if not reason:
            if self._feature_at is not None:
                check_transcripts(own, self._feature_at, report)
            if self._batch:
                self._batch.add(self._used(own))
                self._held += 1

    def _used(self, record: VcfRecord) -> VcfRecord:
        """A record with those of its blocks that are used."""
        if not self._is_drawn(record):
            return record._replace(csq_blocks=[])
        if self._chosen is None or not record.is_sound:
            return record
        status = record.info.get(CLNREVSTAT, "")
        return record._replace(csq_blocks=self._chosen.of_cells(status, record.csq_blocks))

    def _is_drawn(self, record: VcfRecord) -> bool:
        """Whether a record may be among those that are drawn."""
        if self._within is None:
            return True
        variant = (record.chrom, record.pos, record.ref, record.alt)
        return self._within.has([None if cell in MISSING else cell for cell in variant])

    def _own(self, record: VcfRecord, status: str, blocks: list[str]) -> list[str]:
        """Those of a record's blocks that are used."""
        if not self._is_drawn(record):
            return []
        return self._chosen.of_text(status, blocks) if self._chosen else blocks

    def _take_plain(self, chunk: Chunk) -> bool:
        """Take in a chunk in whose blocks nothing is odd; False where nothing was taken."""
        batch, rows = self._batch, self._rows
        plain = self._reader.plain(chunk) if batch is not None else None
        if batch is None or plain is None or self._allele_at is None:
            return False
        used, counts = [], []
        for record, blocks in zip(plain.records, plain.blocks, strict=True):
            status = record.info.get(CLNREVSTAT, "")
            if (status in ANY_TIER or not self._labelled) and self._is_odd(record, blocks):
                return False
            own = self._own(record, status, blocks)
            used += own
            counts.append(len(own))
        cut = self._cut(batch, used)
        if cut is None:
            return False
        rows.blocks += sum(map(len, plain.blocks))
        kept = []
        begin = 0
        for at, record in enumerate(plain.records):
            if at in plain.odd:
                self._reader.say_of_info(plain.odd[at], record.line)
            reason = self._reason(record)
            self._count(record, reason)
            kept.append(bool(counts[at]) and not reason)
            for row in range(begin, begin + counts[at]) if cut.odd and kept[-1] else ():
                if row in cut.odd:
                    batch.say_of_lists(*cut.odd[row], record.line)
            begin += counts[at]
        self._held += sum(kept)
        if any(kept):
            of_blocks = np.array(counts, np.intp)
            chosen = np.flatnonzero(np.repeat(kept, of_blocks))
            own_cells = [column.with_codes(column.codes[chosen]) for column in cut.columns]
            batch.add_cut(list(compress(plain.records, kept)), of_blocks[kept], own_cells)
        return True

    def _is_odd(self, record: VcfRecord, blocks: Sequence[str]) -> bool:
        """Whether a record has blocks of another allele, or a transcript twice."""
        assert self._allele_at is not None
        assert self._feature_at is not None
        cells = [block.split("|", self._head) for block in blocks]
        names = [block[self._feature_at] for block in cells]
        return is_of_other_allele(record, [block[self._allele_at] for block in cells]) or (
            len(set(names)) < len(names) and bool(repeated_transcripts(names))
        )

    def _cut(self, batch: Batch, blocks: Sequence[str]) -> CutBlocks | None:
        """Columns of the batch; None where there is a list of which nobody says whose it is."""
        if not blocks:
            return CutBlocks((), {})
        used = {*batch.used, *self._lists.values()}
        width = len(self._reader.header.csq_fields)
        found = split_cells("\n".join(blocks), "|", width, used, len(blocks))
        lists = self._lists.values()
        if found is None or any(found[at].any(lambda cell: "&" in cell) for at in lists):
            return None
        return batch.cut(found)

    def _reason(self, record: VcfRecord) -> str:
        return reason_to_drop(
            record, self._rows, self._reader, labelled=self._labelled, has_cadd=self._has_cadd
        )

    def _count(self, record: VcfRecord, reason: str) -> None:
        """Take in the variant of a record, and why it is left out."""
        rows = self._rows
        rows.records += 1
        if reason:
            _leave_out(record, reason, rows, one_by_one=not self._labelled)
        else:
            look_at_bases(record, rows)
        name = f"{record.chrom}\r{record.pos}\r{record.ref}\r{record.alt}"
        rows.variants.add(record.chrom, name, is_kept=not reason)

    def _hand_on(self, table: Any) -> None:
        """Give away the rows that are there."""
        assert self._each is not None
        left_out, self._rows.left_out = self._rows.left_out, []
        if table is not None or left_out:
            self._each(table, left_out)

    def _finish(self) -> VcfRows:
        rows, reader, labelled = self._rows, self._reader, self._labelled
        batch = self._batch
        if rows.records and not rows.blocks and reader.header.csq:
            reader.report.fault(
                f"no record has CSQ ({counted(rows.records, 'record')})",
                todo="the header is VEP's, the records are not; annotate the file again",
            )
        if labelled:
            check_significance(rows.significance, rows.records, reader)
            check_review(rows.review, rows.records, reader)
        if batch:
            rows.table = batch.finish()
            if self._each:
                self._hand_on(rows.table)
            if self._draw is not None:
                rows.table = self._first_of(rows.table)
            if self._chosen or (self._draw is not None and self._draw.is_partial):
                _narrow(rows)
        return rows


def _narrow(rows: VcfRows) -> None:
    """Say of the variants which rows of the table they have."""
    keys = pasted(rows.table, VARIANT_FIELDS).combine_chunks().dictionary_encode()
    transcripts = rows.table["Feature"].combine_chunks().fill_null(NA).dictionary_encode()
    rows.variants.narrow(Coded.of(keys), Coded.of(transcripts))


def _leave_out(record: VcfRecord, reason: str, rows: VcfRows, *, one_by_one: bool) -> None:
    rows.dropped[reason] = rows.dropped.get(reason, 0) + 1
    if one_by_one:
        variant = (record.chrom, record.pos, record.ref, record.alt)
        rows.left_out.append(LeftOut(record.line, variant, reason))


def _has_all(at: dict[str, int], features: FeatureSet) -> bool:
    """Whether every field is there that rows are made of."""
    of_vep = features.of(VEP)
    basic = {*BASIC_FIELDS, *((TRANSCRIPTS,) if features.needs_transcripts else ())} - {CANONICAL}
    return basic <= at.keys() and len(located(of_vep, at)) == len(of_vep)
