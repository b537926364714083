"""Why nothing of a VCF, or of a CADD table, is found in the other; values that are misplaced."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import numpy as np

from amiss_tasks.features.consequences import can_exist
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.stages.files.report import FileReport, shown
from amiss_tasks.stages.read._judged import VcfRows
from amiss_tasks.stages.read._table_rows import FoundRows
from gridrun.documents.tree import known_list
from gridrun.errors import WARNING, counted

_EXPECTED_LOSS = 0.1
"""Share of the variants with a star that may lack a row in CADD before it is a warning."""


def check_matches(
    rows: VcfRows,
    tables: Sequence[FoundRows],
    report: FileReport,
    cadd_reports: Sequence[FileReport],
) -> None:
    """Say where no variant or transcript of one side is on the other.

    Args:
        rows: What the VCF holds.
        tables: What the CADD tables hold, SNV first.
        report: Report of the VCF.
        cadd_reports: Reports of the CADD tables, SNV first.
    """
    kept = rows.variants.kept()
    if not kept:
        return  # said, with the reason, where the grid's filters are looked at
    chromosome = next(iter(rows.variants.chromosomes))
    if not any(table.found for table in tables):
        _no_variant(rows, kept, tables, chromosome, report)
    elif rows.lower_case_line:
        report.note(
            f"lower-case REF/ALT, first on line {rows.lower_case_line}: "
            "such variants cannot match CADD",
            line=rows.lower_case_line,
        )
    expected = (rows.snvs, rows.indels)
    for table, cadd_report, is_expected in zip(tables, cadd_reports, expected, strict=True):
        if not table.rows:
            cadd_report.note("holds 0 rows")
        elif not table.matching:
            _no_row(table, chromosome, cadd_report, is_expected=is_expected)


def _no_variant(
    rows: VcfRows, kept: int, tables: Sequence[FoundRows], chromosome: str, report: FileReport
) -> None:
    hints = [_prefix(chromosome, table.example[0]) for table in tables if table.example][:1]
    todo = "check that VCF and CADD tables are of the same variants and genome build"
    if any(hints):
        todo = "name the chromosomes alike in all three files: bcftools annotate --rename-chrs"
    if rows.lower_case_line:
        hints.append(f"lower-case REF/ALT, first on line {rows.lower_case_line}")
        todo = "write the bases in upper case, as CADD does"
    hint = "".join(f"; {part}" for part in hints if part)
    report.fault(f"0 of {counted(kept, 'variant')} found in CADD{hint}", todo=todo)


def _no_row(table: FoundRows, chromosome: str, report: FileReport, *, is_expected: bool) -> None:
    hint = _prefix(table.example[0], chromosome)
    detail = f"; {hint}" if hint else f", for example {shown(':'.join(table.example))}"
    message = f"0 of {counted(table.rows, 'row')} of this file match a variant{detail}"
    if is_expected:
        report.fault(
            message,
            todo="annotate the variants of this VCF with CADD: the same genome build, "
            "the same chromosome names",
        )
    else:
        # A VCF without indels may come with a table of indels, and the reverse.
        report.note(message)


def check_transcripts(vcf: Any, tables: Sequence[FoundRows], report: FileReport) -> None:
    """Say where variants were found, but none of their transcripts; nothing was joined then.

    Args:
        vcf: Transcripts of the VCF, an Arrow column.
        tables: What the CADD tables hold, SNV first.
        report: Report of the VCF.
    """
    import pyarrow.compute as pc

    theirs = next((table.transcript for table in tables if table.transcript), "")
    here = vcf.drop_null()
    if not theirs or not len(here):
        return
    mine = here[0].as_py()
    todo = "annotate with Ensembl transcripts (VEP without --refseq), as CADD does"
    if mine.startswith(("NM_", "NR_", "XM_")):
        todo = "CADD has Ensembl transcripts (ENST…): run VEP without --refseq"
    report.fault(
        f"0 of {counted(len(pc.unique(here)), 'transcript')} found in CADD: "
        f"{shown(mine)} here, {shown(theirs)} there",
        todo=todo,
    )


def lost_variants(vcf: Any, joined: Any) -> Any:
    """The variants that have no row in the joined table.

    Args:
        vcf: Table of ``Batch.finish``.
        joined: The joined table.

    Returns:
        Arrow table of line, chromosome and alleles of each.
    """
    import pyarrow.compute as pc

    alleles = vcf.select(("vcf_line", "CHROM", "REF", "ALT"))
    lost = alleles.filter(pc.invert(pc.is_in(alleles["vcf_line"], value_set=joined["vcf_line"])))
    # a variant has a row for each transcript
    return lost.group_by(lost.column_names).aggregate([])


def note_lost(
    lost: Sequence[Any],
    tables: Sequence[FoundRows],
    variants: tuple[int, str],
    report: FileReport,
) -> None:
    """Say which variants have no row in the joined table, and what lost them.

    Args:
        lost: Of ``lost_variants``, piece by piece.
        tables: What the CADD tables hold.
        variants: How many there are in the VCF, and what distinguishes them from others.
        report: Report of the VCF.
    """
    by_line = {row["vcf_line"]: row for piece in lost for row in piece.to_pylist()}
    if not by_line:
        return
    grave = WARNING if len(by_line) > _EXPECTED_LOSS * variants[0] else ""
    report.note(
        f"{grave}no row in CADD for {len(by_line)} of {counted(variants[0], 'variant')} "
        f"{variants[1]}: left out",
        line=min(by_line),
    )
    chromosomes = set().union(*(table.chromosomes for table in tables))
    for line, row in sorted(by_line.items()):
        found = _cause(row["CHROM"] or "NA", row["REF"] or "", row["ALT"] or "", chromosomes)
        if found:
            cause, todo = found
            report.note(cause, line=line, noun="variant", tail=" left out", todo=todo)


def note_misplaced(joined: Any, features: FeatureSet, report: FileReport) -> None:
    """Say which features have values on consequences on which they cannot exist.

    Args:
        joined: The joined table, with VEP's consequence of each row.
        features: The study's features.
        report: Report of the features file.
    """
    import pyarrow.compute as pc

    coded = joined["Consequence.y"].combine_chunks().dictionary_encode()
    consequences = [*coded.dictionary.to_pylist(), None]
    at = pc.fill_null(coded.indices, len(consequences) - 1).to_numpy()
    for feature in features.features if len(joined) else ():
        if not feature.applies_to:
            continue
        is_elsewhere = np.array([not can_exist(feature.applies_to, one) for one in consequences])
        column = joined[feature.name]
        known = ~np.isnan(column.to_numpy()) if feature.is_numeric else column.is_valid().to_numpy()
        rows = np.flatnonzero(known & is_elsewhere[at])
        if len(rows):
            report.sum_up(
                ("misplaced", feature.name),
                partial(_misplaced, feature.name),
                (len(rows),),
                (consequences[at[row]] or "none" for row in rows.tolist()),
                line=feature.line,
                todo="is a consequence missing from applies_to, or is it the score of another "
                "transcript? the values are used",
            )


def _misplaced(feature: str, sums: tuple[int, ...], consequences: list[str]) -> str:
    return (
        f'feature "{feature}" has a value in {counted(sums[0], "row")} whose consequence is none '
        f"that it applies to: {known_list(consequences, 3)}"
    )


def _cause(
    chromosome: str, ref: str, alt: str, chromosomes: Collection[str]
) -> tuple[str, str] | None:
    """Why CADD has no row of a variant, and what mends it; None where nothing tells."""
    if chromosome not in chromosomes:
        bare = chromosome.removeprefix("chr")
        bare = {"M": "MT", "MT": "M"}.get(bare, bare)
        for other in (chromosome.removeprefix("chr"), f"chr{chromosome}", bare, f"chr{bare}"):
            if other in chromosomes:
                todo = (
                    "name it alike in all files: bcftools annotate --rename-chrs names.txt, with "
                    f'the line "{chromosome} {other}" in names.txt'
                )
                return f"chromosome {chromosome} of the VCF is {other} in the CADD tables", todo
        return (
            f"the CADD tables have no row on chromosome {chromosome}",
            "annotate these variants with CADD as well",
        )
    if len(ref) != len(alt) and min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
        todo = "trim and left-align the VCF, then annotate it: bcftools norm -f reference.fa"
        return "an insertion or deletion ends with a base that CADD's scripts trim", todo
    return None


def _prefix(here: str, there: str) -> str:
    """How two chromosome names differ, when only one has the prefix ``chr``."""
    if here.startswith("chr") == there.startswith("chr"):
        return ""
    return f"{here} against {here.removeprefix('chr') if here.startswith('chr') else f'chr{here}'}"
