"""What is wrong with one record of a VCF, and why no combination can use it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from amiss_tasks.clinvar import DROPPED, REVIEW_TIERS
from amiss_tasks.stages.clinvar_2026 import only_other_class
from amiss_tasks.stages.columns.variants import Variants
from amiss_tasks.stages.files.report import FileReport, shown
from amiss_tasks.stages.read._result import ReadCounts
from amiss_tasks.stages.read._value_counts import ValueCounts
from amiss_tasks.stages.read.vcf import VcfReader, VcfRecord
from amiss_tasks.stages.values.parsing import MISSING

ANY_TIER = frozenset().union(*REVIEW_TIERS.values())
"""Values of CLNREVSTAT that some value of ``quality`` keeps."""

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

    def extend(self, later: VcfRows) -> None:
        """Take in what later lines have, but for a table."""
        self.variants.extend(later.variants)
        self.records += later.records
        self.blocks += later.blocks
        self.significance.extend(later.significance)
        self.review.extend(later.review)
        for reason, count in later.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count
        self.left_out += later.left_out
        self.lower_case_line = self.lower_case_line or later.lower_case_line
        self.indels |= later.indels
        self.snvs |= later.snvs


def counts_of(
    vcf: VcfRows, cadd_rows: int, *, vcf_rows: int, rows: int, variants: int
) -> ReadCounts:
    """How much was read and left out.

    Args:
        vcf: What the VCF holds.
        cadd_rows: Rows of the CADD tables.
        vcf_rows: Rows of the VCF that may join.
        rows: Rows that joined.
        variants: Their variants.
    """
    return ReadCounts(
        records=vcf.records,
        blocks=vcf.blocks,
        cadd_rows=cadd_rows,
        records_dropped=vcf.dropped,
        variants_without_cadd=vcf.variants.used() - variants,
        rows_without_cadd=vcf_rows - rows,
        review=vcf.review.counts,
        rows=rows,
        variants=variants,
    )


def reason_to_drop(
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


def look_at_bases(record: VcfRecord, rows: VcfRows) -> None:
    """Note what kind of variant a record is of, and where bases are in lower case."""
    if len(record.ref) == len(record.alt) == 1:
        rows.snvs = True
    else:
        rows.indels = True
    if not rows.lower_case_line and not (record.ref.isupper() and record.alt.isupper()):
        rows.lower_case_line = record.line


def repeated_transcripts(features: Sequence[str]) -> list[str]:
    """Which transcripts are there more than once.

    Args:
        features: ``Feature`` of each block of a record.
    """
    # VEP before 101 names a motif by its matrix, twice for two sites; CADD has transcripts only
    own = [name for name in features if not _REGULATORY.match(name)]
    if len(set(own)) == len(own):
        return []
    return sorted({name for name in own if own.count(name) > 1})


def check_transcripts(record: VcfRecord, feature_at: int, report: FileReport) -> None:
    """A transcript must not occur twice in a record: its rows could not be distinguished."""
    twice = repeated_transcripts([block[feature_at] for block in record.csq_blocks])
    if twice:
        report.fault(
            f"transcript {twice[0] or '(empty Feature)'} in two CSQ blocks of one record",
            key="transcript twice",
            line=record.line,
            noun="record",
            todo="run VEP again, or take one of the two blocks out",
        )
