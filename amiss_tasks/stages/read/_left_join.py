"""Rows of a VCF with what its tables have for them, of all of it or of a piece.

Columns of a further table stand beside the rows; they are missing where it has no such row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np

from amiss_tasks.features.feature_set import KEYS, FeatureSet
from amiss_tasks.stages.files.report import FileReport, note_versions, refuse_two_versions, shown
from amiss_tasks.stages.read._join import check_rows, join, repeated_records, transcript_rows
from amiss_tasks.stages.read._judged import VcfRows
from amiss_tasks.stages.read._open import CADD_ROLES, Opened
from amiss_tasks.stages.read._table_rows import FoundRows
from amiss_tasks.stages.transcripts import Side, matches, pasted
from gridrun.errors import counted

TRANSCRIPT = KEYS[-1]
_LISTED = r"[;,&|]"


def joined_rows(
    vcf: VcfRows,
    tables: Sequence[FoundRows],
    others: Mapping[str, FoundRows],
    opened: Opened,
    tally: JoinTally,
) -> Any:
    """Join rows.

    Args:
        vcf: Rows of the VCF.
        tables: What the CADD tables have for its variants, SNV first; empty where there are none.
        others: Role to what a further table has for them.
        opened: The inputs; faults and notes go to their reports.
        tally: Takes in what can be judged only once all pieces are joined.

    Returns:
        Arrow table of ``join`` or ``transcript_rows`` with the features of all tables; of
        further ones only where there are rows.
    """
    reports, own = opened.reports, opened.features.without_tables
    if tables:
        cadd_reports = [reports[role] for role in CADD_ROLES if role in reports]
        cadd_tables = [table.table for table in tables]
        joined = join(vcf.table, cadd_tables, own, reports["vcf"], cadd_reports)
        check_rows(joined, cadd_reports)
    else:
        joined = transcript_rows(vcf.table, own, reports["vcf"])
    if vcf.variants.is_repeated():
        tally.repeated += repeated_records(joined, vcf.table)
    for role, found in others.items() if len(joined) else ():
        joined, at = _add_columns(joined, found, opened.features, role, reports)
        tally.take(role, joined, at)
    return joined


@dataclass
class JoinTally:
    """What is said once all pieces are joined.

    Args:
        repeated: Lines of records that give rows which could not be distinguished, and their
            variant.
        of_tables: Role of a further table to variants without a row in it, variants, rows without
            one, and rows.
        transcripts: Role of a table to the first transcript of the rows that it was joined to.
    """

    repeated: list[tuple[int, int, str]] = field(default_factory=list)
    of_tables: dict[str, tuple[int, ...]] = field(default_factory=dict)
    transcripts: dict[str, str] = field(default_factory=dict)

    def take(self, role: str, joined: Any, at: Any) -> None:
        """Take in a table's part in a piece.

        Args:
            role: Of the table.
            joined: The piece.
            at: Arrow array of positions of the table's rows; null where it has none.
        """
        import pyarrow.compute as pc

        lines = joined["vcf_line"]
        variants = len(pc.unique(lines))
        lost = variants - len(pc.unique(lines.filter(at.is_valid())))
        counts = (lost, variants, at.null_count, len(at))
        before = self.of_tables.get(role, (0,) * len(counts))
        self.of_tables[role] = tuple(map(sum, zip(before, counts, strict=True)))
        if not self.transcripts.get(role):
            named = joined[TRANSCRIPT].drop_null()
            self.transcripts[role] = named[0].as_py() if len(named) else ""

    def say(
        self, others: Mapping[str, FoundRows], reports: Mapping[str, FileReport], *, labelled: bool
    ) -> None:
        """Say it.

        Args:
            others: As in :func:`joined_rows`.
            reports: Role to report.
            labelled: Whether rows are to be trained on; a table that has nothing for any of them
                is refused then.
        """
        for first, line, variant in sorted(self.repeated, key=itemgetter(1)):
            reports["vcf"].fault(
                f"lines {first} and {line} hold the same variant {shown(variant)}",
                line=line,
                key=("twice", first, line),
                todo="keep one of the two",
            )
        for role, counts in self.of_tables.items():
            lost, variants, lost_rows, rows = counts
            if lost_rows == rows and labelled:
                _refuse(others[role], self.transcripts[role], reports[role])
            elif lost_rows:
                reports[role].note(
                    f"no row for {lost:,} of {counted(variants, 'variant')} ({lost_rows:,} of "
                    f"{counted(rows, 'row')}): the features that are read here are missing there"
                )


def _add_columns(
    joined: Any,
    found: FoundRows,
    features: FeatureSet,
    file: str,
    reports: Mapping[str, FileReport],
) -> tuple[Any, Any]:
    """Add the features of a table to the rows of a study.

    Args:
        joined: Table of ``join`` or ``transcript_rows``.
        found: What the table has for the variants.
        features: The study's features.
        file: Which of them are read from it.
        reports: Role to report, of the table and the VCF.

    Returns:
        The same rows in the same order, with a column for each of the features: null or NaN where
        the table has no row of that variant and, if it names transcripts, transcript. And where
        the table has the row of each.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    report = reports[file]
    here, there = joined.select(KEYS), found.table
    keys = [name for name in KEYS if name in there.column_names]
    if TRANSCRIPT in keys:
        _refuse_listed(there, report)
    names = [feature.name for feature in features.of(file)]
    there = _distinct(there, keys, names, report)
    if TRANSCRIPT in keys:
        at = _matched(joined, there, keys, report, reports["vcf"])
    else:
        at = pc.index_in(pasted(here, keys), value_set=pasted(there, keys))
    for feature in features.of(file):
        column = there[feature.name].take(at).combine_chunks()
        if feature.is_numeric:
            column = pc.fill_null(column, float("nan"))
        joined = joined.append_column(feature.name, pa.chunked_array([column]))
    return joined, at


def _refuse_listed(there: Any, report: FileReport) -> None:
    """Refuse a column with several transcripts in a cell: which value is whose is not said."""
    import pyarrow.compute as pc

    listed = pc.fill_null(pc.match_substring_regex(there[TRANSCRIPT], _LISTED), fill_value=False)
    for row in there.filter(listed).select((TRANSCRIPT, "line")).to_pylist():
        report.fault(
            f'"{shown(row[TRANSCRIPT])}" is a list of transcripts',
            key="listed",
            line=row["line"],
            noun="row",
            todo="write a row for each transcript; dbNSFP's lists are matched to transcripts by "
            "its plugin of VEP",
        )


def _matched(
    joined: Any, there: Any, keys: Sequence[str], report: FileReport, vcf_report: FileReport
) -> Any:
    """Positions in a table that names transcripts, whose versions need not be the VCF's."""
    import pyarrow as pa

    found = matches(Side(joined, keys, "the VCF"), Side(there, keys, "this table"))
    note_versions(found.notes, report)
    for side, line, pairs, of_side in (
        (joined, "vcf_line", found.twice_here, vcf_report),
        (there, "line", found.twice_there, report),
    ):
        for pair in pairs:
            names, lines = side.select((TRANSCRIPT, line)).take(pa.array(pair)).columns
            refuse_two_versions(tuple(names.to_pylist()), tuple(lines.to_pylist()), of_side)
    return found.at


def _distinct(there: Any, keys: Sequence[str], names: Sequence[str], report: FileReport) -> Any:
    """The rows of a table, each key once; a second one with other values is a fault."""
    import pyarrow as pa

    codes = pasted(there, keys).combine_chunks().dictionary_encode().indices.to_numpy()
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[which] != np.arange(len(codes)))
    if not len(again):
        return there
    rows = there.select((*keys, *names, "line"))
    for here, before in zip(
        rows.take(pa.array(again)).to_pylist(),
        rows.take(pa.array(first[which[again]])).to_pylist(),
        strict=True,
    ):
        if repr([here[name] for name in names]) == repr([before[name] for name in names]):
            report.note(
                "a key that another row has, with the same values; read once",
                line=here["line"],
                noun="row",
            )
            continue
        key = shown(":".join(str(here[name]) for name in keys))
        report.fault(
            f"lines {before['line']} and {here['line']} have the same key {key}, and other values",
            key="other values",
            line=here["line"],
            noun="row",
            todo="keep one of the two; if they are of two transcripts, name their column "
            "transcript",
        )
    return there.take(pa.array(np.sort(first)))


def _refuse(found: FoundRows, transcript: str, report: FileReport) -> None:
    """Refuse a table that has nothing for any row."""
    if found.found and TRANSCRIPT in found.table.column_names:
        theirs, mine = found.transcript or "none", transcript or "none"
        report.fault(
            f"none of its transcripts is one of the VCF's: {shown(theirs)} here, "
            f"{shown(mine)} there",
            todo="annotate with transcripts of the same database, or give the column of "
            "transcripts another name if the values are of variants",
        )
    else:
        example = f", for example {shown(':'.join(found.example))}" if found.example else ""
        report.fault(
            f"0 of {counted(found.rows, 'row')} of this table match a variant{example}",
            todo="name a table of the same variants and the same genome build",
        )
