"""Text to numbers as amiss has them after its CSV files: 15 significant digits, NA as NaN."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MISSING = ("", ".", "NA")
"""Text that stands for NA in a VCF: S01 step 6, and R's own NA."""

CADD_MISSING = ("", "NA")
"""Text that stands for NA in a CADD table; empty cells are noted."""

_DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_MOST_DIGITS = 15
"""Digits that upstream's CSV files keep; a longer text may hold more and is rounded."""


_MOST_POSITION = 2**31 - 1
"""Greatest position that VCF can hold, a 32-bit integer; no chromosome is a tenth as long."""


def plain_position(text: str) -> str | None:
    """A position without leading zeros, or None where the text is none."""
    if not (text.isascii() and text.isdecimal()):
        return None
    plain = text.lstrip("0") or "0"
    is_small = len(plain) <= len(str(_MOST_POSITION)) and int(plain) <= _MOST_POSITION
    return plain if is_small else None


def parse_numbers(
    cells: Sequence[str | None], missing: Sequence[str]
) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Parse a column of text.

    Args:
        cells: Text as it stands in the file, or an Arrow array of it; None is NA.
        missing: Text that stands for NA; text of blanks alone is NA as well.

    Returns:
        The values (float64, NaN for NA) and the positions of text that is no
        finite number; their values are NaN.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    text = text_array(cells, missing)
    try:
        numbers = text.cast(pa.float64())
    except pa.ArrowInvalid:
        return _parse_slowly(text.to_pylist())
    values: npt.NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    if text.null_count == len(text):
        return values, []
    is_known = text.is_valid().to_numpy(zero_copy_only=False)
    if not np.isfinite(values[is_known]).all():
        return _parse_slowly(text.to_pylist())
    # what was cast is ASCII
    if pc.max(pc.binary_length(text)).as_py() > _MOST_DIGITS:
        values = _round(values, text)
    return values, []


def _round(values: npt.NDArray[np.float64], text: Any) -> npt.NDArray[np.float64]:
    import pyarrow.compute as pc

    is_long = pc.fill_null(pc.greater(pc.utf8_length(text), _MOST_DIGITS), fill_value=False)
    values = values.copy()
    for index in np.flatnonzero(is_long.to_numpy(zero_copy_only=False)):
        values[index] = rounded(float(values[index]))
    return values


def rounded(value: float) -> float:
    """The value with 15 significant digits, as R's ``write.csv`` keeps it."""
    return float(f"{value:.{_MOST_DIGITS}g}")


def _parse_slowly(cells: Sequence[str | None]) -> tuple[npt.NDArray[np.float64], list[int]]:
    """One cell at a time, for columns that hold something odd."""
    values = np.full(len(cells), np.nan)
    bad: list[int] = []
    for index, cell in enumerate(cells):
        if cell is None or not cell.strip(" \t"):
            continue
        value = float(cell) if _DECIMAL.fullmatch(cell) else np.nan
        if np.isfinite(value):
            values[index] = rounded(value)
        else:
            bad.append(index)
    return values, bad


def text_array(cells: Sequence[str | None], missing: Sequence[str]) -> Any:
    """Text, or an Arrow array of it, as an Arrow array of strings, with null for NA."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = cells if isinstance(cells, pa.Array) else pa.array(cells, pa.string())
    return pc.if_else(pc.is_in(text, pa.array(missing, pa.string())), None, text)
