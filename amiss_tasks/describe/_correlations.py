"""Correlations between numeric features: of values, of missingness, and of one with the other.

Source: upstream's ``plot_observed_correlations``, ``plot_missingness_correlations`` and
``plot_missingness_vs_observed_correlations``, over all rows and within each class.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd

from amiss_tasks.describe._data import BlockData

CORRELATION_COLUMNS = ("kind", "class", "feature", "other", "n", "correlation")

VALUES, MISSINGNESS, MIXED = "values", "missingness", "missingness with values"
"""What is correlated: two values, whether two are missing, whether one is missing with the
value of the other. Rows count that have the values.
"""


def correlation_rows(data: BlockData) -> Iterator[dict[str, Any]]:
    """Pearson's correlation of each pair; None where it is not defined."""
    names = list(data.numeric)
    if not names:
        return
    everything = np.ones(data.rows, np.bool_)
    for label, rows in (
        ("all", everything),
        ("positive", data.positive),
        ("negative", ~data.positive),
    ):
        values = np.column_stack([data.numeric[name][rows] for name in names])
        seen = ~np.isnan(values)
        both = np.hstack([values, (~seen).astype(float)])
        found = pd.DataFrame(both).corr(min_periods=2).to_numpy()
        shared = seen.T.astype(np.int64) @ seen.astype(np.int64)
        count = len(names)
        each_two = list(combinations(range(count), 2))
        # of a feature's own value nothing is known where it is missing
        each_other = permutations(range(count), 2)
        for kind, i, j, n, r in (
            *((VALUES, i, j, shared[i, j], found[i, j]) for i, j in each_two),
            *((MISSINGNESS, i, j, len(values), found[count + i, count + j]) for i, j in each_two),
            *((MIXED, i, j, shared[j, j], found[count + i, j]) for i, j in each_other),
        ):
            value = None if math.isnan(r) else float(r)
            row = (kind, label, names[i], names[j], int(n), value)
            yield dict(zip(CORRELATION_COLUMNS, row, strict=True))
