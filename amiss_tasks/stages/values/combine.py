"""Features that are computed from several columns of a row, once the row has them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.features.sources import (
    DIFFERENCE,
    FIRST,
    MAX,
    MEAN,
    MIN,
    RATIO,
    SUM,
    parts_of,
)
from amiss_tasks.r.arrays import FloatArray
from amiss_tasks.stages.values.parsing import rounded


def _mean(columns: Sequence[FloatArray]) -> FloatArray:
    stacked = np.array(columns)
    known = (~np.isnan(stacked)).sum(axis=0)
    mean: FloatArray = np.nansum(stacked, axis=0) / known
    return mean


def _first(columns: Sequence[FloatArray]) -> FloatArray:
    found = columns[0]
    for other in columns[1:]:
        found = np.where(np.isnan(found), other, found)
    return found


_COMPUTED: Mapping[str, Callable[[Sequence[FloatArray]], FloatArray]] = {
    MAX: np.fmax.reduce,
    MIN: np.fmin.reduce,
    MEAN: _mean,
    SUM: lambda columns: np.sum(columns, axis=0),
    DIFFERENCE: lambda columns: columns[0] - columns[1],
    RATIO: lambda columns: columns[0] / columns[1],
    FIRST: _first,
}
"""Way of combining to its function; a missing value is NaN.

max, min, mean and first are of those that are there; the others are missing where one is.
"""

_EXACT = (MAX, MIN, FIRST)
"""Ways whose result is one of the values, and so has their digits."""


def add_combinations(joined: Any, features: FeatureSet) -> Any:
    """Compute the features that are combinations, in place of the columns they are made of.

    Args:
        joined: Table of the rows, with a column for each part of a combination.
        features: The study's features.

    Returns:
        The same rows with the features; NaN where there is none, or no finite one, as of a
        division by 0.
    """
    import pyarrow as pa

    # a table of no row did not get the columns of further tables
    for feature in features.features if len(joined) else ():
        if feature.combination is None:
            continue
        names = [part.name for part in parts_of(feature)]
        columns = [joined[name].to_numpy() for name in names]
        with np.errstate(all="ignore"):
            values = np.asarray(_COMPUTED[feature.combination.by](columns), np.float64)
        values = np.where(np.isfinite(values), values, np.nan)
        if feature.combination.by not in _EXACT:
            values = np.array([rounded(value) for value in values.tolist()], np.float64)
        joined = joined.drop_columns(names).append_column(
            feature.name, pa.chunked_array([pa.array(values, pa.float64())])
        )
    return joined
