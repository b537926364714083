"""Differences to the reference, with intervals: the rows of ``comparison.csv`` that lead.

Below them those in draws of groups of test rows, where predictions are kept.
"""

from __future__ import annotations

import csv
from typing import Any

from gridrun.pipeline.predicted import GroupsRows
from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown, cell_number
from gridrun.report.page._views import FALLBACK, SAID, SCORED, WORST

_NUMBERS = {
    "difference": "difference",
    "lower": "from",
    "upper": "to",
    "p_holm": "p (Holm)",
    "p_worse": "worse",
    "p_equivalent": "equal",
    "p_better": "better",
}
"""Column of the table to its head on the page."""

_DRAWN = {"difference": "difference", "lower": "from", "upper": "to"}
_DRAWN_COUNTS = ("groups", "folds", "pairs", "failed")

_COUNTS = ("folds", "pairs", "failed", "undefined")
_DIGITS = 3


def show_differences(known: Known) -> Shown | None:
    """By the leading metric, under each view of failures; the default one first."""
    comparison, file = known.comparison, known.study_state.study.paths.comparison_csv
    if comparison is None or not file.exists():
        return None
    metric = comparison.metric
    texts = ["method", *known.summary.parameters, "classifier"]
    with file.open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["metric"] == metric]
    lines = {
        view: [
            [
                *(row[name] for name in texts),
                *(cell_number(row[name], _DIGITS) for name in _NUMBERS),
                cell_number(row["mean"]),
                *(f"{int(row[name]):,}" for name in _COUNTS),
                row["note"],
            ]
            for row in rows
            if row["failures"] == view
        ]
        for view in (FALLBACK, SCORED, WORST)
    }
    return Shown(
        {
            "views": [
                {"name": view, "id": view.split()[0], "said": SAID[view], "lines": lines[view]}
                for view in lines
            ],
            "texts": texts,
            "numbers": [*_NUMBERS.values(), "mean", *_COUNTS],
            "reference": comparison.reference,
            "metric": metric,
            "equivalent": comparison.scores[metric].equivalent,
            "drawn": _drawn(known, ["metric", *texts]),
        }
    )


def _drawn(known: Known, texts: list[str]) -> dict[str, Any] | None:
    """The table of draws of groups; None where no row of it has a number."""
    pipeline, file = known.study_state.pipeline, known.study_state.study.paths.group_bootstrap_csv
    if not isinstance(pipeline, GroupsRows) or not file.exists():
        return None
    with file.open(encoding="utf-8", newline="") as handle:
        rows = [*csv.DictReader(handle)]
    if all(row["difference"] == "NA" for row in rows):
        return None
    return {
        "group": pipeline.group_name,
        "draws": rows[0]["draws"],
        "seed": rows[0]["seed"],
        "texts": texts,
        "numbers": [*_DRAWN.values(), *_DRAWN_COUNTS],
        "lines": [
            [
                *(row[name] for name in texts),
                *(cell_number(row[name], _DIGITS) for name in _DRAWN),
                *(f"{int(row[name]):,}" for name in _DRAWN_COUNTS),
                row["note"],
            ]
            for row in rows
        ],
    }
