"""Tables for people: results, from the ledger alone, and descriptions of the data."""

from gridrun.results._description import DescriptionReport, write_description
from gridrun.results._rows import Part, parts
from gridrun.results._runs import write_runs
from gridrun.results._summary import Group, Summary
from gridrun.results._write import write_results

__all__ = [
    "DescriptionReport",
    "Group",
    "Part",
    "Summary",
    "parts",
    "write_description",
    "write_results",
    "write_runs",
]
