"""How much is missing: in a block, in a consequence, in a feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from amiss_tasks.describe._data import BlockData, share_of
from amiss_tasks.r.arrays import BoolArray

BLOCK_COLUMNS = (
    "rows",
    "variants",
    "positive",
    "negative",
    "missing_share",
    "complete_rows",
    "filled_missing_share",
    "filled_complete_rows",
)
CONSEQUENCE_COLUMNS = ("consequence", "rows", "variants", "positive", "negative", "missing_share")
MISSINGNESS_COLUMNS = ("feature", "consequence", "rows", "missing", "missing_share")
POSSIBLE_COLUMNS = ("cannot_exist", "missing_share_where_possible")
"""Further columns of what is missing of a feature, where some feature cannot exist everywhere."""

LEVEL_COLUMNS = ("feature", "level", "rows", "positive", "negative")


def gaps_of(data: BlockData) -> BoolArray:
    """Which values are missing; shape (rows, features), in the order of ``data.names``."""
    columns = [data.missing(name) for name in data.names]
    return np.column_stack(columns) if columns else np.zeros((data.rows, 0), np.bool_)


def block_row(data: BlockData) -> dict[str, Any]:
    """Sizes of a block, and what is missing before and after a-priori values are filled in.

    The second looks at numeric features only: what imputation methods meet.
    """
    gaps = gaps_of(data)
    a_priori = data.features.a_priori
    left = [data.missing(name) for name in data.numeric if name not in a_priori]
    filled = np.column_stack(left) if left else np.zeros((data.rows, 0), np.bool_)
    cells = data.rows * len(data.numeric)
    return {
        **_counts(data, np.ones(data.rows, np.bool_)),
        "missing_share": share_of(gaps),
        "complete_rows": int((~gaps.any(axis=1)).sum()),
        "filled_missing_share": float(filled.sum()) / cells if cells else None,
        "filled_complete_rows": int((~filled.any(axis=1)).sum()),
    }


def consequence_rows(data: BlockData) -> Iterator[dict[str, Any]]:
    """Sizes of each consequence, the largest first."""
    gaps = gaps_of(data)
    for name, rows in _by_consequence(data):
        yield {"consequence": name, **_counts(data, rows), "missing_share": share_of(gaps[rows])}


def missingness_rows(data: BlockData) -> Iterator[dict[str, Any]]:
    """What each feature lacks in each consequence (upstream's heat map)."""
    groups = list(_by_consequence(data))
    for feature in data.names:
        missing = data.missing(feature)
        for name, rows in groups:
            yield {
                "feature": feature,
                "consequence": name,
                "rows": int(rows.sum()),
                "missing": int(missing[rows].sum()),
                "missing_share": share_of(missing[rows]),
                **possible(data, feature, rows),
            }


def possible(data: BlockData, feature: str, rows: BoolArray) -> dict[str, Any]:
    """What of the missing values could not be there; nothing where no feature has such rows.

    Args:
        data: A block.
        feature: One of its features.
        rows: Which rows are meant.
    """
    if not data.impossible:
        return {}
    missing = data.missing(feature)
    impossible = data.impossible.get(feature, np.zeros(data.rows, np.bool_))
    found = (int((rows & impossible & missing).sum()), share_of(missing[rows & ~impossible]))
    return dict(zip(POSSIBLE_COLUMNS, found, strict=True))


def level_rows(data: BlockData) -> Iterator[dict[str, Any]]:
    """How often each level of a categorical feature occurs, the most frequent first."""
    for feature, values in data.text.items():
        levels = pd.Series(list(values), dtype=object)
        found = pd.Series(data.positive).groupby(levels, dropna=False).agg(["size", "sum"])
        ordered = found.sort_values("size", ascending=False, kind="stable")
        for level, rows, positive in ordered.itertuples():
            yield {
                "feature": feature,
                "level": None if pd.isna(level) else level,
                "rows": int(rows),
                "positive": int(positive),
                "negative": int(rows - positive),
            }


def _by_consequence(data: BlockData) -> Iterator[tuple[str, BoolArray]]:
    names = np.array(data.consequence, dtype=object)
    for name, _ in Counter(sorted(data.consequence)).most_common():
        yield name, names == name


def _counts(data: BlockData, rows: BoolArray) -> dict[str, int]:
    return {
        "rows": int(rows.sum()),
        "variants": len({data.variant[row] for row in np.flatnonzero(rows).tolist()}),
        "positive": int((rows & data.positive).sum()),
        "negative": int((rows & ~data.positive).sum()),
    }
