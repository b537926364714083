"""Differences to the reference, with intervals: the rows of ``comparison.csv`` that lead."""

from __future__ import annotations

import csv

from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown, cell_number

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

_COUNTS = ("folds", "pairs", "failed", "undefined")
_DIGITS = 3


def show_differences(known: Known) -> Shown | None:
    """By the leading metric; a failure counts as the reference's value."""
    comparison, file = known.comparison, known.study_state.study.paths.comparison_csv
    if comparison is None or not file.exists():
        return None
    metric = comparison.metric
    texts = ["method", *known.summary.parameters, "classifier"]
    with file.open(encoding="utf-8", newline="") as handle:
        lines = [
            [
                *(row[name] for name in texts),
                *(cell_number(row[name], _DIGITS) for name in _NUMBERS),
                *(f"{int(row[name]):,}" for name in _COUNTS),
                row["note"],
            ]
            for row in csv.DictReader(handle)
            if (row["metric"], row["failures"]) == (metric, "fallback")
        ]
    return Shown(
        {
            "lines": lines,
            "texts": texts,
            "numbers": [*_NUMBERS.values(), *_COUNTS],
            "reference": comparison.reference,
            "metric": metric,
            "equivalent": comparison.scores[metric].equivalent,
        }
    )
