"""The comparison: means of the summary, and how each method varies over folds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gridrun.errors import counted
from gridrun.report.page._known import BoolArray, FloatArray, IntArray, Known, spread
from gridrun.report.page._section import DIGITS, Shown, number
from gridrun.report.page._views import OTHERS, SAID, Viewed
from gridrun.report.summary import Summary
from gridrun.report.summary_group import SummaryGroup


def show_comparison(known: Known) -> Shown:
    """Means by method and classifier, and the mean over combinations in each fold."""
    summary = known.summary
    # as printed: where all parts are skipped there is nothing to compare
    groups = [one for _, one in shown_groups(known)]
    series = list(series_of(known))
    views = SAID if any(one["views"] for one in series) else {}
    leading = known.metrics[0]
    values = {
        "columns": _columns(summary),
        "groups": [_cells(group, summary) for group in groups],
        "undefined": any(group.undefined(m) for group in groups for m in group.metrics),
        "leading": leading.column,
        "smaller_is_better": leading.smaller_is_better,
        "compared": known.compared,
        "spread": [_spread_row(one, leading.column) for one in series],
        "folds": counted(summary.folds, "fold"),
    }
    data = {
        "compared": known.compared,
        "metrics": [
            {"name": one.column, "smaller": one.smaller_is_better} for one in known.metrics
        ],
        "classifiers": list(known.classifiers),
        "series": series,
        "views": list(views.items()),
    }
    return Shown(values, data)


def series_of(known: Known) -> Iterator[dict[str, Any]]:
    """For each method and classifier: of every metric the mean in each fold, rounded.

    ``views`` has the same under the views of failures that make other numbers.
    """
    parts, group, count = known.parts, group_of(known), known.summary.folds
    scores = known.comparison.scores if known.comparison is not None else {}
    viewed, shown = Viewed(known), [one.column for one in known.metrics if one.column in scores]
    # of each metric in which a part lacks a value, what the views make of it
    other = {
        view: {m: viewed.under(view, m) for m in shown if viewed.lacking(m).any()}
        for view in OTHERS
    }
    for key, one in shown_groups(known):
        is_of = group == key
        fold = parts.fold[is_of] - 1
        folds = {
            metric.column: _fold_means(parts.values[metric.column][is_of], fold, count)
            for metric in known.metrics
        }
        views = {
            view: {
                metric: _offered(values[is_of], fold, count, refused[is_of])
                for metric, (values, refused) in found.items()
                if (viewed.lacking(metric) | refused)[is_of].any()
            }
            for view, found in other.items()
        }
        yield {
            "views": {view: found for view, found in views.items() if found},
            "method": one.method,
            "at": [str(value) for value in one.at.values()],
            "classifier": one.classifier,
            "n": one.n,
            "failed": one.failed,
            "folds": folds,
        }


def group_of(known: Known) -> IntArray:
    """Number of the summary's group that each part belongs to, shape ``(parts,)``."""
    codes = known.codes(known.parts.combination)
    group = codes[known.compared]
    for name in known.summary.parameters:
        group = group * len(known.grid[name]) + codes[name]
    return group * len(known.classifiers) + known.parts.classifier


def shown_groups(known: Known) -> list[tuple[int, SummaryGroup]]:
    """Groups in which anything was asked for, each with its number."""
    groups = known.summary.groups
    return [(_key(one, known), one) for one in groups if one.n or one.failed or one.waiting]


def _key(group: SummaryGroup, known: Known) -> int:
    """Number of a group, as ``group_of`` has it."""
    methods = [str(value) for value in known.grid[known.compared]]
    key = methods.index(group.method)
    for name, value in group.at.items():
        key = key * len(known.grid[name]) + known.grid[name].index(value)
    return key * len(known.classifiers) + known.classifiers.index(group.classifier)


def _fold_means(values: Any, fold: IntArray, folds: int) -> list[float | None]:
    mean = spread(values, fold, folds)[1]
    return [None if np.isnan(one) else round(float(one), DIGITS) for one in mean]


def _offered(
    values: FloatArray, fold: IntArray, folds: int, refused: BoolArray
) -> list[float | None]:
    """Means of folds; none where the reference lacks what a failure would fall back on."""
    return [None] * folds if refused.any() else _fold_means(values, fold, folds)


def _spread_row(series: dict[str, Any], metric: str) -> list[str]:
    """Method, classifier, and of the leading metric over folds: n, median, least, most, sd."""
    found = np.array([one for one in series["folds"][metric] if one is not None])
    label = " ".join([series["method"], *series["at"]])
    if not len(found):
        return [label, series["classifier"], "0", "-", "-", "-", "-"]
    deviation = float(found.std(ddof=1)) if len(found) > 1 else float("nan")
    numbers = [float(np.median(found)), float(found.min()), float(found.max()), deviation]
    return [label, series["classifier"], f"{len(found)}", *map(number, numbers)]


def _columns(summary: Summary) -> list[tuple[str, bool]]:
    """Header of the means, and whether a column has numbers."""
    texts = [summary.method_parameter, *summary.parameters, "classifier"]
    numbers = ["n", "failed", *(f"mean {metric}" for metric in summary.metrics), "s/task"]
    return [
        *((name, False) for name in texts),
        *((name, True) for name in numbers),
        *((name, False) for name in _caveats(summary)),
    ]


def _caveats(summary: Summary) -> list[str]:
    """Columns of caveats that some row has, each once."""
    return list(dict.fromkeys(name for group in summary.groups for name in group.caveats))


def _cells(group: SummaryGroup, summary: Summary) -> list[str]:
    texts = [group.method, *(str(value) for value in group.at.values()), group.classifier]
    means = [
        number(group.mean(metric)) + ("*" if group.undefined(metric) else "")
        for metric in group.metrics
    ]
    numbers = [f"{group.n:,}", f"{group.failed:,}", *means, number(group.seconds, 2)]
    return [*texts, *numbers, *(group.caveats.get(name, "") for name in _caveats(summary))]
