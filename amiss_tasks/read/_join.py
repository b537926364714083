"""The inner join of CADD and VCF rows, in the row order of R's ``merge`` (S01 steps 8 and 9)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.features import KEYS, NUMERIC_COLUMNS, TEXT_COLUMNS
from amiss_tasks.read._report import Report

_VCF_KEYS = ("CHROM", "POS", "REF", "ALT", "Feature")
_NA = "NA"
"""R pastes a missing key as this, so a row without a transcript joins one without."""

LINES = ("vcf_line", "cadd_line", "cadd_file")
"""Columns of the joined table that say where a row came from (``cadd_file``: 0 SNV, 1 indel)."""


def join(vcf: Any, cadd: Sequence[Any]) -> Any:
    """Join the rows of both sides.

    Args:
        vcf: Table of ``Batch.finish``.
        cadd: Tables of ``collect_cadd``, SNV first.

    Returns:
        Arrow table with ``KEYS``, ``TEXT_COLUMNS`` (text, null for NA),
        ``NUMERIC_COLUMNS`` (float64, NaN for NA) and ``LINES``, sorted by the
        five keys as text; rows equal in them stay in the order of the files.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    stacked = pa.concat_tables(
        table.append_column("cadd_file", pa.array(np.full(len(table), number, dtype=np.int64)))
        for number, table in enumerate(cadd)
    )
    at = pc.index_in(_pasted(stacked, KEYS), value_set=_pasted(vcf, _VCF_KEYS))
    is_found = at.is_valid()
    left = stacked.filter(is_found)
    right = vcf.take(at.filter(is_found)).rename_columns({"Consequence": "Consequence.y"})
    columns = {name: left[name] for name in left.column_names}
    columns |= {name: right[name] for name in right.column_names if name not in _VCF_KEYS}
    joined = pa.table(columns).select([*KEYS, *TEXT_COLUMNS, *NUMERIC_COLUMNS, *LINES])
    sort_keys = pa.table({name: pc.fill_null(joined[name], _NA) for name in KEYS})
    order = pc.sort_indices(sort_keys, sort_keys=[(name, "ascending") for name in KEYS])
    return joined.take(order).combine_chunks()


def check_unique(joined: Any, vcf: Any, vcf_report: Report, cadd_reports: Sequence[Report]) -> None:
    """Say which rows could not be told apart: upstream's row ids would not be unique.

    Args:
        joined: The joined table.
        vcf: Table of ``Batch.finish``.
        vcf_report: Report of the VCF.
        cadd_reports: Reports of the CADD tables, SNV first.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    used = pc.is_in(_pasted(vcf, _VCF_KEYS), value_set=_pasted(joined, KEYS))
    kept = vcf.filter(used)
    for first, second in _doubles(_pasted(kept, _VCF_KEYS)):
        lines = [kept["vcf_line"][index].as_py() for index in (first, second)]
        if lines[0] == lines[1]:
            continue  # one record names a transcript twice; said where it was read
        key = ":".join(kept[name][second].as_py() for name in _VCF_KEYS[:4])
        vcf_report.fault(
            f"lines {lines[0]} and {lines[1]} hold the same variant {key}",
            line=lines[1],
            key=("twice", *lines),
            todo="keep one of the two",
        )
    identity = pc.binary_join_element_wise(
        _pasted(joined, KEYS), pc.fill_null(joined["Consequence.x"], _NA), "\r"
    )
    for first, second in _doubles(pa.chunked_array([identity.combine_chunks()])):
        places = [
            (joined["cadd_file"][index].as_py(), joined["cadd_line"][index].as_py())
            for index in (first, second)
        ]
        report = cadd_reports[places[1][0]]
        where = f"lines {places[0][1]} and {places[1][1]}"
        if places[0][0] != places[1][0]:
            other: Path = cadd_reports[places[0][0]].file
            where = f"line {places[1][1]} and line {places[0][1]} of {other}"
        shown = ":".join(joined[name][second].as_py() or _NA for name in KEYS)
        report.fault(
            f"{where} have the same key {shown}",
            line=places[1][1],
            key=("twice", *places),
            todo="keep one of the two: amiss could not tell the rows apart",
        )


def _pasted(table: Any, names: Sequence[str]) -> Any:
    """The columns pasted as R's ``merge`` does."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*(pc.fill_null(table[name], _NA) for name in names), "\r")


def _doubles(keys: Any) -> list[tuple[int, int]]:
    """Pairs of positions with equal text, each with the first of its kind."""
    codes = keys.combine_chunks().dictionary_encode().indices.to_numpy()
    distinct, first = np.unique(codes, return_index=True)
    if len(distinct) == len(codes):
        return []
    is_first = np.zeros(len(codes), dtype=bool)
    is_first[first] = True
    return [(int(first[codes[index]]), int(index)) for index in np.flatnonzero(~is_first)]
