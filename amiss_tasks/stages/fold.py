"""Stage fold: which rows of a block's training part a fold trains and tests on.

Source: upstream's S11, ``upstream-behaviour`` section 4. Not k-fold: each fold
is a draw of its own, and the draw is the *test* table (D1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from amiss_tasks.protocols import (
    FOLD_SEED,
    FOLD_TEST_SHARE,
    TRAINING_SHARE,
    UPSTREAM_PROTOCOL,
    Protocol,
    derived_seed,
)
from amiss_tasks.r.arrays import BoolArray, IntArray
from amiss_tasks.r.random import RRandom
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.stages.splits.draws import draw_groups, draw_rows

_OWN_SPLIT = frozenset({"draw_order", "split_by", "sampling"})
"""Switches that upstream's order of draws cannot serve."""


@dataclass(frozen=True)
class FoldRows:
    """Rows of one fold, as positions in the block's training part, counted from 0.

    Args:
        train: Rows that are trained on, in permuted order.
        test: Rows that are tested on; upstream's in the order drawn.
    """

    train: IntArray
    test: IntArray


def permutation(rows: int) -> IntArray:
    """The order in which upstream puts the training part before it draws folds.

    Args:
        rows: Number of rows.

    Returns:
        Original positions, counted from 0, in permuted order.
    """
    return RRandom(FOLD_SEED).sample(rows, rows)


@lru_cache(maxsize=64)
def drawn_for_test(rows: int, fold: int) -> IntArray:
    """The draw of one fold; depends on nothing but these two numbers.

    Args:
        rows: Number of rows of the training part.
        fold: Fold, counted from 1.

    Returns:
        Positions in the *permuted* table, counted from 0, in the order drawn.
    """
    generator = RRandom(FOLD_SEED)
    generator.sample(rows, rows)
    size = int(FOLD_TEST_SHARE * rows)
    # all folds are drawn from one generator: those before this one are drawn and thrown away
    for _ in range(fold - 1):
        generator.sample(rows, size)
    return generator.sample(rows, size)


def fold_rows(rows: int, fold: int) -> FoldRows:
    """Training and test rows of a fold, as upstream draws them.

    Args:
        rows: Number of rows of the block's training part.
        fold: Fold, counted from 1.

    Returns:
        Both as positions in the block's training part.
    """
    order = permutation(rows)
    drawn = drawn_for_test(rows, fold)
    kept = np.ones(rows, dtype=np.bool_)
    kept[drawn] = False
    return FoldRows(train=order[kept], test=order[drawn])


def rows_of_fold(part: BlockTable, fold: int, protocol: Protocol = UPSTREAM_PROTOCOL) -> FoldRows:
    """Training and test rows of a fold under a protocol.

    Args:
        part: The block's training part.
        fold: Fold, counted from 1.
        protocol: How the folds are drawn (D1, D6, D9, D22).

    Returns:
        Both as positions in the training part.
    """
    swapped = "fold_shares" not in protocol.corrected
    if not _OWN_SPLIT & protocol.corrected:
        found = fold_rows(part.rows, fold)
        return found if swapped else FoldRows(train=found.test, test=found.train)
    drawn = _drawn(part, fold, protocol)
    larger, smaller = np.flatnonzero(drawn), np.flatnonzero(~drawn)
    return FoldRows(smaller, larger) if swapped else FoldRows(larger, smaller)


def rows_of_group_fold(
    groups: IntArray, positive: BoolArray, fold: int, protocol: Protocol
) -> FoldRows:
    """Training and test rows of a fold whose parts share no group.

    Args:
        groups: Group of each row.
        positive: Outcome of each row.
        fold: Fold, counted from 1.
        protocol: How draws are seeded.

    Returns:
        Both as positions among the rows.
    """
    seed = _seed_of(fold, protocol)
    drawn = draw_groups(groups, positive, share=TRAINING_SHARE, seed=seed)
    return FoldRows(np.flatnonzero(drawn), np.flatnonzero(~drawn))


def _seed_of(fold: int, protocol: Protocol) -> int:
    return protocol.seed_of("fold", fold, derived_seed(FOLD_SEED, "fold", fold))


def _drawn(part: BlockTable, fold: int, protocol: Protocol) -> BoolArray:
    """The larger part of a fold; each fold has a seed of its own."""
    return draw_rows(
        part.variants(),
        part.positive,
        share=TRAINING_SHARE,
        seed=_seed_of(fold, protocol),
        by_group="split_by" in protocol.corrected,
        stratified="sampling" in protocol.corrected,
    )
