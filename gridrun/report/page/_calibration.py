"""Calibration: the rows of ``calibration.csv``, and ``reliability.csv`` drawn."""

from __future__ import annotations

import csv
from pathlib import Path

from gridrun.pipeline.predicted import KeepsPredictions
from gridrun.report.page._known import Known
from gridrun.report.page._section import DIGITS, Shown, cell_number, read_number

_NUMBERS = {
    "slope": "slope",
    "slope_sd": "sd",
    "intercept": "intercept",
    "intercept_sd": "sd",
    "in_the_large": "in the large",
    "in_the_large_sd": "sd",
    "clipped": "clipped",
}
"""Column of the table to its head on the page."""

_COUNTS = ("parts", "failed", "fitted_folds", "rows", "positive")
_DIGITS = 3


def show_calibration(known: Known) -> Shown | None:
    """Slope and intercept of each method and classifier; what to do where nothing is kept."""
    pipeline, paths = known.study_state.pipeline, known.study_state.study.paths
    files = (paths.calibration_csv, paths.reliability_csv)
    if not isinstance(pipeline, KeepsPredictions) or not all(file.exists() for file in files):
        return None
    table, bins = map(_rows, files)
    texts = ["method", *known.summary.parameters, "classifier"]
    lines = [
        [
            *(row[name] for name in texts),
            *(cell_number(row[name], _DIGITS) for name in _NUMBERS),
            *(f"{int(row[name]):,}" for name in _COUNTS),
            row["note"],
        ]
        for row in table
    ]
    values = {
        "lines": lines,
        "texts": texts,
        "numbers": [*_NUMBERS.values(), *(name.replace("_", " ") for name in _COUNTS)],
        "has_any": bool(bins),
        "advice": pipeline.predictions_advice,
    }
    points = [
        {
            "label": " ".join(row[name] for name in texts[:-1]),
            "classifier": row["classifier"],
            "above": float(row["above"]),
            "to": float(row["to"]),
            "n": int(row["n"]),
            **{name: round(read_number(row[name]), DIGITS) for name in ("predicted", "observed")},
        }
        for row in bins
        if int(row["n"])
    ]
    if not points:
        return Shown(values)
    there = {point["classifier"] for point in points}
    classifiers = [one for one in known.classifiers if one in there]
    data = {"compared": known.compared, "classifiers": classifiers, "points": points}
    return Shown(values, data)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return [*csv.DictReader(handle)]
