"""Methods that do not differ significantly, as a critical-difference diagram shows them.

Demsar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7:1-30, tests
mean ranks over independent data sets. Here folds of one data set overlap, so pairs are tested by
the corrected resampled t test (Nadeau and Bengio 2003), adjusted by Holm's method, and methods are
ordered by their means.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from gridrun.errors import counted
from gridrun.report.statistics._adjust import holm
from gridrun.report.statistics._differences import Question
from gridrun.report.statistics._resampled import over_folds
from gridrun.report.statistics._scores import BoolArray, Columns, FloatArray, scores_of
from gridrun.report.statistics._views import View, paired

FEWEST_FOLDS = 5
"""Below these a test of all pairs has next to no power, and too few draws of folds differ."""

DRAWS = 10_000
"""Bootstrap draws of folds."""

_NOTHING: dict[str, Any] = {
    "mean": np.nan,
    "letters": "",
    "best_share": np.nan,
    "folds": 0,
    "pairs": 0,
    "family": 0,
}
"""Numbers of a method that is not compared."""


@dataclass(frozen=True)
class MethodGroups:
    """Methods in order, and the tests of their pairs.

    Args:
        methods: One row for each group of cells and method, the best first: ``Columns.by``,
            ``method``, ``mean``, ``letters`` (methods that share one do not differ significantly),
            ``best_share`` (of bootstrap draws), ``folds``, ``pairs`` (cells and folds), ``family``
            (tests), ``note``: why numbers are missing, else empty.
        tests: One row for each pair: ``Columns.by``, ``first``, ``second``, ``difference``,
            ``p_value``, ``p_holm``.
    """

    methods: pd.DataFrame
    tests: pd.DataFrame


def method_groups(frame: pd.DataFrame, columns: Columns, question: Question) -> MethodGroups:
    """Which methods do not differ significantly, for each group of cells by itself.

    A part without a value counts as the reference's value. All methods of a group of cells are
    compared on the cells and folds in which each of them has a value; the tests of all their pairs
    are one family.

    Args:
        frame: One row for each method, cell and fold.
        columns: Names of its columns.
        question: As for ``differences``; two methods differ significantly where the adjusted
            p value is below 1 - confidence.
    """
    scores = scores_of(frame, columns)
    at = scores.methods.index(question.reference) if question.reference in scores.methods else None
    pairs = paired(scores, at, View.FALLBACK, question.scale)
    ends = [*scores.starts[1:], len(scores.values)]
    methods, tests = [], []
    for group, (start, end) in enumerate(zip(scores.starts, ends, strict=True)):
        values = pairs.values[start:end]  # noqa: PD011 - an array, no frame
        is_compared = (pairs.refused[group] == 0) & np.isfinite(values).any(axis=(0, 2))
        ratio = scores.ratio[group]
        ratio = np.where(np.isfinite(ratio), ratio, question.ratio)
        compared = _Compared(values[:, is_compared], ratio, question)
        chosen = [name for name, given in zip(scores.methods, is_compared, strict=True) if given]
        left = [name for name, given in zip(scores.methods, is_compared, strict=True) if not given]
        by = scores.groups.iloc[group].to_dict()
        methods += [{**by, **row} for row in compared.rows(chosen)]
        methods += [
            {**by, "method": name, **_NOTHING, "note": _left_out(question)} for name in left
        ]
        tests += [{**by, **row} for row in compared.tests(chosen)]
    of_tests = ["first", "second", "difference", "p_value", "p_holm"]
    return MethodGroups(
        pd.DataFrame(methods, columns=[*columns.by, "method", *_NOTHING, "note"]),
        pd.DataFrame(tests, columns=[*columns.by, *of_tests]),
    )


def _left_out(question: Question) -> str:
    return (
        f"left out: it has no value, or failed where {question.reference}, the reference, has no "
        "value to fall back on"
    )


class _Compared:
    """Methods on the cells and folds in which each of them has a value.

    Args:
        values: Shape (cells, methods, folds).
        ratio: Test rows / training rows, shape (folds,).
        question: As for ``differences``.
    """

    def __init__(self, values: FloatArray, ratio: FloatArray, question: Question) -> None:
        is_there = np.isfinite(values).all(axis=1) & (values.shape[1] > 0)
        number = is_there.sum(axis=0)
        is_fold = number > 0
        sums = np.where(is_there[:, np.newaxis], values, 0.0).sum(axis=0)[:, is_fold]
        self._means: FloatArray = sums / number[is_fold]
        self._folds, self._pairs = is_fold.sum(), int(number.sum())
        self._question = question
        with np.errstate(invalid="ignore"):
            self._mean: FloatArray = self._means.sum(axis=1) / self._folds
        # the best method comes first
        self._order = np.argsort(-question.scale.sign * self._mean, kind="stable")
        self._places = [*combinations(range(len(self._means)), 2)]
        self._note = self._refused()
        first, second = np.array(self._places, np.int64).reshape(-1, 2).T
        off = self._means[first] - self._means[second]
        self._found = over_folds(off, np.broadcast_to(ratio[is_fold], off.shape))
        p_values = self._found.p_values()
        self._p_values = np.full(len(off), np.nan) if self._note else p_values
        self._adjusted = holm(self._p_values)

    def _refused(self) -> str:
        if len(self._means) < 2:  # noqa: PLR2004 - a pair
            return "there is no other method to compare with"
        if not self._folds:
            return "no cell and fold has a value of every method"
        if self._folds < FEWEST_FOLDS:
            return (
                f"every method has a value in {counted(int(self._folds), 'fold')}, and groups are "
                f"made from {counted(FEWEST_FOLDS, 'fold')} on: run the study with more folds"
            )
        return ""

    def rows(self, names: list[Any]) -> list[dict[str, Any]]:
        """One for each method, the best first."""
        if self._note:
            letters, shares = [""] * len(names), np.full(len(names), np.nan)
        else:
            differ = np.zeros((len(names), len(names)), np.bool_)
            for (one, other), p in zip(self._places, self._adjusted, strict=True):
                differ[one, other] = differ[other, one] = p < 1 - self._question.confidence
            letters = letters_of(differ[np.ix_(self._order, self._order)])
            shares = best_shares(self._question.scale.sign * self._means[self._order])
        return [
            {
                "method": names[at],
                "mean": self._mean[at],
                "letters": letters[place],
                "best_share": shares[place],
                "folds": int(self._folds),
                "pairs": self._pairs,
                "family": int(np.isfinite(self._p_values).sum()),
                "note": self._note,
            }
            for place, at in enumerate(self._order)
        ]

    def tests(self, names: list[Any]) -> list[dict[str, Any]]:
        """One for each pair of methods, in their order."""
        return [
            {
                "first": names[one],
                "second": names[other],
                "difference": self._found.mean[place],
                "p_value": self._p_values[place],
                "p_holm": self._adjusted[place],
            }
            for place, (one, other) in enumerate(self._places)
        ]


def letters_of(differ: BoolArray) -> list[str]:
    """Letters by which two methods share one if and only if they do not differ significantly.

    Piepho (2004), An algorithm for a letter-based representation of all-pairwise comparisons,
    Journal of Computational and Graphical Statistics 13:456-466: a set with both of a pair that
    differs is split in two, and a set within another one is dropped.

    Args:
        differ: Shape (methods, methods), symmetric.

    Returns:
        For each method its letters, separated by spaces; ``a`` is that of the first method.
    """
    sets = [frozenset(range(len(differ)))]
    for one, other in combinations(range(len(differ)), 2):
        if differ[one, other]:
            split = {
                part - {gone} for part in sets for gone in (one, other) if {one, other} <= part
            }
            split |= {part for part in sets if not {one, other} <= part}
            sets = [part for part in split if not any(part < larger for larger in split)]
    sets.sort(key=sorted)
    return [
        " ".join(_letter(at) for at, part in enumerate(sets) if method in part)
        for method in range(len(differ))
    ]


def _letter(at: int) -> str:
    turn, place = divmod(at, 26)
    return f"{chr(ord('a') + place)}{turn or ''}"


def best_shares(means: FloatArray, draws: int = DRAWS) -> FloatArray:
    """In which share of bootstrap draws of folds each method has the highest mean.

    It describes how much the order depends on which folds were drawn. Folds share rows, so it is no
    probability that a method is the best on other data. Methods that are equal share a draw.

    Args:
        means: By method and fold, more is better; shape (methods, folds).
        draws: How many; always the same ones.
    """
    folds = means.shape[1]
    weights = np.random.default_rng(1).multinomial(folds, np.full(folds, 1 / folds), draws)
    drawn = weights @ means.T / folds
    # sums of equal numbers in another order differ in their last bits
    is_best = drawn >= drawn.max(axis=1, keepdims=True) - 1e-12
    shares: FloatArray = (is_best / is_best.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares
