"""From a long frame to arrays: cells x methods x folds, with what is missing and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

DONE, FAILED = "done", "failed"
"""States of a part that was asked for and has an end; all others have no say."""


_MOST_LISTED = 50_000_000
"""Numbers up to which a list of all that there could be is made."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a long frame: one row for each method, cell and fold.

    Args:
        value: The metric, NaN where there is none.
        method: What is compared.
        cell: What identifies a cell: all else than method and fold, so that methods are
            compared within it.
        fold: Number of the fold.
        state: ``done``, ``failed``, or anything else for what is not known or not asked.
        by: Columns that are constant in a cell; each of their combinations is compared by itself.
        training_rows: Rows that a fold trains on; may be missing from the frame.
        test_rows: Rows that it tests on; may be missing from the frame.
    """

    value: str
    method: str = "method"
    cell: tuple[str, ...] = ("cell",)
    fold: str = "fold"
    state: str = "state"
    by: tuple[str, ...] = ()
    training_rows: str = "training_rows"
    test_rows: str = "test_rows"


@dataclass(frozen=True)
class Scale:
    """The ends of a metric.

    Args:
        worst: The value that no prediction can fall below (above, where less is better).
        best: The value of a perfect prediction.
    """

    worst: float
    best: float

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.best > self.worst else -1


@dataclass(frozen=True)
class Scores:
    """A metric as arrays; cells of a group lie beside each other.

    Args:
        groups: One row for each group, columns ``Columns.by``.
        starts: First cell of each group, shape (groups,).
        methods: In the order of the frame's categories, or of appearance.
        folds: Numbers of the folds, ascending.
        values: Shape (cells, methods, folds), NaN where there is no number.
        failed: Same shape: the part failed.
        undefined: Same shape: the part is done, and the metric is no number.
        ratio: Test rows / training rows, shape (groups, folds): the mean over the group's cells,
            NaN where the frame has no sizes.
    """

    groups: pd.DataFrame
    starts: IntArray
    methods: tuple[Any, ...]
    folds: tuple[int, ...]
    values: FloatArray
    failed: BoolArray
    undefined: BoolArray
    ratio: FloatArray

    @property
    def lacking(self) -> BoolArray:
        """Parts that have an end and no number."""
        return self.failed | self.undefined

    def sums(self, of: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sum over the cells of each group, shape (groups, ...)."""
        return np.add.reduceat(of, self.starts, axis=0)


def scores_of(frame: pd.DataFrame, columns: Columns) -> Scores:
    """Arrange a long frame by cell, method and fold.

    Args:
        frame: See ``Columns``.
        columns: Names of its columns.

    Raises:
        ValueError: The frame has no row, or two of one method, cell and fold.
    """
    if frame.empty:
        raise ValueError("the frame has no row")
    method, methods = _coded(frame[columns.method])
    fold, folds = pd.factorize(frame[columns.fold].to_numpy(), sort=True)
    group, groups = _grouped(frame, columns.by)
    within, cells = _grouped(frame, columns.cell)
    # cells that belong together lie beside each other, so that sums over them are cheap
    pair = group.astype(np.int64) * len(cells) + within
    cell, found = ranked(pair, len(groups) * len(cells))
    shape = (len(found), len(methods), len(folds))
    place = np.ravel_multi_index((cell, method, fold), shape)
    if np.bincount(place, minlength=1).max() > 1:
        raise ValueError("a method has two rows in one cell and fold")
    values, state = np.full(shape, np.nan), frame[columns.state]
    given = frame[columns.value].to_numpy(dtype=np.float64, na_value=np.nan)
    failed, undefined = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    is_done = (state == DONE).to_numpy()
    is_number = np.isfinite(given)
    values.flat[place[is_done & is_number]] = given[is_done & is_number]
    failed.flat[place[(state == FAILED).to_numpy()]] = True
    undefined.flat[place[is_done & ~is_number]] = True
    starts = np.unique(found // len(cells), return_index=True)[1]
    ratio = _ratios(frame, columns, group, fold, (len(groups), len(folds)))
    known = tuple(int(number) for number in folds)
    return Scores(groups, starts, tuple(methods), known, values, failed, undefined, ratio)


def _coded(column: pd.Series[Any]) -> tuple[IntArray, list[Any]]:
    """Codes and what they stand for: the categories that occur, or values by appearance."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy().astype(np.int64)
        place, found = ranked(codes, len(column.cat.categories))
        return place, list(column.cat.categories[found])
    codes, values = pd.factorize(column)
    return codes.astype(np.int64), list(values)


def _grouped(frame: pd.DataFrame, names: tuple[str, ...]) -> tuple[IntArray, pd.DataFrame]:
    """Number of each row's group, and one row for each group; all rows are one without names."""
    if not names:
        return np.zeros(len(frame), np.int64), pd.DataFrame(index=range(1))
    numbers, most = np.zeros(len(frame), np.int64), 1
    for name in names:
        codes, values = _coded(frame[name])
        numbers, most = numbers * len(values) + codes, most * len(values)
    group, found = ranked(numbers, most)
    first = np.full(len(found), -1)
    first[group[::-1]] = np.arange(len(group) - 1, -1, -1)
    return group, frame[list(names)].iloc[first].reset_index(drop=True)


def ranked(numbers: IntArray, most: int) -> tuple[IntArray, IntArray]:
    """Place of each number among those that occur, and these in order.

    Args:
        numbers: From 0 to below ``most``.
        most: Their number where all occur.
    """
    if most > _MOST_LISTED:
        found, place = np.unique(numbers, return_inverse=True)
        return place.astype(np.int64), found
    # a list of all that there could be takes a tenth of the time of sorting
    occurs = np.zeros(most, np.bool_)
    occurs[numbers] = True
    return (np.cumsum(occurs) - 1)[numbers], np.flatnonzero(occurs)


def _ratios(
    frame: pd.DataFrame,
    columns: Columns,
    group: IntArray,
    fold: npt.NDArray[Any],
    shape: tuple[int, int],
) -> FloatArray:
    if not {columns.training_rows, columns.test_rows} <= {*frame.columns}:
        return np.full(shape, np.nan)
    test = frame[columns.test_rows].to_numpy(dtype=np.float64, na_value=np.nan)
    training = frame[columns.training_rows].to_numpy(dtype=np.float64, na_value=np.nan)
    is_known = (training > 0) & (test > 0)
    place = np.ravel_multi_index((group[is_known], fold[is_known]), shape)
    many = np.bincount(place, minlength=shape[0] * shape[1])
    sums = np.bincount(place, test[is_known] / training[is_known], shape[0] * shape[1])
    with np.errstate(invalid="ignore"):
        return (sums / many).reshape(shape)
