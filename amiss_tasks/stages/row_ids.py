"""Row ids as upstream writes them.

Source: upstream's S02, ``upstream-behaviour`` section 3 step 1 and defect D20.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

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
    columns = [[value or "NA" for value in table.text[name]] for name in (*KEYS, "Consequence.x")]
    if not as_text:
        columns[: len(VARIANT)] = _as_upstream(table, columns[0], columns[1])
    ids = [":".join(parts) for parts in zip(*columns, strict=True)]
    if len(set(ids)) < len(ids):
        twice = [row_id for row_id, count in Counter(ids).items() if count > 1]
        raise TaskFailure(
            f"duplicate 'row.names' are not allowed: {_some(twice)} (a variant, transcript and "
            "consequence may occur once; check the CADD table for duplicate rows)"
        )
    return ids


def _as_upstream(
    table: VariantTable, chromosome: list[str], position: list[str]
) -> list[list[str]]:
    """Chromosome, position and alleles as R's types of whole columns make them."""
    return [
        _padded(chromosome) if all(map(_is_whole, chromosome)) else chromosome,
        _padded(position),
        *(_typed(table.text[name]) for name in ("Ref", "Alt")),
    ]


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"[0-9]+", text) is not None


def _padded(values: Sequence[str]) -> list[str]:
    """Whole numbers as R formats a column of them: to the width of the widest."""
    plain = [str(int(value)) if _is_whole(value) else value for value in values]
    width = max(map(len, plain))
    return [value.rjust(width) for value in plain]


def _typed(values: Sequence[str | None]) -> list[str]:
    """Alleles as text, except that a column of nothing but T reads as logical (D20)."""
    if all(value in _LOGICAL for value in values if value is not None):
        return ["NA" if value is None else _LOGICAL[value] for value in values]
    return [value or "NA" for value in values]


def _some(values: Sequence[str]) -> str:
    """The first few of many, and how many more."""
    shown = ", ".join(f'"{value}"' for value in values[:_SHOWN])
    more = len(values) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
