"""The dictionary of columns: types from the tables' declarations, meanings from docs/results.md."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

from gridrun.cli.docs import pages
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.study.state import StudyState

_PAGE = "results"
_FINAL = "final_cv_results.csv"
_MEANS = "Means by any parameter"
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_ROW = re.compile(r"^\| (`.*?`.*?) \| (.*) \|$", re.MULTILINE)


def dictionary(study_state: StudyState) -> list[dict[str, Any]]:
    """Table, name, type and meaning of each column; the meaning is empty where nobody wrote one.

    Args:
        study_state: The study whose columns these are.
    """
    from gridrun.report.tables import GROUPED_COLUMNS, columns_of

    final, means = _meanings(_FINAL), _meanings(_MEANS)
    if study_state.pipeline_name != DEFAULT_PIPELINE:
        final = {}  # the page is of that pipeline's columns
    final |= {each.name: each.description for each in study_state.pipeline.parameters}
    return [
        {
            "table": table,
            "column": each.name,
            "type": each.type,
            "meaning": known.get(each.name, ""),
        }
        for table, columns, known in (
            (_FINAL, columns_of(study_state), final),
            ("means (--by)", GROUPED_COLUMNS, means),
        )
        for each in columns
    ]


def lines_of(found: list[dict[str, Any]], width: int = 80) -> list[str]:
    """The dictionary as lines of at most this width."""
    lines: list[str] = []
    for number, each in enumerate(found):
        if not number or found[number - 1]["table"] != each["table"]:
            lines += ["", f"{each['table']}:"] if number else [f"{each['table']}:"]
        lines.append(f"  {each['column']} ({each['type']})")
        lines += textwrap.wrap(
            each["meaning"], width, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    return lines


def _meanings(section: str) -> dict[str, str]:
    """Column to what a section of the page says of it."""
    file = pages().get(_PAGE)
    text = file.read_text("utf-8") if file is not None else ""
    found = text.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return {
        name: _LINK.sub(r"\1", meaning).replace("`", "")
        for names, meaning in _ROW.findall(found)
        for name in re.findall(r"`([^`]+)`", names)
    }
