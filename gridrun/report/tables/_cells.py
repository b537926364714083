"""How a value becomes text in a table: shortest decimals, NA and NaN kept apart."""

from __future__ import annotations

import math
from typing import Any


def cell(value: Any) -> str:
    """One CSV cell.

    Args:
        value: Text, number, or None for NA.

    Returns:
        ``NA`` for None, ``NaN`` and ``Inf`` as R reads them, the shortest
        decimals that give the same double back, text as it is but on one line.
    """
    if value is None:
        return "NA"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Inf" if value > 0 else "-Inf"
        return repr(value)
    return " ".join(str(value).split()) if isinstance(value, str) else str(value)
