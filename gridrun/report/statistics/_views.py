"""Failures three ways: left out, replaced by the reference, or as bad as can be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gridrun.report.statistics._scores import BoolArray, FloatArray, IntArray, Scale, Scores


class View(StrEnum):
    """What a part that failed counts as; so does one that is done without a value of the metric."""

    FALLBACK = "fallback"
    """The value of the reference in the same cell and fold: who uses a method that may fail has
    another one to fall back on (Wünsch et al. 2024, arXiv:2408.11594)."""
    SCORED = "scored only"
    """Nothing: cells and folds in which both have a value are compared."""
    WORST = "worst case"
    """The worst value that the metric can have, for the reference as well."""


@dataclass(frozen=True)
class Paired:
    """Methods beside the reference, in the cells and folds where a view has a value of both.

    Args:
        values: Of each method under the view, shape (cells, methods, folds).
        differences: Mean over cells of method - reference, shape (groups, methods, folds); NaN
            where a fold has no pair.
        pairs: Cells and folds with a pair, shape (groups, methods).
        refused: Cells and folds whose value would be one of the reference that there is not,
            shape (groups, methods).
    """

    values: FloatArray
    differences: FloatArray
    pairs: IntArray
    refused: IntArray


def paired(scores: Scores, reference: int | None, view: View, scale: Scale) -> Paired:
    """Put each method beside the reference, under a view of failures.

    Args:
        scores: The metric.
        reference: Position of the reference among the methods, None where it is not there.
        view: What failures count as.
        scale: The ends of the metric.
    """
    lacking = scores.lacking
    values = scores.values
    if view == View.WORST:
        values = np.where(lacking, scale.worst, values)
    if reference is None:
        missing: BoolArray = lacking if view == View.FALLBACK else np.zeros_like(lacking)
        nothing = np.full((len(scores.starts), *values.shape[1:]), np.nan)
        none = np.zeros(nothing.shape[:2], np.int64)
        return Paired(values, nothing, none, scores.sums(missing.sum(axis=2)))
    others = values[:, [reference], :]
    refused = np.zeros_like(lacking)
    if view == View.FALLBACK:
        values = np.where(lacking, others, values)
        refused = (lacking | np.isfinite(scores.values)) & lacking[:, [reference], :]
    off = values - others
    is_pair = np.isfinite(off)
    number = scores.sums(is_pair.astype(np.int64))
    with np.errstate(invalid="ignore"):
        differences = scores.sums(np.where(is_pair, off, 0.0)) / number
    pairs = number.sum(axis=2)
    return Paired(values, differences, pairs, scores.sums(refused.sum(axis=2)))
