"""Distribution and missingness of each feature, and how both differ between the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from amiss_tasks.describe._data import BlockData
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
    counts = _table(missing, positive)
    with_both = counts.sum(axis=0).all() and counts.sum(axis=1).all()
    return {
        "missing": int(missing.sum()),
        "missing_share": _share(missing),
        "missing_share_positive": _share(missing[positive]),
        "missing_share_negative": _share(missing[~positive]),
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
    of_class = {True: seen[labels], False: seen[~labels]}
    if len(of_class[True]):
        found["median_positive"] = float(np.median(of_class[True]))
    if len(of_class[False]):
        found["median_negative"] = float(np.median(of_class[False]))
    found["class_correlation"] = correlation(seen, labels)
    if len(of_class[True]) and len(of_class[False]) and found["distinct"] > 1:
        found["class_test"] = RANK_TEST
        found["class_p"] = float(stats.mannwhitneyu(of_class[True], of_class[False]).pvalue)
    return found


def _levels(values: Sequence[str | None], positive: BoolArray) -> dict[str, Any]:
    """Categorical values: how many, and whether the classes share them alike."""
    levels = sorted({value for value in values if value is not None})
    found: dict[str, Any] = {"distinct": len(levels)}
    texts = np.array(["" if value is None else value for value in values], dtype=object)
    known = np.array([value is not None for value in values], dtype=np.bool_)
    counts = np.array(
        [[(known & (texts == level) & (positive == side)).sum() for side in (True, False)]
         for level in levels]
    )  # fmt: skip
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


def _table(rows: BoolArray, columns: BoolArray) -> npt.NDArray[np.int64]:
    return np.array(
        [[(rows & columns).sum(), (rows & ~columns).sum()],
         [(~rows & columns).sum(), (~rows & ~columns).sum()]]
    )  # fmt: skip


def _share(missing: BoolArray) -> float | None:
    return float(missing.mean()) if len(missing) else None
