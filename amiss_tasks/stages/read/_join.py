"""The rows of a study in the order of R's ``merge`` (S01 steps 8 and 9): VCF and CADD joined.

Without CADD tables they are those of the VCF, one for each variant and transcript.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from amiss_tasks.features.feature_set import CONSEQUENCE, IS_MANE, KEYS, FeatureSet
from amiss_tasks.r.collation import AS_IN_C, text_key
from amiss_tasks.stages.files.report import FileReport, note_versions, refuse_two_versions, shown
from amiss_tasks.stages.read._judged import REGULATORY
from amiss_tasks.stages.table import is_beside
from amiss_tasks.stages.transcripts import NA, SEPARATOR, Side, matches, pasted
from gridrun.errors import counted

_VCF_KEYS = ("CHROM", "POS", "REF", "ALT", "Feature")
_TRANSCRIPT_LINE = ("Feature", "vcf_line")
_VCF_NAMES = {"Consequence.y": "Consequence"}
"""Columns that have another name on the VCF's side."""

LINES = ("vcf_line", "cadd_line", "cadd_file")
"""Columns of the joined table that say where a row came from (``cadd_file``: 0 SNV, 1 indel)."""


def join(
    vcf: Any,
    cadd: Sequence[Any],
    features: FeatureSet,
    report: FileReport,
    cadd_reports: Sequence[FileReport],
) -> Any:
    """Join the rows of both sides.

    Args:
        vcf: Table of ``Batch.finish``.
        cadd: Tables of ``collect_rows``, SNV first.
        features: The study's features.
        report: Report of the VCF, for transcripts that are matched without their versions.
        cadd_reports: Reports of the CADD tables, SNV first.

    Returns:
        Arrow table with ``KEYS``, the text columns of the features (null for NA),
        their numeric ones (float64, NaN for NA), ``IS_MANE`` and ``LINES``, sorted by the five
        keys as text, as R sorts it; rows equal in them stay in the order of the files.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    stacked = pa.concat_tables(
        table.append_column("cadd_file", pa.array(np.full(len(table), number, dtype=np.int64)))
        for number, table in enumerate(cadd)
    )
    found = matches(Side(stacked, KEYS, "CADD"), Side(vcf, _VCF_KEYS, "the VCF"))
    note_versions(found.notes, report)
    for pair in found.twice_here:
        rows = stacked.select((KEYS[-1], "cadd_file", "cadd_line")).take(pa.array(pair))
        names, files, lines = (column.to_pylist() for column in rows.columns)
        refuse_two_versions(tuple(names), tuple(lines), cadd_reports[files[1]])
    for pair in found.twice_there:
        names, lines = (vcf[name].take(pa.array(pair)).to_pylist() for name in _TRANSCRIPT_LINE)
        refuse_two_versions(tuple(names), tuple(lines), report)
    at = found.at
    left = np.flatnonzero(at.is_valid().to_numpy(zero_copy_only=False))
    right = at.take(pa.array(left)).to_numpy().astype(np.int64)
    keys = [pc.fill_null(stacked[name].take(left), NA) for name in KEYS]
    order = _as_merge_sorts(keys)
    # Column by column, in the final order at once: the tables are the largest thing in memory.
    left_rows, right_rows = pa.array(left[order]), pa.array(right[order])
    columns = {}
    beside = filter(is_beside, vcf.column_names)
    own = (*KEYS, *features.text_columns, *features.numeric_columns, IS_MANE)
    for name in (*own, *beside, *LINES):
        source = _VCF_NAMES.get(name, name)
        table, rows = (stacked, left_rows) if source in stacked.column_names else (vcf, right_rows)
        columns[name] = table[source].take(rows).combine_chunks()
    return pa.table(columns)


def transcript_rows(vcf: Any, features: FeatureSet, report: FileReport) -> Any:
    """The rows of a VCF that stands alone.

    Args:
        vcf: Table of ``Batch.finish``.
        features: The study's features; none is read from CADD.
        report: Report of the VCF.

    Returns:
        As :func:`join`, with VEP's consequence in the place of CADD's too, and without the
        lines of a CADD table. Regulatory features and motifs, which CADD's tables would not
        join, give no row.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.match_substring_regex(vcf["Feature"], f"^(?:{REGULATORY})")
    is_transcript = pc.invert(pc.fill_null(found, fill_value=False))
    rows = vcf.filter(is_transcript)
    if len(rows) < len(vcf):
        report.sum_up(
            "no transcripts",
            lambda sums, _: (
                "regulatory features and motifs are no transcripts and are left out "
                f"({counted(sums[0], 'CSQ block')})"
            ),
            (len(vcf) - len(rows),),
        )
    source = {**dict(zip(KEYS, _VCF_KEYS, strict=True)), **_VCF_NAMES, CONSEQUENCE: "Consequence"}
    keys = [pc.fill_null(rows[name], NA) for name in _VCF_KEYS]
    order = pa.array(_as_merge_sorts(keys))
    beside = filter(is_beside, vcf.column_names)
    own = (*KEYS, *features.text_columns, *features.numeric_columns, IS_MANE)
    names = (*own, *beside, LINES[0])
    return pa.table(
        {name: rows[source.get(name, name)].take(order).combine_chunks() for name in names}
    )


def _as_merge_sorts(keys: Sequence[Any]) -> Any:
    """Positions of rows in the order of their pasted keys, as R collates them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # what separates pasted keys comes before all they are made of, so one decides after the other;
    # cases do, for all keys, after the letters of all
    columns: list[list[Any]] = [[], []]
    for key in keys:
        if pc.all(pc.match_substring_regex(key, AS_IN_C)).as_py() is not False:
            columns[0].append(key)
            continue
        coded = key.combine_chunks().dictionary_encode()
        found: list[Any] = [text_key(text) for text in coded.dictionary.to_pylist()]
        for level, column in enumerate(columns):
            rank = {part: place for place, part in enumerate(sorted({k[level] for k in found}))}
            column.append(pa.array([rank[key[level]] for key in found]).take(coded.indices))
    sorted_by = {str(n): column for n, column in enumerate([*columns[0], *columns[1]])}
    order = [(name, "ascending") for name in sorted_by]
    return pc.sort_indices(pa.table(sorted_by), sort_keys=order).to_numpy()


def repeated_records(joined: Any, vcf: Any) -> list[tuple[int, int, str]]:
    """Which records of a VCF give rows that could not be distinguished: two lines, and a variant.

    Args:
        joined: The joined table.
        vcf: Table of ``Batch.finish``.
    """
    import pyarrow.compute as pc

    # What does not join is lost without harm, here as in upstream.
    kept = vcf.filter(pc.is_in(pasted(vcf, _VCF_KEYS), value_set=pasted(joined, KEYS)))
    first_at: dict[str, int] = {}
    found: dict[tuple[int, int], str] = {}
    lines = kept["vcf_line"].to_pylist()
    for key, line in zip(pasted(kept, _VCF_KEYS).to_pylist(), lines, strict=True):
        first = first_at.setdefault(key, line)
        if first != line:
            found.setdefault((first, line), ":".join(key.split(SEPARATOR)[:4]))
    return [(*pair, variant) for pair, variant in found.items()]


def check_rows(joined: Any, reports: Sequence[FileReport]) -> None:
    """Say which rows of the CADD tables could not be distinguished.

    Upstream names a row by the five keys and CADD's consequence, and stops
    when a name occurs twice.

    Args:
        joined: The joined table.
        reports: Reports of the CADD tables, SNV first.
    """
    import pyarrow.compute as pc

    if len(joined) < 2:  # noqa: PLR2004  # two rows are needed to be alike
        return
    is_like_last = np.ones(len(joined) - 1, dtype=bool)
    for name in KEYS:
        filled = pc.fill_null(joined[name], NA)
        alike = pc.equal(filled.slice(1), filled.slice(0, len(joined) - 1))
        is_like_last &= alike.to_numpy()
    in_group = np.flatnonzero(np.r_[is_like_last, False] | np.r_[False, is_like_last])
    columns = (*KEYS, "Consequence.x", "cadd_file", "cadd_line")
    seen: dict[tuple[str, ...], tuple[int, int]] = {}
    keys: set[tuple[str, ...]] = set()
    for row in joined.select(columns).take(in_group).to_pylist():
        identity = tuple(row[name] or NA for name in columns[:6])
        here = (row["cadd_file"], row["cadd_line"])
        there = seen.setdefault(identity, here)
        if there == here:
            if identity[:5] in keys:
                reports[here[0]].note(
                    "same key as another row, but another Consequence; both are kept, "
                    "in the order of the file (R's merge may order such rows otherwise)",
                    line=here[1],
                    noun="row",
                )
            keys.add(identity[:5])
            continue
        where = f"lines {there[1]} and {here[1]}"
        if there[0] != here[0]:
            where = f"line {here[1]} and line {there[1]} of {reports[there[0]].file}"
        reports[here[0]].fault(
            f"{where} have the same key {shown(':'.join(identity[:5]))}",
            line=here[1],
            key=("twice", there, here),
            todo="keep one of the two: amiss could not distinguish the rows",
        )
