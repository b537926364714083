"""The columns that R's xgboost draws for each tree, from R's random numbers.

In R, xgboost takes its random numbers from R's generator: one when the first
tree begins (a seed that R's build then ignores), and for each tree those of
C++'s ``std::shuffle`` over all columns, of which the first ``share`` are used.
Python's xgboost has a generator of its own, so the choice is made here, and
handed to it as weights. Source: xgboost 1.7 ``src/common/random.h``; libstdc++
11 and later, ``std::shuffle`` and ``uniform_int_distribution``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss_tasks.r.arrays import BoolArray, FloatArray

FIRST_DRAWS = 1
"""Numbers that a fit takes before its first tree, whether it samples columns or not."""

_ENGINE_MAX = float(2**32 - 1)  # R's xgboost: floor of uniform times this
_WORD = np.uint64(2**32)
_SPARE = 4


@dataclass(frozen=True)
class ColumnSamples:
    """Columns of each tree of a fit.

    Args:
        chosen: Which columns a tree may use, shape (rounds, columns).
        draws: Uniform numbers that the fit takes for them, the first one included.
    """

    chosen: BoolArray
    draws: int


def sample_columns(
    uniforms: Callable[[int], FloatArray], rounds: int, columns: int, share: float
) -> ColumnSamples:
    """Columns that R's xgboost uses in each tree of one fit.

    Args:
        uniforms: Gives the first so many uniform numbers of the fit.
        rounds: Number of trees.
        columns: Number of columns.
        share: ``colsample_bytree``, below 1.

    Returns:
        The columns of each tree, and how many numbers they took.
    """
    ranges = np.array(_ranges(columns), dtype=np.uint64)
    wanted = rounds * len(ranges)
    spare = _SPARE
    while True:
        numbers = uniforms(FIRST_DRAWS + wanted + spare)[FIRST_DRAWS:]
        found = _below(np.floor(numbers * _ENGINE_MAX).astype(np.uint64), ranges, rounds)
        if found is not None:
            break
        spare *= 8
    values, rejected = found
    size = max(1, int(np.float32(share) * columns))
    chosen = np.zeros((rounds, columns), dtype=np.bool_)
    chosen[np.arange(rounds)[:, None], _shuffled(values, columns)[:, :size]] = True
    return ColumnSamples(chosen, FIRST_DRAWS + wanted + rejected)


def _ranges(columns: int) -> list[int]:
    """Range of each number that one shuffle draws.

    Positions are swapped two at a time with one number for both; with an even
    number of columns the first swap stands alone.
    """
    first = [2] if columns % 2 == 0 else []
    return first + [(at + 1) * (at + 2) for at in range(1 + len(first), columns, 2)]


def _below(
    words: npt.NDArray[np.uint64], ranges: npt.NDArray[np.uint64], rounds: int
) -> tuple[npt.NDArray[np.int64], int] | None:
    """Numbers below the ranges, by multiplication and rejection (Lemire).

    Args:
        words: 32-bit numbers in the order drawn.
        ranges: Of one round, in order.
        rounds: How often they come.

    Returns:
        Shape (rounds, ranges), and how many words were rejected; None when the
        words do not suffice.
    """
    bounds = np.tile(ranges, rounds)
    limits = (_WORD - bounds) % bounds
    rejected = 0
    while len(words) >= len(bounds):
        products = words[: len(bounds)] * bounds
        refused = np.flatnonzero(products % _WORD < limits)
        if not len(refused):
            return (products // _WORD).astype(np.int64).reshape(rounds, len(ranges)), rejected
        # what comes after a refused word moves up, and meets other bounds
        words = np.delete(words, refused[0])
        rejected += 1
    return None


def _shuffled(values: npt.NDArray[np.int64], columns: int) -> npt.NDArray[np.int64]:
    """Order of the columns in each round, from the numbers drawn; shape (rounds, columns)."""
    rounds = np.arange(len(values))
    order = np.tile(np.arange(columns), (len(values), 1))

    def swap(at: int, other: npt.NDArray[np.int64]) -> None:
        kept = order[:, at].copy()
        order[:, at] = order[rounds, other]
        order[rounds, other] = kept

    drawn = iter(values.T)
    if columns % 2 == 0:
        swap(1, next(drawn))
    for at, number in zip(range(1 + (columns + 1) % 2, columns, 2), drawn, strict=True):
        swap(at, number // (at + 2))
        swap(at + 1, number % (at + 2))
    return order
