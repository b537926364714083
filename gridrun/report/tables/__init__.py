"""Result tables, from the ledger alone, and descriptions; for commands, run, the API and tools."""

from gridrun.report.rows import Part, parts
from gridrun.report.summary import Summary
from gridrun.report.summary_group import SummaryGroup
from gridrun.report.tables._current import altered_files, stale_files
from gridrun.report.tables._description import DescriptionReport, write_description
from gridrun.report.tables._grouped import (
    FAILURES,
    GROUPED_COLUMNS,
    NOTES,
    Grouping,
    grouped,
    is_reference,
)
from gridrun.report.tables._pivot import FAILED, PIVOT
from gridrun.report.tables._runs import write_runs
from gridrun.report.tables._tables import columns_of
from gridrun.report.tables._write import known_of, sum_up, write_results

__all__ = [
    "FAILED",
    "FAILURES",
    "GROUPED_COLUMNS",
    "NOTES",
    "PIVOT",
    "DescriptionReport",
    "Grouping",
    "Part",
    "Summary",
    "SummaryGroup",
    "altered_files",
    "columns_of",
    "grouped",
    "is_reference",
    "known_of",
    "parts",
    "stale_files",
    "sum_up",
    "write_description",
    "write_results",
    "write_runs",
]
