"""Distribution and missingness of each feature, and how both differ between the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from amiss_tasks.describe._data import BlockData, share_of
from amiss_tasks.describe._missing import possible
from amiss_tasks.r.arrays import BoolArray, FloatArray

FEATURE_COLUMNS = (
    "feature",
    "type",
    "a_priori",
    "rows",
    "missing",
    "missing_share",
    "missing_share_positive",
    "missing_share_negative",
    "missingness_correlation",
    "missingness_p",
    "missingness_p_adjusted",
    "distinct",
    "mean",
    "sd",
    "min",
    "q1",
    "median",
    "q3",
    "max",
    "median_positive",
    "median_negative",
    "class_correlation",
    "class_test",
    "class_least_expected",
    "class_p",
    "class_p_adjusted",
)

RANK_TEST, TABLE_TEST = "Mann-Whitney U", "chi-squared"
"""How the values of a numeric and of a categorical feature are compared between classes."""

_ADJUSTED = ("missingness_p", "class_p")


def feature_rows(data: BlockData) -> list[dict[str, Any]]:
    """One row for each feature.

    Missingness and class are held against each other by Fisher's exact test; p values are
    adjusted over the features of the block (Benjamini and Hochberg 1995).
    """
    rows = []
    for name in data.names:
        row: dict[str, Any] = dict.fromkeys(FEATURE_COLUMNS)
        row |= {"feature": name, "a_priori": data.features.a_priori.get(name), "rows": data.rows}
        row |= _missingness(data.missing(name), data.positive)
        row |= possible(data, name, np.ones(data.rows, np.bool_))
        if name in data.numeric:
            row |= {"type": "numeric", **_numbers(data.numeric[name], data.positive)}
        else:
            row |= {"type": "categorical", **_levels(data.text[name], data.positive)}
        rows.append(row)
    for column in _ADJUSTED:
        known = [row for row in rows if row[column] is not None]
        if known:
            adjusted = stats.false_discovery_control([row[column] for row in known])
            for row, value in zip(known, adjusted, strict=True):
                row[f"{column}_adjusted"] = float(value)
    return rows


def _missingness(missing: BoolArray, positive: BoolArray) -> dict[str, Any]:
    counts = _by_class(missing, positive, [True, False])
    with_both = counts.sum(axis=0).all() and counts.sum(axis=1).all()
    return {
        "missing": int(missing.sum()),
        "missing_share": share_of(missing),
        "missing_share_positive": share_of(missing[positive]),
        "missing_share_negative": share_of(missing[~positive]),
        "missingness_correlation": correlation(missing, positive),
        "missingness_p": float(stats.fisher_exact(counts).pvalue) if with_both else None,
    }


def _numbers(values: FloatArray, positive: BoolArray) -> dict[str, Any]:
    here = ~np.isnan(values)
    seen, labels = values[here], positive[here]
    found: dict[str, Any] = {"distinct": len(np.unique(seen))}
    if not len(seen):
        return found
    # R's own kind of quartiles (type 7) is numpy's as well
    low, q1, median, q3, high = (float(q) for q in np.quantile(seen, (0, 0.25, 0.5, 0.75, 1)))
    found |= {"mean": float(seen.mean()), "min": low, "q1": q1, "median": median, "q3": q3}
    found |= {"max": high, "sd": float(seen.std(ddof=1)) if len(seen) > 1 else None}
    of_class = {"positive": seen[labels], "negative": seen[~labels]}
    medians = {f"median_{name}": float(np.median(of)) for name, of in of_class.items() if len(of)}
    found |= {**medians, "class_correlation": correlation(seen, labels)}
    if len(medians) == len(of_class) and found["distinct"] > 1:
        found["class_test"] = RANK_TEST
        found["class_p"] = float(stats.mannwhitneyu(*of_class.values()).pvalue)
    return found


def _levels(values: Sequence[str | None], positive: BoolArray) -> dict[str, Any]:
    """Categorical values: how many, and whether the classes share them alike."""
    levels = sorted({value for value in values if value is not None})
    found: dict[str, Any] = {"distinct": len(levels)}
    counts = _by_class(values, positive, levels)
    if len(levels) > 1 and counts.sum(axis=0).all():
        tested = stats.chi2_contingency(counts, correction=False)
        found |= {"class_test": TABLE_TEST, "class_p": float(tested.pvalue)}
        # what the approximation by a chi-squared distribution is judged by
        found["class_least_expected"] = float(tested.expected_freq.min())
    return found


def correlation(values: npt.NDArray[Any], positive: BoolArray) -> float | None:
    """Pearson's correlation with the class (positive is 1); None where one of them is constant."""
    pair = np.vstack([values, positive]).astype(np.float64)
    if not pair.shape[1] or not np.ptp(pair, axis=1).all():
        return None
    found = float(stats.pearsonr(*pair).statistic)
    return None if math.isnan(found) else found


def _by_class(values: Any, positive: BoolArray, levels: list[Any]) -> npt.NDArray[np.int64]:
    """Number of rows of each level in each class, the positive one first."""
    found = pd.crosstab(pd.Series(values, dtype=object), positive)
    return found.reindex(index=levels, columns=[True, False], fill_value=0).to_numpy(np.int64)
