"""A command that has commands of its own, and does something without naming one."""

from __future__ import annotations

from typing import Any

from gridrun.cli._help import CommandGroup, untyped_flags

DEFAULT = "run"


class DefaultGroup(CommandGroup):
    """Takes what is no command of its own as arguments of ``run``, and shows them in its help."""

    _is_helping = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front where none is named."""
        known = {*self.commands, *self.get_help_option_names(ctx)}
        if not args or args[0] not in known:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """Its own parameters; in the help those of the default command, too."""
        own = list(super().get_params(ctx))
        inner = untyped_flags(self.commands[DEFAULT].params)
        return [*inner, *own] if self._is_helping else own

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Explain what it does without a command as well."""
        self._is_helping = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._is_helping = False
