"""Which parameter matters: main effects and two-way interactions over the grid, by fold.

The effects of a fold are those of ordinary least squares with sum-to-zero contrasts; over folds
they are treated as differences are (``over_folds``), so that an interval knows that folds overlap.
In a grid of which every combination has a value, a main effect is the mean at a value minus the
mean over the values' means, and an interaction what the mean of a pair of values is beyond the sum
of both main effects; where combinations are missing (a sample, failures) least squares keeps the
effects of one parameter from being mistaken for those of another.
Source: Montgomery, Design and Analysis of Experiments, factorial designs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from gridrun.report.statistics._resampled import FEWEST, over_folds
from gridrun.report.statistics._scores import DONE, FloatArray, IntArray, ranked

_NUMBERS = ("n", "folds", "effect", "lower", "upper", "range", "note")

_WITHOUT = "no part with this value has a value of the metric"

_UNTOLD = "the combinations that have values cannot tell it from other effects"


@dataclass(frozen=True)
class Design:
    """What is asked of a grid.

    Args:
        parameters: Columns with the values of parameters, the method among them.
        value: Column of the metric.
        ratio: Test rows / training rows of a fold.
        fold: Column with the number of the fold.
        state: Column with ``done`` for parts that have an end.
        confidence: Of intervals.
    """

    parameters: tuple[str, ...]
    value: str
    ratio: float
    fold: str = "fold"
    state: str = "state"
    confidence: float = 0.95


def main_effects(frame: pd.DataFrame, design: Design) -> pd.DataFrame:
    """How far the metric at each value of each parameter is from the middle of the parameter.

    Args:
        frame: One row for each part; a part without a value of the metric does not count.
        design: What is asked.

    Returns:
        One row for each value of each parameter, in the order of categories: ``parameter``,
        ``value``, ``n`` (parts), ``folds``, ``effect``, ``lower``, ``upper``, ``range`` (of the
        effects of the parameter's values), ``note``: why a number is missing, else empty. A value
        without any part that counts has a row as well, after the others.
    """
    found = _table(frame, design, [(name,) for name in design.parameters], ("",))
    known = set(zip(found["parameter"], found["value"], strict=True))
    without = [
        {"parameter": name, "value": value, "n": 0, "folds": 0, "note": _WITHOUT}
        for name in design.parameters
        for value in _levels(frame[name])[1]
        if (name, value) not in known
    ]
    if not without:
        return found
    return pd.DataFrame([*found.to_dict("records"), *without], columns=found.columns)


def interactions(frame: pd.DataFrame, design: Design) -> pd.DataFrame:
    """How far the mean of each pair of values is from the sum of their main effects.

    Each pair of parameters is fitted with all main effects and no other interaction.

    Args:
        frame: One row for each part; a part without a value of the metric does not count.
        design: What is asked.

    Returns:
        As ``main_effects``, with ``parameter_2`` and ``value_2``, for parameters that vary.
    """
    varying = [name for name in design.parameters if len(_levels(frame[name])[1]) > 1]
    return _table(frame, design, list(combinations(varying, 2)), ("", "_2"))


def _table(
    frame: pd.DataFrame, design: Design, terms: Sequence[tuple[str, ...]], ends: tuple[str, ...]
) -> pd.DataFrame:
    names = [f"{name}{end}" for end in ends for name in ("parameter", "value")]
    needed = [*design.parameters, design.fold, design.value]
    is_done = (frame[design.state] == DONE) & np.isfinite(frame[design.value].astype(float))
    known = frame.loc[is_done, needed]
    if known.empty:
        return pd.DataFrame(columns=[*names, *_NUMBERS])
    levels = {name: _levels(known[name]) for name in design.parameters}
    fold, folds = pd.factorize(known[design.fold].to_numpy(), sort=True)
    number, most = np.zeros(len(known), np.int64), 1
    for codes, values in levels.values():
        number, most = number * len(values) + codes, most * len(values)
    place, found = ranked(number, most)
    # one row for each combination: tables of counts are made of these, less what is missing
    table = np.full((len(found), len(folds)), np.nan)
    table[place, fold] = known[design.value].to_numpy(dtype=np.float64)
    first = np.zeros(len(found), np.int64)
    first[place] = np.arange(len(place))
    coded = {name: (codes[first], values) for name, (codes, values) in levels.items()}
    rows: list[dict[str, Any]] = []
    fit = _Fit(coded, table)
    for term in terms:
        rows += _rows_of(term, fit, design)
    return pd.DataFrame(rows, columns=[*names, *_NUMBERS])


def _levels(column: pd.Series[Any]) -> tuple[IntArray, list[Any]]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy().astype(np.int64)
        place, found = ranked(codes, len(column.cat.categories))
        return place, list(column.cat.categories[found])
    codes, values = pd.factorize(column, sort=True)
    return codes.astype(np.int64), list(values)


def _rows_of(term: tuple[str, ...], fit: _Fit, design: Design) -> list[dict[str, Any]]:
    levels = [fit.coded[name][1] for name in term]
    effects, numbers, reason = fit.effects(term)
    found = over_folds(effects.T, np.full(effects.shape[0], design.ratio))
    lower, upper = found.interval(design.confidence)
    width = float(np.ptp(found.mean)) if len(found.mean) else np.nan
    rows = []
    for place, at in enumerate(np.ndindex(*map(len, levels))):
        suffixes = ("", "_2")[: len(term)]
        names = {f"parameter{end}": name for end, name in zip(suffixes, term, strict=True)}
        given = {f"value{end}": levels[which][at[which]] for which, end in enumerate(suffixes)}
        note = reason
        if not note and found.folds[place] < FEWEST:
            note = "one fold has no spread, so there is no interval: run the study with more folds"
        elif not note and found.equal[place]:
            note = "the effect is the same in every fold, so there is no spread and no interval"
        rows.append(
            {
                **names,
                **given,
                "n": int(numbers[place]),
                "folds": int(found.folds[place]),
                "effect": found.mean[place],
                "lower": lower[place],
                "upper": upper[place],
                "range": width,
                "note": note,
            }
        )
    return rows


class _Fit:
    """Least squares of each fold by the normal equations, which are made of tables of counts.

    Counts are made once for each set of parameters and are whole numbers, so that equations are
    exact and no row is gone through for a single term.

    Args:
        coded: Parameter to codes, shape (combinations,), and what they stand for.
        values: Metric, shape (combinations, folds), NaN where there is none.
    """

    def __init__(self, coded: dict[str, tuple[IntArray, list[Any]]], values: FloatArray) -> None:
        self.coded = coded
        self._missing, self._without = np.nonzero(np.isnan(values))
        self._values, self._number = np.ascontiguousarray(np.nan_to_num(values).T), values.shape[1]
        varying = [name for name, (_, levels) in coded.items() if len(levels) > 1]
        self._main: list[tuple[str, ...]] = [(), *((name,) for name in varying)]
        self._known: dict[tuple[str, ...], IntArray] = {}
        self._normal = np.concatenate([self._row(term) for term in self._main], axis=1)
        self._right = np.concatenate([self._products(term) for term in self._main], axis=1)

    def effects(self, term: tuple[str, ...]) -> tuple[FloatArray, IntArray, str]:
        """Effects of a term in each fold.

        Returns:
            Shape (folds, levels), NaN where others vary with them; parts of each level;
            why there is none, or empty.
        """
        sizes = self._sizes(term)
        many = int(np.prod(sizes))
        numbers = self._counts(term).sum(axis=0)
        found = np.full((self._number, many), np.nan)
        if min(sizes) < 2:  # noqa: PLR2004 - nothing to compare
            return found, numbers, f"{term[0]} has one value, so there is nothing to compare"
        terms, normal, right = self._main, self._normal, self._right
        if len(term) > 1:
            side = self._row(term)
            whole = np.concatenate([normal, side.transpose(0, 2, 1)], axis=2)
            last = np.concatenate([side, self._block(term, term)], axis=2)
            terms, normal = [*terms, term], np.concatenate([whole, last], axis=1)
            right = np.concatenate([right, self._products(term)], axis=1)
        # a combination of columns that no row tells from each other makes the equations singular
        is_whole = np.linalg.matrix_rank(normal, hermitian=True) == normal.shape[1]
        solved = np.linalg.solve(normal[is_whole], right[is_whole][..., np.newaxis])[..., 0]
        widths = [int(np.prod([size - 1 for size in self._sizes(one)])) for one in terms]
        start = sum(widths[: terms.index(term)])
        own = solved[:, start : start + widths[terms.index(term)]]
        found[is_whole] = own @ _contrasts(sizes).T
        reason = "" if is_whole.any() else _UNTOLD
        return found, numbers, reason

    def _sizes(self, term: Iterable[str]) -> list[int]:
        return [len(self.coded[name][1]) for name in term]

    def _cells(self, term: Iterable[str]) -> IntArray:
        cells = np.zeros(self._values.shape[1], np.int64)
        for name in term:
            codes, levels = self.coded[name]
            cells = cells * len(levels) + codes
        return cells

    def _counts(self, names: tuple[str, ...]) -> IntArray:
        """Combinations of each cell that have a value, shape (folds, cells)."""
        if names not in self._known:
            cells, many = self._cells(names), int(np.prod(self._sizes(names)))
            whole = np.bincount(cells, minlength=many)
            place = self._without * many + cells[self._missing]
            missing = np.bincount(place, minlength=self._number * many)
            self._known[names] = whole - missing.reshape(self._number, many)
        return self._known[names]

    def _row(self, term: tuple[str, ...]) -> FloatArray:
        """Products of the columns of a term and those of the main effects."""
        return np.concatenate([self._block(term, other) for other in self._main], axis=2)

    def _block(self, one: tuple[str, ...], other: tuple[str, ...]) -> FloatArray:
        """Products of the columns of two terms, shape (folds, columns, columns)."""
        # in one order, as three parameters are counted for each of three pairs
        names = tuple(name for name in self.coded if name in {*one, *other})
        counts, sizes = self._counts(names), self._sizes(names)
        places = np.indices(sizes).reshape(len(names), counts.shape[1])
        at = dict(zip(names, places, strict=True))
        left, right = (_contrasts(self._sizes(term)) for term in (one, other))
        table = np.zeros((self._number, len(left), len(right)))
        table[:, self._place(one, at), self._place(other, at)] = counts
        found: FloatArray = left.T @ table @ right
        return found

    def _place(self, term: tuple[str, ...], at: Mapping[str, IntArray]) -> IntArray:
        """Which cell of a term each cell of a table of counts is in."""
        if not term:
            return np.zeros(1, np.int64)
        return np.ravel_multi_index([at[name] for name in term], self._sizes(term))

    def _products(self, term: tuple[str, ...]) -> FloatArray:
        """Products of the columns of a term and the metric, shape (folds, columns)."""
        sizes, cells = self._sizes(term), self._cells(term)
        many = int(np.prod(sizes))
        sums = np.array([np.bincount(cells, fold, many) for fold in self._values])
        found: FloatArray = sums @ _contrasts(sizes)
        return found


def _contrasts(sizes: Sequence[int]) -> FloatArray:
    """Rows: values, or pairs of them; columns: sum-to-zero contrasts, or their products."""
    found: FloatArray = np.ones((1, 1))
    for size in sizes:
        found = np.kron(found, np.vstack([np.eye(size - 1), -np.ones((1, size - 1))])).astype(float)
    return found
