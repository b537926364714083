"""Several tests at once: p values that hold for all of a declared family."""

from __future__ import annotations

import numpy as np

from gridrun.report.statistics._scores import FloatArray


def holm(p_values: FloatArray) -> FloatArray:
    """Holm's adjusted p values of one family.

    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6:65-70. It holds under any dependence between the tests.

    Args:
        p_values: All of the family, shape (tests,); NaN for a test that could not be made, which
            does not count.

    Returns:
        Same shape, NaN where the argument is.
    """
    # statsmodels' multipletests goes over all objects of the process at each call (gc.collect),
    # which takes longer than all other statistics of a report
    adjusted = np.full(len(p_values), np.nan)
    found = np.flatnonzero(np.isfinite(p_values))
    order = found[np.argsort(p_values[found])]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
