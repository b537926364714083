"""Differences to the reference, with intervals: the rows of ``comparison.csv`` that lead."""

from __future__ import annotations

import csv

from gridrun.pipeline.comparison import ComparesMethods
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
    pipeline, file = known.study_state.pipeline, known.study_state.study.paths.comparison_csv
    if not isinstance(pipeline, ComparesMethods) or not file.exists():
        return None
    metric = pipeline.leading_metric.column
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
            "reference": pipeline.reference_method,
            "metric": metric,
            "equivalent": pipeline.scores[metric].equivalent,
        }
    )
