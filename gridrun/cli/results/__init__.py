"""The command of results: tables, means by any parameters, the dictionary of columns; for cli."""

from gridrun.cli.results._command import register

__all__ = ["register"]
