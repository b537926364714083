"""Each method against the reference, with an interval, tests and what speaks against them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gridrun.errors import counted
from gridrun.report.statistics._adjust import holm
from gridrun.report.statistics._resampled import FEWEST, FoldMeans, over_folds
from gridrun.report.statistics._scores import (
    Columns,
    FloatArray,
    IntArray,
    Scale,
    Scores,
    scores_of,
)
from gridrun.report.statistics._views import Paired, View, paired

IS_REFERENCE = "it is the reference"
"""Note on the row that others are compared with, where it has a value in every part."""


@dataclass(frozen=True)
class Question:
    """What is asked of the differences.

    Args:
        reference: The method that the others are compared with.
        scale: The ends of the metric.
        ratio: Test rows / training rows of folds whose sizes the frame does not have.
        confidence: Of intervals.
        equivalence: Half the width of the region of practical equivalence.
    """

    reference: Any
    scale: Scale
    ratio: float = np.nan
    confidence: float = 0.95
    equivalence: float = 0.01


def differences(
    frame: pd.DataFrame,
    columns: Columns,
    question: Question,
    views: Sequence[View] = (View.FALLBACK,),
) -> pd.DataFrame:
    """Compare each method with the reference on the same cells and folds.

    A fold's difference is the mean over the group's cells. The interval is that of the corrected
    resampled t test (Nadeau and Bengio 2003), the posterior that of the Bayesian correlated t test
    (Benavoli et al. 2017). All tests of the frame under a view are one family
    for Holm's adjustment.

    Args:
        frame: One row for each method, cell and fold.
        columns: Names of its columns.
        question: The reference, the metric's ends, confidence and equivalence.
        views: What failures count as, one after the other.

    Returns:
        One row for each view, group and method, in their order: ``Columns.by``; ``method``;
        ``reference``; ``failures`` (the view); ``n`` (parts done), ``failed``, ``undefined``;
        ``mean`` over the parts that have a value under the view; ``folds`` and ``pairs`` that the
        difference is of; ``difference``, ``lower``, ``upper``; ``p_value``, ``p_holm``,
        ``family`` (tests of it); ``p_worse``, ``p_equivalent``, ``p_better`` (posterior);
        ``variance_factor``; ``note``: why a number is missing, else empty.
    """
    scores = scores_of(frame, columns)
    return pd.concat([_under(scores, question, view) for view in views], ignore_index=True)


def _under(scores: Scores, question: Question, view: View) -> pd.DataFrame:
    """The rows of one view."""
    at = scores.methods.index(question.reference) if _is_in(question, scores) else None
    pairs = paired(scores, at, view, question.scale)
    ratio = np.where(np.isfinite(scores.ratio), scores.ratio, question.ratio)
    found = over_folds(_offered(pairs), ratio[:, np.newaxis, :])
    is_reference = np.zeros(found.mean.shape, np.bool_)
    if at is not None:
        is_reference[:, at] = True
    lower, upper = found.interval(question.confidence)
    p_values = np.where(is_reference, np.nan, found.p_values())
    less, equivalent, more = found.posterior(question.equivalence)
    worse, better = (less, more) if question.scale.sign > 0 else (more, less)
    adjusted = holm(p_values.ravel())
    groups, methods = found.mean.shape
    table = scores.groups.loc[np.repeat(np.arange(groups), methods)].reset_index(drop=True)
    numbers = {
        "n": scores.sums((np.isfinite(scores.values) | scores.undefined).sum(axis=2)),
        "failed": scores.sums(scores.failed.sum(axis=2)),
        "undefined": scores.sums(scores.undefined.sum(axis=2)),
        "mean": _means(scores, pairs),
        "folds": found.folds,
        "pairs": np.where(pairs.refused > 0, 0, pairs.pairs),
        "difference": found.mean,
        "lower": lower,
        "upper": upper,
        "p_value": p_values,
        "p_holm": adjusted,
        "family": np.full(found.mean.shape, np.isfinite(p_values).sum()),
        "p_worse": worse,
        "p_equivalent": equivalent,
        "p_better": better,
        "variance_factor": found.factor,
    }
    if view == View.FALLBACK:
        numbers["mean"] = np.where(pairs.refused > 0, np.nan, numbers["mean"])
    hidden = ("difference", "lower", "upper", "p_worse", "p_equivalent", "p_better")
    numbers |= {name: np.where(is_reference, np.nan, numbers[name]) for name in hidden}
    table["method"] = list(scores.methods) * groups
    table["reference"], table["failures"] = question.reference, str(view)
    for name, values in numbers.items():
        table[name] = np.asarray(values).ravel()
    table["note"] = _notes(scores, pairs, found, question, at)
    return table


def _is_in(question: Question, scores: Scores) -> bool:
    return question.reference in scores.methods


def _offered(pairs: Paired) -> FloatArray:
    """Differences, NaN where the view would need a value of the reference that there is not."""
    return np.where(pairs.refused[..., np.newaxis] > 0, np.nan, pairs.differences)


def _means(scores: Scores, pairs: Paired) -> FloatArray:
    is_there = np.isfinite(pairs.values)
    with np.errstate(invalid="ignore"):
        mean: FloatArray = scores.sums(np.where(is_there, pairs.values, 0.0).sum(axis=2)) / (
            scores.sums(is_there.sum(axis=2))
        )
    return mean


def _notes(
    scores: Scores, pairs: Paired, found: FoldMeans, question: Question, at: int | None
) -> list[str]:
    """For each group and method the first reason why a number of its row is missing."""
    own = scores.sums(np.isfinite(scores.values).sum(axis=2))
    return [
        _note(pairs, found, question, at, (group, method), own)
        for group in range(len(scores.starts))
        for method in range(len(scores.methods))
    ]


def _note(  # noqa: PLR0911, PLR0917 - one reason after the other
    pairs: Paired,
    found: FoldMeans,
    question: Question,
    at: int | None,
    place: tuple[int, int],
    own: IntArray,
) -> str:
    reference = question.reference
    refused, folds = int(pairs.refused[place]), int(found.folds[place])
    if at is None:
        said = f"{reference}, the reference, is not among the methods of the study"
        return f"{said}, which a failure could fall back on" if refused else said
    if place[1] == at:
        said = f"{IS_REFERENCE}, and failed in {counted(refused, 'part')}"
        return f"{said}: there is nothing to fall back on" if refused else IS_REFERENCE
    if refused:
        return (
            f"{reference}, the reference, has no value in {counted(refused, 'part')} that this "
            "method was run in: there is nothing to fall back on"
        )
    if not folds:
        return f"no cell and fold has a value of this method and one of {reference}"
    if folds < FEWEST:
        return "one fold has no spread, so there is no interval: run the study with more folds"
    if found.equal[place]:
        if found.mean[place] == 0:
            said = f"its values are those of {reference} in every fold"
            return f"{said}, as it has none of its own" if not own[place] else said
        return "the difference is the same in every fold, so there is no spread and no interval"
    if not np.isfinite(found.factor[place]):
        return "the numbers of training and test rows are not known, so there is no interval"
    return ""
