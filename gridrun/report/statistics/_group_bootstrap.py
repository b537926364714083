"""Bootstrap by groups: metrics of test rows whose groups are drawn with replacement.

Rows of a group (say, the variants of a gene) are alike, so that rows drawn one by one would make
intervals too narrow. Groups are drawn whole: Field and Welsh 2007, Bootstrapping clustered data,
Journal of the Royal Statistical Society B 69:369-390; Cameron, Gelbach and Miller 2008,
Bootstrap-based improvements for inference with clustered errors, Review of Economics and
Statistics 90:414-427. A draw is a weight for each group: how often it was drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from gridrun.report.statistics._scores import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class GroupedRows:
    """Test rows of a part.

    Args:
        probability: Of being positive, shape (rows,).
        called: Whether the row is taken for positive.
        positive: Whether it is.
        group: Its group, a column of the weights.
    """

    probability: FloatArray
    called: BoolArray
    positive: BoolArray
    group: IntArray


def group_weights(groups: int, draws: int, seed: int) -> FloatArray:
    """How often each group is in the rows as they are, and in each of some draws.

    Args:
        groups: Number of groups, as many as each draw draws.
        draws: Number of draws.
        seed: Of numpy's generator.

    Returns:
        Shape (1 + draws, groups); ones in the first row.
    """
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), draws)
    return np.vstack([np.ones(groups), drawn])


def weighted_matthews(rows: GroupedRows, weights: FloatArray) -> FloatArray:
    """Matthews correlation of the predicted class and the class.

    0 where one of both is the same for all rows (Chicco and Jurman 2020, BMC Genomics 21:6).

    Args:
        rows: Of a part.
        weights: As of ``group_weights``.

    Returns:
        Of each draw, shape (1 + draws,).
    """
    kinds = 2 * rows.called.astype(np.int64) + rows.positive
    counts = np.zeros((weights.shape[1], 4))
    np.add.at(counts, (rows.group, kinds), 1)
    tn, fn, fp, tp = (weights @ counts).T
    size = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    found: FloatArray = np.zeros(len(size))
    np.divide(tp * tn - fp * fn, np.sqrt(size), out=found, where=size > 0)
    return found


def weighted_auc(rows: GroupedRows, weights: FloatArray) -> FloatArray:
    """Area under the ROC curve, ties counted half; NaN where a draw lacks a class.

    Args:
        rows: Of a part.
        weights: As of ``group_weights``.

    Returns:
        Of each draw, shape (1 + draws,).
    """
    from scipy.sparse import csr_array

    _, level = np.unique(rows.probability, return_inverse=True)
    level = _merged(level, rows.positive)
    shape = (int(level.max()) + 1, weights.shape[1])
    by_class = []
    for of in (rows.positive, ~rows.positive):
        ones = np.ones(int(of.sum()), np.float32)
        counts = csr_array((ones, (level[of], rows.group[of])), shape=shape)
        by_class.append(counts @ weights.T.astype(np.float32))
    positives, negatives = by_class
    below = np.cumsum(negatives, axis=0, dtype=np.float64) - negatives / 2
    pairs = positives.sum(axis=0, dtype=np.float64) * negatives.sum(axis=0, dtype=np.float64)
    won = np.einsum("ld,ld->d", positives, below)
    found: FloatArray = np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)
    return found


WEIGHTED: Mapping[str, Callable[[GroupedRows, FloatArray], FloatArray]] = MappingProxyType(
    {"matthews": weighted_matthews, "auc": weighted_auc}
)
"""Metrics that can be computed of weighted rows, by the names that a pipeline gives."""


def _merged(level: IntArray, positive: BoolArray) -> IntArray:
    """Levels in which neighbours whose rows are all of one class are one: pairs stay as they are.

    Args:
        level: Of each row, from 0 and without gaps, in the order of probabilities.
        positive: Class of each row.
    """
    rows = np.bincount(level)
    share = np.bincount(level, positive) / rows
    is_pure = (share == 0) | (share == 1)
    joins = np.zeros(len(rows), np.bool_)
    joins[1:] = is_pure[1:] & (share[1:] == share[:-1])
    merged: IntArray = (np.cumsum(~joins) - 1)[level]
    return merged
