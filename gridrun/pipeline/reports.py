"""What a pipeline may say of the report of its studies, beside what the core finds by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from gridrun.pipeline._columns import ColumnType
from gridrun.pipeline._contract import Pipeline
from gridrun.pipeline._tasks import Settings
from gridrun.pipeline.comparison import ComparesMethods


@dataclass(frozen=True)
class ReportMetric:
    """A result column that the report shows.

    Args:
        column: Its name.
        smaller_is_better: Whether the best mean is the smallest.
    """

    column: str
    smaller_is_better: bool = False


CellType = ColumnType
"""What the cells of a column of a report's table hold."""


@dataclass(frozen=True)
class ReportTable:
    """A table of a section.

    Args:
        caption: What it has, in one sentence.
        columns: Heads and what is below them.
        rows: Cells in the order of the columns; None where there is no value.
    """

    caption: str
    columns: tuple[tuple[str, CellType], ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]


@dataclass(frozen=True)
class ReportSection:
    """A section of a pipeline's own.

    Args:
        name: Its anchor, in lower case, of letters and hyphens.
        title: Its heading.
        sentences: Paragraphs before its tables: how to read them, first.
        tables: Its tables.
    """

    name: str
    title: str
    sentences: tuple[str, ...]
    tables: tuple[ReportTable, ...] = ()


@dataclass(frozen=True)
class CheckItem:
    """An item of a reporting guideline that only the pipeline can answer.

    Args:
        guideline: Name of the guideline and the number of the item there.
        asks: What it asks for.
        answer: What is so of every study of the pipeline.
    """

    guideline: str
    asks: str
    answer: str


@runtime_checkable
class ShapesReport(Protocol):
    """A pipeline that has more to show in the report of a study than the core finds by itself."""

    report_tradeoff: tuple[str, str] | None
    """Two result columns that are shown against each other, x first, or None."""
    report_checks: tuple[CheckItem, ...]
    """What the check-list has of the pipeline."""

    def report_sections(self, settings: Settings, results: Path) -> Sequence[ReportSection]:
        """Sections of its own, shown before the comparison.

        Args:
            settings: The study's settings.
            results: Directory of the study's tables, which are written by then.

        Returns:
            Those there are data for.
        """
        ...


def report_metrics_of(pipeline: Pipeline) -> tuple[ReportMetric, ...]:
    """Metrics of a report: each number that is no time, the leading one and compared ones first."""
    scores = pipeline.scores if isinstance(pipeline, ComparesMethods) else {}
    numbers = [
        column.name
        for column in pipeline.result_columns
        if column.type == "number" and not column.measured
    ]
    first = [pipeline.leading_metric.column, *scores]
    ordered = dict.fromkeys([*(name for name in first if name in numbers), *numbers])
    falling = {name for name, score in scores.items() if score.best < score.worst}
    return tuple(ReportMetric(name, name in falling) for name in ordered)
