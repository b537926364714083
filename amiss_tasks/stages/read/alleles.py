"""Whether a CSQ block is of its record's ALT, by the rules of VEP's field Allele.

Where a file is split after VEP ran, a record keeps the blocks of all the alleles that it
was split from, and their scores belong to other variants.
"""

from __future__ import annotations

from os.path import commonprefix

from amiss_tasks.stages.read._report import FileReport, shown
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
    start = len(commonprefix([ref, alt]))
    ref, rest = ref[start:], alt[start:]
    end = len(commonprefix([ref[::-1], rest[::-1]]))
    found.add(rest[: len(rest) - end] or "-")
    return frozenset(found)


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

    def own_blocks(self, record: VcfRecord) -> VcfRecord:
        """The record with the blocks of its ALT; says which blocks are of another one."""
        at, alt = self._at, record.alt
        if at is None:
            if not self._is_said:
                self._is_said = True
                self._report.note(
                    f"CSQ has no {ALLELE}, so gridrun cannot check which ALT a block is of",
                    todo=f"keep {ALLELE} among the fields of vep --fields",
                )
            return record
        # most variants are of one base
        if all(block[at] == alt for block in record.csq_blocks):
            return record
        accepted = alleles_of(record.ref, alt)
        own = [block for block in record.csq_blocks if block[at].upper() in accepted]
        if len(own) == len(record.csq_blocks):
            return record
        other = next(block[at] for block in record.csq_blocks if block[at].upper() not in accepted)
        said = f'a CSQ block is of allele "{shown(other)}", the ALT of its record is "{shown(alt)}"'
        if self._leave_out:
            self._report.note(
                f"{said}: left out", key=OTHER_ALLELES, line=record.line, noun="record"
            )
            return record._replace(csq_blocks=own)
        self._report.fault(
            said,
            key=OTHER_ALLELES,
            line=record.line,
            noun="record",
            todo="its scores are another variant's; split the records first (bcftools norm -m-), "
            f"then run VEP, or leave such blocks out: {OTHER_ALLELES}: {LEAVE_OUT}",
        )
        return record
