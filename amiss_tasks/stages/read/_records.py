"""Takes in VCF records, each once: what is left out, what is wrong, what goes on to be rows.

Source of what is kept: upstream's S01 steps 1 to 7 (the widest review tier; the
tiers of a combination are cut out later, by the filter stage).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

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
from amiss_tasks.stages.columns.coded import split_cells
from amiss_tasks.stages.columns.drawn import Within
from amiss_tasks.stages.files.lines import Chunk
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
from amiss_tasks.stages.read.alleles import ALLELE, AlleleCheck, is_of_other_allele
from amiss_tasks.stages.read.vcf import VcfReader, VcfRecord
from amiss_tasks.stages.usable import Chosen, Usable
from amiss_tasks.stages.values.beside import Beside, beside_of
from amiss_tasks.stages.values.parsing import MISSING


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


class Records:
    """Takes in the records of chunks; one process has one of these.

    Args:
        reader: Says what is odd about lines.
        wanted: What is wanted of the VCF.
        most_records: Only look for faults, in that many records; there is no batch then.
    """

    def __init__(self, reader: VcfReader, wanted: Wanted, most_records: int | None = None) -> None:
        self._reader, self._wanted, self._most_records = reader, wanted, most_records
        self._within: Within | None = None
        self.held = 0
        """Records whose rows were kept, since whoever counts them set this to 0."""
        self._labelled, self._has_cadd = wanted.labelled, wanted.has_cadd
        features, usable = wanted.features, wanted.usable
        at = positions(reader.header.csq_fields, (*features.csq_fields, ALLELE, *MANE_FIELDS))
        self.rows = VcfRows()
        is_whole = most_records is None and _has_all(at, features)
        # what is to be predicted has no class that a null model could say
        beside = beside_of(reader.header.csq_fields, features) if wanted.labelled else Beside()
        self.batch = Batch(reader.report, at, features, beside) if is_whole else None
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

    @property
    def chooses(self) -> bool:
        """Whether blocks are left out that no combination can use."""
        return self._chosen is not None

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
            if self.has_enough:
                return

    @property
    def has_enough(self) -> bool:
        """Whether no more records are wanted."""
        return self.rows.records == self._most_records

    def _take(self, record: VcfRecord) -> None:
        """Take in a record, and say what is odd about it."""
        rows, report = self.rows, self._reader.report
        rows.blocks += len(record.csq_blocks)
        check_lists(self._used(record), self._lists, report)
        reason = self._reason(record)
        own, reason = self._alleles.own_blocks(record, reason)
        self._count(record, reason)
        if not reason:
            if self._feature_at is not None:
                check_transcripts(own, self._feature_at, report)
            if self.batch:
                self.batch.add(self._used(own))
                self.held += 1

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
        batch, rows = self.batch, self.rows
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
        self.held += sum(kept)
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
            record, self.rows, self._reader, labelled=self._labelled, has_cadd=self._has_cadd
        )

    def _count(self, record: VcfRecord, reason: str) -> None:
        """Take in the variant of a record, and why it is left out."""
        rows = self.rows
        rows.records += 1
        if reason:
            _leave_out(record, reason, rows, one_by_one=not self._labelled)
        else:
            look_at_bases(record, rows)
        name = f"{record.chrom}\r{record.pos}\r{record.ref}\r{record.alt}"
        rows.variants.add(record.chrom, name, is_kept=not reason)


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
