"""The command of plan: what a run would do, how long it takes, and its pilot; for cli."""

from gridrun.cli.plan._command import register, show_plan

__all__ = ["register", "show_plan"]
