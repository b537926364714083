"""The whole grid, to be explored: of each combination and classifier the mean over its folds."""

from __future__ import annotations

from typing import Any

import numpy as np

from gridrun.report.page._known import FloatArray, Known, spread
from gridrun.report.page._packed import pack
from gridrun.report.page._section import DIGITS, Shown, number
from gridrun.report.page._views import OTHERS, SAID, SCORED, Viewed

MOST_METRICS = 6
"""So many are taken along, the leading ones; the others are in the tables."""

ERROR_DIGITS = 3
_BEST = 10


def show_whole_grid(known: Known) -> Shown | None:
    """Columns for the explorer, and the ten best rows for a page without scripts."""
    varying = [name for name, values in known.grid.items() if len(values) > 1]
    combinations = np.unique(known.parts.combination)
    if not varying or len(combinations) < 2:  # noqa: PLR2004 - nothing to explore
        return None
    metrics = known.metrics[:MOST_METRICS]
    columns, best = _columns(known, combinations)
    packed = pack(columns)
    grid = known.grid
    data = {
        "axes": [
            {"name": name, "values": [str(value) for value in grid[name]]} for name in varying
        ],
        "fixed": [[name, str(values[0])] for name, values in grid.items() if len(values) == 1],
        "sizes": [len(grid[name]) for name in varying],
        "compared": known.compared,
        "classifiers": list(known.classifiers),
        "metrics": [{"name": one.column, "smaller": one.smaller_is_better} for one in metrics],
        "combinations": len(combinations),
        "columns": list(packed.columns),
        "rows": packed.rows,
        **_other_views(known, combinations),
    }
    codes = known.codes(combinations[best % len(combinations)])
    leading = columns[f"mean {metrics[0].column}"][0]
    rows = [
        [
            f"{combinations[row % len(combinations)] + 1}",
            *(f"{grid[name][codes[name][at]]}" for name in varying),
            known.classifiers[row // len(combinations)],
            number(float(leading[row])),
            f"{columns['n'][0][row]:.0f}",
            f"{columns['failed'][0][row]:.0f}",
        ]
        for at, row in enumerate(best)
    ]
    values = {
        "varying": varying,
        "leading": metrics[0].column,
        "best": rows,
        "folds": known.summary.folds,
        "count": f"{packed.rows:,}",
        "fixed": data["fixed"],
    }
    return Shown(values, data, packed.text)


def _other_views(known: Known, combinations: np.ndarray) -> dict[str, Any]:
    """Means and standard errors under the other views of failures, of rows in which one differs.

    A row is not offered (no number) where a fold of it would need a value of the reference that
    there is not.
    """
    parts, count, viewed = known.parts, len(combinations), Viewed(known)
    row = parts.classifier * count + np.searchsorted(combinations, parts.combination)
    size = len(known.classifiers) * count
    scores = known.comparison.scores if known.comparison is not None else {}
    differs = np.zeros(size, np.bool_)
    found: dict[str, tuple[FloatArray, int]] = {}
    for metric in [one.column for one in known.metrics[:MOST_METRICS] if one.column in scores]:
        lacking = viewed.lacking(metric)
        if not lacking.any():
            continue
        differs[row[lacking]] = True
        for view in OTHERS:
            values, refused = viewed.under(view, metric)
            _, mean, error = spread(values, row, size)
            mean[row[refused]] = error[row[refused]] = np.nan
            differs[row[refused]] = True
            found[f"{view} mean {metric}"] = (mean, DIGITS)
            found[f"{view} se {metric}"] = (error, ERROR_DIGITS)
    rows = np.flatnonzero(differs)
    columns = {name: (values[rows], digits) for name, (values, digits) in found.items()}
    packed = pack({"row": (rows.astype(float), 0), **columns})
    others = {"columns": list(packed.columns), "rows": packed.rows, "text": packed.text}
    views = [[SCORED, SAID[SCORED]], *([view, SAID[view]] for view in OTHERS)]
    return {"views": views, "others": others} if len(rows) else {"views": []}


def _columns(
    known: Known, combinations: np.ndarray
) -> tuple[dict[str, tuple[FloatArray, int]], np.ndarray]:
    """Columns by name, rows by classifier and then combination, and the best rows."""
    parts, count = known.parts, len(combinations)
    position = np.searchsorted(combinations, parts.combination)
    row = parts.classifier * count + position
    size = len(known.classifiers) * count
    columns: dict[str, tuple[FloatArray, int]] = {}
    if count < len(known.study_state.study.grid):
        # of the grid's combinations not all: which they are has to be said
        numbers = np.tile(combinations + 1.0, len(known.classifiers))
        columns["combination"] = (numbers, 0)
    columns["n"] = (np.bincount(row[parts.is_done], minlength=size).astype(float), 0)
    columns["failed"] = (np.bincount(row[parts.is_failed], minlength=size).astype(float), 0)
    for metric in known.metrics[:MOST_METRICS]:
        _, mean, error = spread(parts.values[metric.column], row, size)
        columns[f"mean {metric.column}"] = (mean, DIGITS)
        columns[f"se {metric.column}"] = (error, ERROR_DIGITS)
    leading = columns[f"mean {known.metrics[0].column}"][0]
    sign = 1.0 if known.metrics[0].smaller_is_better else -1.0
    order = np.argsort(sign * leading, kind="stable")[:_BEST]
    return columns, order[~np.isnan(leading[order])]
