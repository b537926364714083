"""Parts that failed: how many, and the frame with the value of the reference in their place."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gridrun.report.statistics._scores import DONE, FAILED, BoolArray


def is_lacking(frame: pd.DataFrame, metric: str) -> BoolArray:
    """Which parts have an end and no value of the metric, shape (parts,).

    Args:
        frame: One row for each part, with ``state`` and the metric.
        metric: Its column.
    """
    values = frame[metric].to_numpy(np.float64)
    found: BoolArray = ~np.isfinite(values) & frame["state"].isin((DONE, FAILED)).to_numpy()
    return found


def fallen_back(frame: pd.DataFrame, metric: str, reference: str) -> tuple[pd.DataFrame, int]:
    """Give parts that have an end and no value that of the reference, as ``View.FALLBACK`` does.

    Args:
        frame: One row for each part, with ``cell``, ``fold``, ``method``, ``state`` and the metric.
        metric: Column that is completed.
        reference: Name of the method.

    Returns:
        The frame with the values, whose parts count as done; how many parts have none all the
        same, since the reference has none in their cell and fold.
    """
    values = frame[metric].to_numpy(np.float64, copy=True)
    lacking = is_lacking(frame, metric)
    fold = frame["fold"].to_numpy()
    place = frame["cell"].to_numpy() * (int(fold.max(initial=0)) + 1) + fold
    own = (frame["method"] == reference).to_numpy() & np.isfinite(values)
    known = pd.Series(values[own], index=place[own])
    values[lacking] = known.reindex(place[lacking]).to_numpy()
    completed = frame.copy(deep=False)
    completed[metric] = values
    is_done = (frame["state"] == DONE).to_numpy() | (lacking & np.isfinite(values))
    completed["state"] = np.where(is_done, DONE, "no value")
    return completed, int(np.isnan(values[lacking]).sum())
