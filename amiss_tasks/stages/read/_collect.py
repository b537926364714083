"""Looks at each VCF record once: what is left out, what is wrong, what goes on to be rows.

Source of what is kept: upstream's S01 steps 1 to 7 (the widest review tier; the
tiers of a combination are cut out later, by the filter stage).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np

from amiss_tasks.clinvar import DROPPED, REVIEW_TIERS
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
from amiss_tasks.stages.clinvar_2026 import only_other_class
from amiss_tasks.stages.columns.by_transcript import is_repeated
from amiss_tasks.stages.columns.coded import Coded
from amiss_tasks.stages.columns.variants import Variants
from amiss_tasks.stages.read._batch import Batch
from amiss_tasks.stages.read._column_lookup import check_lists, unmatched_lists
from amiss_tasks.stages.read._lines import Chunk
from amiss_tasks.stages.read._report import FileReport, shown
from amiss_tasks.stages.read._value_counts import ValueCounts, check_review, check_significance
from amiss_tasks.stages.read.alleles import ALLELE, AlleleCheck, has_other_alleles
from amiss_tasks.stages.read.vcf import VcfReader, VcfRecord
from amiss_tasks.stages.transcripts import NA, pasted
from amiss_tasks.stages.values.beside import Beside, beside_of
from amiss_tasks.stages.values.parsing import MISSING
from gridrun.errors import counted

ANY_TIER = frozenset().union(*REVIEW_TIERS.values())
"""Values of CLNREVSTAT that some value of ``quality`` keeps."""

VARIANT_FIELDS = ("CHROM", "POS", "REF", "ALT")
"""Columns of :class:`Batch` that name a variant."""

_BASES = frozenset("ACGTNacgtn")
REGULATORY = r"ENSR\d|ENSM\d|ENSPFM\d|MA\d+\.\d"
"""How identifiers of regulatory and motif features begin. Source: Ensembl's and JASPAR's."""

_REGULATORY = re.compile(REGULATORY)
_SPLIT = "split (bcftools norm -m-) the records first, then run VEP and CADD"


@dataclass(frozen=True)
class LeftOut:
    """A record that gives no row.

    Args:
        line: Its line, counted from 1.
        variant: CHROM, POS, REF and ALT as written.
        reason: Why.
    """

    line: int
    variant: tuple[str, str, str, str]
    reason: str


@dataclass
class VcfRows:
    """Rows of a VCF and what was met on the way.

    Args:
        table: Arrow table of the kept rows, see :class:`Batch`; None when only
            the records were looked at.
        variants: The variants of its records.
        records: Records read.
        blocks: CSQ blocks read.
        significance: Values of CLNSIG.
        review: Values of CLNREVSTAT.
        dropped: Reason to number of records that no combination can use.
        left_out: The same records one by one, where labels are not needed.
        lower_case_line: First kept line with lower-case bases, 0 when none.
        indels: Whether there are kept variants that are no SNV.
        snvs: Whether there are kept variants that are SNVs.
    """

    table: Any = None
    variants: Variants = field(default_factory=Variants)
    records: int = 0
    blocks: int = 0
    significance: ValueCounts = field(default_factory=ValueCounts)
    review: ValueCounts = field(default_factory=ValueCounts)
    dropped: dict[str, int] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    lower_case_line: int = 0
    indels: bool = False
    snvs: bool = False


def collect(
    reader: VcfReader,
    features: FeatureSet,
    most_records: int | None = None,
    *,
    labelled: bool = True,
    leave_out_other_alleles: bool = False,
    has_cadd: bool = True,
    usable: Callable[[Any], Any] | None = None,
    each: Callable[[Any, Sequence[LeftOut]], None] | None = None,
) -> VcfRows:
    """Read the records of a VCF.

    Args:
        reader: At its first record.
        features: The study's features.
        most_records: Only look for faults, in that many records; no table.
        labelled: Keep what a study can train on; False keeps what can be predicted,
            whether ClinVar knows it or not.
        leave_out_other_alleles: Leave out CSQ blocks of another ALT than their record's;
            they are a fault otherwise.
        has_cadd: Whether rows are to be joined to CADD tables.
        usable: Which rows of a table of :class:`Batch` are kept, as an Arrow array; None for all.
        each: Takes the rows of some records and those of them that are left out, in the order of
            the file; what is returned has none then.

    Returns:
        The rows; faults and notes are in the reader's report.
    """
    found = _Collector(
        reader,
        features,
        most_records,
        labelled=labelled,
        leave_out_other_alleles=leave_out_other_alleles,
        has_cadd=has_cadd,
        usable=usable,
        each=each,
    )
    return found.collect()


class _Collector:
    """Collects; the arguments are those of ``collect``."""

    def __init__(
        self,
        reader: VcfReader,
        features: FeatureSet,
        most_records: int | None,
        *,
        labelled: bool,
        leave_out_other_alleles: bool,
        has_cadd: bool,
        usable: Callable[[Any], Any] | None,
        each: Callable[[Any, Sequence[LeftOut]], None] | None,
    ) -> None:
        self._reader = reader
        self._each = each
        self._most_records = most_records
        self._labelled, self._has_cadd = labelled, has_cadd
        at = positions(reader.header.csq_fields, (*features.csq_fields, ALLELE, *MANE_FIELDS))
        self._rows = VcfRows()
        is_whole = most_records is None and _has_all(at, features)
        # what is to be predicted has no class that a null model could say
        beside = beside_of(reader.header.csq_fields, features) if labelled else Beside()
        self._batch = Batch(reader.report, at, features, beside, usable) if is_whole else None
        self._feature_at = at.get("Feature")
        self._lists = unmatched_lists(at, features)
        self._allele_at = at.get(ALLELE)
        self._alleles = AlleleCheck(
            self._allele_at, reader.report, leave_out=leave_out_other_alleles
        )

    def collect(self) -> VcfRows:
        """Read the records, chunk by chunk."""
        reader, rows = self._reader, self._rows
        for chunk in reader.chunks():
            if not self._take_plain(chunk):
                for record in reader.records(chunk):
                    self._take(record)
                    if rows.records == self._most_records:
                        return self._finish()
            if self._batch and self._each:
                self._hand_on(self._batch.taken())
        return self._finish()

    def _take(self, record: VcfRecord) -> None:
        """Take in a record, and say what is odd about it."""
        rows, report = self._rows, self._reader.report
        rows.blocks += len(record.csq_blocks)
        check_lists(record, self._lists, report)
        reason = self._reason(record)
        own, reason = self._alleles.own_blocks(record, reason)
        self._count(record, reason)
        if not reason:
            if self._feature_at is not None:
                _check_transcripts(own, self._feature_at, report)
            if self._batch:
                self._batch.add(own)

    def _take_plain(self, chunk: Chunk) -> bool:
        """Take in a chunk in whose blocks nothing is odd; False where nothing was taken."""
        batch, rows = self._batch, self._rows
        if batch is None or self._allele_at is None or self._feature_at is None:
            return False
        used = {*batch.used, *self._lists.values(), self._allele_at}
        plain = self._reader.plain(chunk, used)
        if plain is None:
            return False
        counts = np.array(plain.counts, np.intp)
        of_record = np.repeat(np.arange(len(counts)), counts)
        lists = (plain.blocks[position] for position in self._lists.values())
        if (
            any(column.any(lambda cell: "&" in cell) for column in lists)
            or has_other_alleles(plain.records, plain.blocks[self._allele_at], of_record)
            or is_repeated(plain.blocks[self._feature_at], of_record, _REGULATORY.match)
            or (cut := batch.cut(plain.blocks)) is None
        ):
            return False
        rows.blocks += int(counts.sum())
        kept = []
        for record in plain.records:
            reason = self._reason(record)
            self._count(record, reason)
            kept.append(not reason)
        is_kept = np.array(kept, np.bool_)
        if is_kept.any():
            chosen = np.flatnonzero(is_kept[of_record])
            records = list(compress(plain.records, kept))
            own = [column.with_codes(column.codes[chosen]) for column in cut]
            batch.add_cut(records, counts[is_kept], own)
        return True

    def _reason(self, record: VcfRecord) -> str:
        return _reason_to_drop(
            record, self._rows, self._reader, labelled=self._labelled, has_cadd=self._has_cadd
        )

    def _count(self, record: VcfRecord, reason: str) -> None:
        """Take in the variant of a record, and why it is left out."""
        rows = self._rows
        rows.records += 1
        if reason:
            _leave_out(record, reason, rows, one_by_one=not self._labelled)
        else:
            _look_at_bases(record, rows)
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
            if batch.is_narrow:
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


def _reason_to_drop(
    record: VcfRecord, rows: VcfRows, reader: VcfReader, *, labelled: bool, has_cadd: bool
) -> str:
    """Why no combination can use a record, or an empty text; says what is wrong with it."""
    report = reader.report
    line = record.line
    reasons: list[str] = []
    if not _BASES.issuperset(record.alt):
        reasons += _odd_alt(record.alt, line, report, has_cadd=has_cadd)
    if labelled:
        reasons += _unlabelled(record, rows, reader)
    if not record.csq_blocks and reader.header.csq:
        report.note("no CSQ; left out", line=line, noun="record")
        reasons.append("no CSQ")
    if not record.is_sound:
        reasons.append("CSQ block of another width")
    return reasons[0] if reasons else ""


def _unlabelled(record: VcfRecord, rows: VcfRows, reader: VcfReader) -> list[str]:
    """Why no combination can take a label from a record; tallies what ClinVar says of it."""
    report, line = reader.report, record.line
    instead = only_other_class(record.info)
    if instead:
        report.note(f"{instead}; left out", key=instead, line=line, noun="record")
        return [instead]
    reasons: list[str] = []
    review = record.info.get("CLNREVSTAT", "")
    if review in MISSING:
        reasons.append("no CLNREVSTAT")
        if "CLNREVSTAT" in reader.header.info:
            report.note("no CLNREVSTAT; left out", key="no CLNREVSTAT", line=line, noun="record")
    else:
        rows.review.add(review, line)
        if review not in ANY_TIER:
            reasons.append("no star in CLNREVSTAT")
    significance = record.info.get("CLNSIG", "")
    if significance in MISSING:
        reasons.append("no CLNSIG")
        if "CLNSIG" in reader.header.info:
            report.note("no CLNSIG; left out", key="no CLNSIG", line=line, noun="record")
    else:
        rows.significance.add(significance, line)
        if significance == DROPPED:
            reasons.append(f"CLNSIG={DROPPED}")
    return reasons


def _odd_alt(alt: str, line: int, report: FileReport, *, has_cadd: bool) -> list[str]:
    """Say what an ALT is that is not one sequence of bases."""
    if "," in alt:
        report.fault(
            "several alleles in ALT: amiss would lose the variant",
            line=line,
            noun="record",
            todo=_SPLIT,
        )
    else:
        report.note(
            f"ALT is {shown(alt)}",
            key=("ALT", shown(alt)),
            line=line,
            noun="variant",
            tail=" cannot match CADD" if has_cadd else " left out",
        )
    return ["ALT is not one sequence of bases"]


def _look_at_bases(record: VcfRecord, rows: VcfRows) -> None:
    if len(record.ref) == len(record.alt) == 1:
        rows.snvs = True
    else:
        rows.indels = True
    if not rows.lower_case_line and not (record.ref.isupper() and record.alt.isupper()):
        rows.lower_case_line = record.line


def _check_transcripts(record: VcfRecord, feature_at: int, report: FileReport) -> None:
    """A transcript must not occur twice in a record: its rows could not be distinguished."""
    blocks = record.csq_blocks
    if len(blocks) == 1:
        return
    # VEP before 101 names a motif by its matrix, twice for two sites; CADD has transcripts only
    features = [b[feature_at] for b in blocks if not _REGULATORY.match(b[feature_at])]
    if len(set(features)) == len(features):
        return
    twice = sorted({name for name in features if features.count(name) > 1})
    report.fault(
        f"transcript {twice[0] or '(empty Feature)'} in two CSQ blocks of one record",
        key="transcript twice",
        line=record.line,
        noun="record",
        todo="run VEP again, or take one of the two blocks out",
    )
