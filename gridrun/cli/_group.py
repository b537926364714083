"""A command that has commands of its own, and does something without naming one."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

DEFAULT = "run"


class DefaultGroup(TyperGroup):
    """Takes what is no command of its own as arguments of ``run``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front where none is named."""
        known = {*self.commands, *self.get_help_option_names(ctx)}
        if not args or args[0] not in known:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)
