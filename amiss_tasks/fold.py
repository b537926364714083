"""Stage fold: which rows of a block's training part a fold trains and tests on.

Source: upstream's S11, ``upstream-behaviour`` section 4. Not k-fold: each fold
is a draw of its own, and the draw is the *test* table (D1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from amiss_tasks.protocols import FOLD_SEED, FOLD_TEST_SHARE
from amiss_tasks.rrandom import IntArray, RRandom


@dataclass(frozen=True)
class FoldRows:
    """Rows of one fold, as positions in the block's training part, counted from 0.

    Args:
        train: Rows that were not drawn, in permuted order.
        test: Rows that were drawn, in the order drawn.
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
    for _ in range(fold - 1):
        generator.sample(rows, size)
    return generator.sample(rows, size)


def fold_rows(rows: int, fold: int) -> FoldRows:
    """Training and test rows of a fold.

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
