"""The command of status: how a study stands, once or again and again; for cli."""

from gridrun.cli.status._command import register

__all__ = ["register"]
