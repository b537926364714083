"""Whether a CSQ block is of its record's ALT, by the rules of VEP's field Allele.

If a file is split after VEP ran, a record keeps the blocks of all the alleles that it was
split from. Their scores are those of other variants.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from amiss_tasks.stages.files.report import FileReport, shown
from amiss_tasks.stages.read.vcf import VcfRecord

ALLELE = "Allele"
"""CSQ field that says which ALT a block is of."""

OTHER_ALLELES = "csq_of_other_alleles"
"""Key of ``study.yaml``: what happens to blocks of other alleles."""

REFUSE, LEAVE_OUT = "refuse", "leave_out"
"""Values of the key; the first one holds without it."""

LEFT_OUT = "every CSQ block is of another allele"
"""Why a record has no row then."""


def alleles_of(ref: str, alt: str) -> frozenset[str]:
    """How VEP may write an ALT in ``Allele``.

    Args:
        ref: REF as written.
        alt: ALT as written, one sequence of bases.

    Returns:
        In upper case: the ALT; the ALT without a first base that it shares with REF, as VEP
        writes insertions and deletions and what stood beside one; and the ALT without all
        that it shares with REF (``vep --minimal``). Nothing left is written as ``-``.
        Source: VEP's documentation of its output, field Allele, and of ``--minimal``.
    """
    ref, alt = ref.upper(), alt.upper()
    found = {alt}
    if ref[:1] == alt[:1]:
        found.add(alt[1:] or "-")
    start = _shared(ref, alt)
    ref, rest = ref[start:], alt[start:]
    end = _shared(ref[::-1], rest[::-1])
    found.add(rest[: len(rest) - end] or "-")
    return frozenset(found)


def _shared(one: str, other: str) -> int:
    """How many letters two texts begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def is_of_other_allele(record: VcfRecord, alleles: Sequence[str]) -> bool:
    """Whether some block is of another ALT than its record's.

    Args:
        record: The record.
        alleles: ``Allele`` of each of its blocks.
    """
    odd = [allele for allele in alleles if allele != record.alt]
    # most variants are of one base
    return bool(odd) and not alleles_of(record.ref, record.alt).issuperset(map(str.upper, odd))


class AlleleCheck:
    """Compares the blocks of records with their ALT.

    Args:
        at: Position of ``Allele`` in a block, None where the header has no such field.
        report: The file's report.
        leave_out: Whether blocks of other alleles are left out; they are refused otherwise.
    """

    def __init__(self, at: int | None, report: FileReport, *, leave_out: bool) -> None:
        self._at = at
        self._report = report
        self._leave_out = leave_out
        self._is_said = False

    def own_blocks(self, record: VcfRecord, reason: str = "") -> tuple[VcfRecord, str]:
        """Say which blocks of a record are of another ALT.

        Args:
            record: A record.
            reason: Why it is left out anyway; it is not looked at then.

        Returns:
            The record with the blocks that count, and why it is left out, or an empty text.
        """
        at, alt = self._at, record.alt
        # most variants are of one base
        if reason or (at is not None and all(block[at] == alt for block in record.csq_blocks)):
            return record, reason
        if at is None:
            self._cannot_check()
            return record, ""
        accepted = alleles_of(record.ref, alt)
        others = [block[at] for block in record.csq_blocks if block[at].upper() not in accepted]
        if not others:
            return record, ""
        self._say(record, others[0])
        if not self._leave_out:
            return record, ""
        own = [block for block in record.csq_blocks if block[at].upper() in accepted]
        return record._replace(csq_blocks=own), "" if own else LEFT_OUT

    def _cannot_check(self) -> None:
        if not self._is_said:
            self._report.note(
                f"CSQ has no {ALLELE}, so gridrun cannot check which ALT a block is of",
                todo=f"add {ALLELE} to what vep --fields names",
            )
        self._is_said = True

    def _say(self, record: VcfRecord, other: str) -> None:
        said = (
            f'a CSQ block is of allele "{shown(other)}", the ALT of its record is '
            f'"{shown(record.alt)}"'
        )
        if self._leave_out:
            self._report.note(
                f"{said}: such blocks are left out",
                key=OTHER_ALLELES,
                line=record.line,
                noun="record",
            )
        else:
            self._report.fault(
                said,
                key=OTHER_ALLELES,
                line=record.line,
                noun="record",
                todo="its scores are another variant's; split the records first (bcftools norm "
                f"-m-), then run VEP, or leave such blocks out: {OTHER_ALLELES}: {LEAVE_OUT}",
            )
