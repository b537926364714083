"""Tables for people, made from the ledger alone."""

from gridrun.results._rows import Part, parts
from gridrun.results._runs import write_runs
from gridrun.results._summary import Group, Summary
from gridrun.results._write import write_results

__all__ = ["Group", "Part", "Summary", "parts", "write_results", "write_runs"]
