"""Which parameter matters: ``main_effects.csv``, and the largest of ``interactions.csv``."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from gridrun.errors import counted
from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown, cell_number, read_number
from gridrun.report.page._views import FALLBACK, SCORED

_NUMBERS = {"effect": "effect", "lower": "from", "upper": "to", "range": "range"}
"""Column of the tables to its head on the page."""

_COUNTS = ("n", "failed", "folds")
_MOST_PAIRS = 20


def show_effects(known: Known) -> Shown | None:
    """Main effects of what varies, widest first; for pairs of parameters the largest interaction.

    None where the pipeline does not compare methods, or nothing varies.
    """
    comparison, paths = known.comparison, known.study_state.study.paths
    files = (paths.main_effects_csv, paths.interactions_csv)
    if comparison is None or not all(file.exists() for file in files):
        return None
    main, pairs = ([row for row in _rows(file) if row["failures"] == FALLBACK] for file in files)
    scored = [row for row in _rows(files[0]) if row["failures"] == SCORED]
    by_parameter = _together(main, "parameter")
    varying = [rows for rows in by_parameter if len(rows) > 1]
    if not varying:
        return None
    varying.sort(key=lambda rows: -max(_size(row, "range") for row in rows))
    largest = [
        max(rows, key=lambda row: _size(row, "effect"))
        for rows in _together(pairs, "parameter", "parameter_2")
    ]
    largest.sort(key=lambda row: -_size(row, "effect"))
    numbered = [row for row in largest if row["effect"] != "NA"]
    coverage = known.study_state.selection.coverage
    return Shown(
        {
            "metric": comparison.metric,
            "numbers": [*_NUMBERS.values(), *_COUNTS],
            "main": [_line(row) for rows in varying for row in rows],
            "scored": [_line(row) for row in _in_order(scored, varying)]
            if [_line(row) for row in scored] != [_line(row) for row in main]
            else [],
            "pairs": [
                [_value(row, ""), _value(row, "_2"), *_cells(row), row["note"]]
                for row in numbered[:_MOST_PAIRS]
            ],
            "pairs_in_all": counted(len(largest), "pair"),
            "without": len(largest) - len(numbered),
            "constant": [rows[0]["parameter"] for rows in by_parameter if len(rows) == 1],
            "concludes": coverage.concludes() if coverage and not coverage.is_all else [],
        }
    )


def _line(row: dict[str, str]) -> list[str]:
    return [row["parameter"], row["value"], *_cells(row), row["note"]]


def _in_order(
    rows: list[dict[str, str]], varying: list[list[dict[str, str]]]
) -> list[dict[str, str]]:
    """Rows of another way to count failures, in the order of those that are shown first."""
    at = {(row["parameter"], row["value"]): row for row in rows}
    return [at[row["parameter"], row["value"]] for those in varying for row in those]


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return [*csv.DictReader(handle)]


def _together(rows: list[dict[str, str]], *names: str) -> list[list[dict[str, str]]]:
    """Rows of the same parameters, by appearance: a value without parts is the last of its file."""
    found: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return [*found.values()]


def _size(row: dict[str, str], name: str) -> float:
    """How large a number is; what is none comes last."""
    value = abs(read_number(row[name]))
    return -1.0 if math.isnan(value) else value


def _value(row: dict[str, str], end: str) -> str:
    return f"{row[f'parameter{end}']}={row[f'value{end}']}"


def _cells(row: dict[str, str]) -> list[str]:
    return [
        *(cell_number(row[name]) for name in _NUMBERS),
        *(f"{int(row[name]):,}" for name in _COUNTS),
    ]
