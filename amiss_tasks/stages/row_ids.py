"""Row ids as upstream writes them.

Source: upstream's S02, ``upstream-behaviour`` section 3 step 1 and defect D20.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from amiss_tasks.features.feature_set import KEYS, VARIANT
from amiss_tasks.stages.table import VariantTable
from gridrun.pipeline import TaskFailure

_SHOWN = 5
_LOGICAL = {"T": "TRUE", "TRUE": "TRUE", "true": "TRUE", "True": "TRUE"} | {
    "F": "FALSE",
    "FALSE": "FALSE",
    "false": "FALSE",
    "False": "FALSE",
}


def row_ids(table: VariantTable, *, as_text: bool = False) -> list[str]:
    """Row ids of step 1, padded over all rows of the table (D20).

    Args:
        table: The block's rows.
        as_text: Take every part as it stands in the input instead.

    Raises:
        TaskFailure: An id occurs twice.
    """
    columns: list[list[str]] = []
    for name in (*KEYS, "Consequence.x"):
        values = table.text[name]
        named = {value: value or "NA" for value in values}
        if name in VARIANT and not as_text:
            named = _as_upstream(name, named)
        columns.append([named[value] for value in values])
    ids = list(map(":".join, zip(*columns, strict=True)))
    # 64 bits of each say that no two are alike, if they do
    hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
    if len(np.unique(hashes)) < len(ids) and len(set(ids)) < len(ids):
        twice = [row_id for row_id, count in Counter(ids).items() if count > 1]
        raise TaskFailure(
            f"duplicate 'row.names' are not allowed: {_some(twice)} (a variant, transcript and "
            "consequence may occur once; check the CADD table for duplicate rows)"
        )
    return ids


def _as_upstream(name: str, named: Mapping[str | None, str]) -> dict[str | None, str]:
    """What R's types of whole columns make of the values of chromosome, position or alleles.

    Args:
        name: Of the column.
        named: Its distinct values, and what they are as text.
    """
    if name in VARIANT[2:]:
        return _typed(named)
    if name == VARIANT[0] and not all(map(_is_whole, named.values())):
        return dict(named)
    plain = {value: str(int(text)) if _is_whole(text) else text for value, text in named.items()}
    # whole numbers as R formats a column of them: to the width of the widest
    width = max(map(len, plain.values()))
    return {value: text.rjust(width) for value, text in plain.items()}


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"[0-9]+", text) is not None


def _typed(named: Mapping[str | None, str]) -> dict[str | None, str]:
    """Alleles as text, except that a column of nothing but T reads as logical (D20)."""
    if all(value in _LOGICAL for value in named if value is not None):
        return {value: "NA" if value is None else _LOGICAL[value] for value in named}
    return dict(named)


def _some(values: Sequence[str]) -> str:
    """The first few of many, and how many more."""
    shown = ", ".join(f'"{value}"' for value in values[:_SHOWN])
    more = len(values) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
