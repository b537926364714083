"""Random splits of rows that keep variants together or classes in proportion.

What protocol switches ``split_by`` (D9) and ``sampling`` (D22) ask of the split
into training and test part and of the folds. Repeated random splits, as
upstream has them, not k-fold.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from amiss_tasks.r.arrays import BoolArray, IntArray
from amiss_tasks.r.random import RRandom
from amiss_tasks.stages.columns.words import numbers_of

_ROUNDING = 1e-12
"""What a sum of squared shares may differ by for want of digits."""


def draw_rows(
    groups: Sequence[Hashable],
    positive: BoolArray,
    *,
    share: float,
    seed: int,
    by_group: bool,
    stratified: bool,
) -> BoolArray:
    """Draw a share of the rows without replacement.

    Args:
        groups: Group of each row (its variant).
        positive: Outcome of each row, shape (rows,).
        share: Share that is drawn: of the rows, or of the groups.
        seed: Seed of R's generator.
        by_group: Whether the rows of a group stay together.
        stratified: Whether the share is drawn within each class. A group is
            positive when most of its rows are.

    Returns:
        Whether each row is drawn, shape (rows,). Numbers are rounded to the
        nearest, but where there are two or more, one at least is drawn and one
        is left.
    """
    group = numbers_of(groups) if by_group else np.arange(len(positive))
    rows = np.bincount(group)
    majority = 2 * np.bincount(group[positive], minlength=len(rows)) > rows
    strata = [majority, ~majority] if stratified else [np.ones(len(rows), dtype=np.bool_)]
    generator = RRandom(seed)
    drawn = np.zeros(len(rows), dtype=np.bool_)
    for stratum in strata:
        positions = np.flatnonzero(stratum)
        drawn[positions[generator.sample(len(positions), _size(len(positions), share))]] = True
    found: BoolArray = drawn[group]
    return found


def draw_groups(groups: IntArray, positive: BoolArray, *, share: float, seed: int) -> BoolArray:
    """Draw groups so that their rows are a share of each class, as nearly as whole groups allow.

    Groups are taken in random order. One goes to the other part if the smaller part's shares of
    both classes are then nearer to those wanted (by the sum of squares); all begin in the larger
    part, and the round is repeated until no group moves. So parts have nearly the same size
    whatever the sizes of the groups. A group with more than twice what the smaller part is to have
    is never in it.

    Args:
        groups: Group of each row, from 0.
        positive: Outcome of each row, shape (rows,).
        share: Share of the rows of each class that the larger part is to have.
        seed: Seed of R's generator.

    Returns:
        Whether each row is in the larger part, shape (rows,).
    """
    classes = np.column_stack([positive, ~positive])
    rows = np.zeros((int(groups.max()) + 1, classes.shape[1]))
    np.add.at(rows, groups, classes)
    # a class without rows has no share
    shares = rows / np.maximum(rows.sum(axis=0), 1)
    lacking = np.where(rows.sum(axis=0) > 0, 1 - share, 0.0)
    present = np.flatnonzero(rows.sum(axis=1))
    order = present[RRandom(seed).sample(len(present), len(present))].tolist()
    in_smaller = np.zeros(len(rows), dtype=np.bool_)
    moves = True
    while moves:
        moves = False
        for group in order:
            left = lacking + shares[group] if in_smaller[group] else lacking - shares[group]
            # by more than rounding, so that no group goes to and fro
            if (left**2).sum() < (lacking**2).sum() - _ROUNDING:
                in_smaller[group] = ~in_smaller[group]
                lacking, moves = left, True
    return ~in_smaller[groups]


def _size(number: int, share: float) -> int:
    least, most = (1, number - 1) if number > 1 else (0, number)
    return min(max(round(number * share), least), most)
