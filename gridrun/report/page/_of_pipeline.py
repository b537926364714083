"""Sections that the pipeline has of its own."""

from __future__ import annotations

from gridrun.pipeline.reports import ShapesReport
from gridrun.report.page._known import Known
from gridrun.report.page._section import DIGITS, Shown


def show_of_pipeline(known: Known) -> Shown | None:
    """All of them, one below the other; None where there are none."""
    study_state, pipeline = known.study_state, known.study_state.pipeline
    if not isinstance(pipeline, ShapesReport):
        return None
    sections = pipeline.report_sections(study_state.settings, study_state.study.paths.results)
    shown = [
        {
            "name": section.name,
            "title": section.title,
            "sentences": section.sentences,
            "tables": [
                {
                    "caption": table.caption,
                    "columns": table.columns,
                    "rows": [[_text(cell) for cell in row] for row in table.rows],
                }
                for table in section.tables
            ],
        }
        for section in sections
    ]
    return Shown({"sections": shown}) if shown else None


def _text(cell: str | float | None) -> str:
    if isinstance(cell, float):
        # a small p value is not zero
        least = 10.0**-DIGITS
        return f"< {least:.{DIGITS}f}" if 0 < cell < least / 2 else f"{cell:.{DIGITS}f}"
    return "-" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell
