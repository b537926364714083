"""The table of joined rows that ``read`` keeps and ``filter`` cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amiss_tasks.r.arrays import FloatArray


@dataclass(frozen=True)
class VariantTable:
    """One row per variant and transcript, in the row order of R's ``merge``.

    Args:
        text: Column name to values, for the keys (``feature_set.KEYS``) and the
            text columns of the study's features; None is NA.
        numeric: Column name to float64 values of their numeric columns; NaN is
            NA. Values have at most 15 significant digits, since upstream passes
            them through a CSV file.
        rows: Number of rows.
    """

    text: Mapping[str, list[str | None]]
    numeric: Mapping[str, FloatArray]
    rows: int
