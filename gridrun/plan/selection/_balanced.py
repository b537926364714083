"""The order in which blocks are drawn for a balanced sample: each the one least like all before.

A design is balanced if each value, each pair of values, each triple, occurs equally often. How
far it is from that can be read off its rows two by two: with :math:`d` the sum over the
parameters in which two rows agree of the parameter's number of values, the mean of
:math:`d^t` over all pairs of rows is least if and only if all groups of up to t values are
balanced (Xu 2003, Minimum moment aberration for nonregular designs and supersaturated designs,
Statistica Sinica 13: 691-708; t = 2 with these weights is the J2 criterion of Xu 2002, An
algorithm for constructing orthogonal and nearly-orthogonal arrays with mixed levels and small
runs, Technometrics 44: 356-368). Rows are added one by one, as columns are there, so every
beginning of the order is a design of its own, and a sample can grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from gridrun.plan.task_encoding import IntArray

WINDOW = 16_384
"""Blocks that are compared at a time: time and memory do not grow with the grid."""


def balanced(
    first: Sequence[int],
    others: Iterator[int],
    digits: Callable[[Sequence[int]], IntArray],
    sizes: Sequence[int],
) -> Iterator[int]:
    """Blocks in the order of a balanced sample.

    Args:
        first: Blocks that were drawn before.
        others: All others in the order that decides between equals; at random, by a seed.
        digits: From blocks to the positions of their values, shape ``(len(sizes), blocks)``.
        sizes: Number of values of each parameter.

    Yields:
        Each of the others once.
    """
    weights = np.asarray(sizes, np.int32)
    names = list(islice(others, WINDOW))
    window = digits(names)
    # sums of whole numbers: exact below 2**53, and so the same on every machine
    moments = np.zeros(len(names))
    turns = np.arange(len(names))
    drawn = digits(first)
    count = len(first)
    for row in drawn.T:
        moments += _moment(window, row, weights)
    while np.isfinite(moments.min(initial=np.inf)):
        # of equals the one whose turn comes first, wherever it stands: then an order that goes on
        # from its first blocks is the one that had never stopped
        equal = np.flatnonzero(moments == moments.min())
        at = int(equal[np.argmin(turns[equal])])
        row = window[:, at].copy()
        yield names[at]
        moments += _moment(window, row, weights)
        if count == drawn.shape[1]:
            drawn = np.concatenate([drawn, np.empty((len(row), count + WINDOW), np.int64)], axis=1)
        drawn[:, count] = row
        count += 1
        following = next(others, None)
        if following is None:
            moments[at] = np.inf
            continue
        names[at], turns[at] = following, turns.max() + 1
        window[:, at] = digits([following])[:, 0]
        moments[at] = _moment(drawn[:, :count], window[:, at], weights).sum()


def _moment(rows: IntArray, row: IntArray, weights: NDArray[np.int32]) -> NDArray[np.float64]:
    """Fourth power of how far each of some rows agrees with one."""
    agreement = np.zeros(rows.shape[1], weights.dtype)
    for values, value, weight in zip(rows, row, weights, strict=True):
        agreement += (values == value) * weight
    # of the fourth, for pairs are balanced by it as by the second, triples ten times better, and
    # they are what the interaction of two parameters passes for the effect of a third by
    square = np.square(agreement, dtype=np.float64)
    return np.square(square, out=square)
