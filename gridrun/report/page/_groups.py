"""Groups of methods: the rows of ``method_groups.csv``, one table for each classifier."""

from __future__ import annotations

import csv
from typing import Any

from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown, cell_number


def show_groups(known: Known) -> Shown | None:
    """Methods by their mean with the letters of their groups; a reason where there are none."""
    comparison, file = known.comparison, known.study_state.study.paths.method_groups_csv
    if comparison is None or not file.exists():
        return None
    texts = [*known.study_state.pipeline.summary_parameters, "classifier"]
    diagrams: dict[tuple[str, ...], dict[str, Any]] = {}
    with file.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            name = tuple(row[text] for text in texts)
            diagram = diagrams.setdefault(name, {"name": " ".join(name), "rows": []})
            diagram["rows"].append(row)
    if not diagrams:
        return None
    return Shown(
        {
            "metric": comparison.metric,
            "compared": known.compared,
            "reference": comparison.reference,
            "diagrams": [
                {"name": diagram["name"], **_diagram(diagram["rows"])}
                for diagram in diagrams.values()
            ],
        }
    )


def _diagram(rows: list[dict[str, str]]) -> dict[str, Any]:
    """Lines of one table; letters are columns, so that a group is a bar down its own."""
    letters = sorted(
        {letter for row in rows for letter in row["letters"].split()},
        key=lambda letter: (len(letter), letter),
    )
    return {
        "letters": letters,
        "family": rows[0]["family"],
        "folds": rows[0]["folds"],
        "rows": [
            {
                "method": row["method"],
                "mean": cell_number(row["mean"]),
                "letters": [one if one in row["letters"].split() else "" for one in letters],
                "share": cell_number(row["best_share"], 2),
                "note": row["note"],
            }
            for row in rows
        ],
    }
