"""Small studies with the toy pipeline, for tests of everything around the stages."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

from gridrun.api import OpenStudy
from gridrun.pipeline import load_pipeline
from gridrun.study import load_study

TOY = "gridrun.testing.toy:PIPELINE"

SMALL_GRID = {
    "origin": ["first", "every"],
    "grade": ["low"],
    "scope": ["wide"],
    "unclear": ["left_out"],
    "coding": ["columns", "levels"],
    "smoothing": ["flat", "upper", "mean"],
    "thinning": [1],
    "tuning": ["fixed", "drawn"],
    "constant_check": ["on", "off"],
    "twin_check": ["on"],
    "row_share": [1.0],
    "column_share": [0.33],
}
"""48 combinations with every disposition in them."""


def write_study(directory: Path, grid: dict[str, list[Any]], **keys: Any) -> Path:
    """A study directory with stand-in inputs, which the toy pipeline never opens."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("a.txt", "b.txt"):
        (directory / name).write_text(name)
    keys = {"folds": 2, "seed": 1, **keys}
    lines = ["inputs: {table: a.txt, labels: b.txt}"]
    lines += [f"{key}: {value}" for key, value in keys.items()]
    lines += ["grid:", *(f"  {name}: {values!r}" for name, values in grid.items())]
    (directory / "study.yaml").write_text("\n".join(lines) + "\n")
    return directory


def open_toy(directory: Path, **options: Any) -> OpenStudy:
    """Open a study with the toy pipeline, steered by options."""
    study = load_study(directory, load_pipeline(TOY))
    return OpenStudy(dataclasses.replace(study, options=options), TOY)


TIMES = {"fit_seconds", "use_seconds", "tr_time", "te_time"}
"""Columns of time, of the toy and of the real pipeline."""


def table(directory: Path) -> list[list[str]]:
    """The final table of a study without the columns of time."""
    with (directory / "results" / "final_cv_results.csv").open(newline="") as handle:
        rows = list(csv.reader(handle))
    times = [at for at, name in enumerate(rows[0]) if name in TIMES]
    assert len(times) == 2
    return [[cell for at, cell in enumerate(row) if at not in times] for row in rows]
