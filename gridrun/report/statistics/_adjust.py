"""Several tests at once: p values that hold for all of a declared family."""

from __future__ import annotations

import numpy as np

from gridrun.report.statistics._scores import FloatArray


def holm(p_values: FloatArray) -> FloatArray:
    """Holm's adjusted p values of one family, by ``statsmodels``.

    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6:65-70. It holds under any dependence between the tests.

    Args:
        p_values: All of the family, shape (tests,); NaN for a test that could not be made, which
            does not count.

    Returns:
        Same shape, NaN where the argument is.
    """
    from statsmodels.stats.multitest import multipletests

    adjusted = np.full(len(p_values), np.nan)
    is_there = np.isfinite(p_values)
    if is_there.any():
        adjusted[is_there] = multipletests(p_values[is_there], method="holm")[1]
    return adjusted
