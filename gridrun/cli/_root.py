"""The root of the command line: the core's commands, and those that installed packages bring.

A package registers a ``typer.Typer`` under the entry point group ``gridrun.commands``, by
the command's name. Entry points are looked up for the help and for names that are not the
core's own, and only the command that is called is loaded.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import typer

from gridrun.cli._help import Command, CommandGroup
from gridrun.errors import EnvironmentFault

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "gridrun.commands"


class Root(CommandGroup):
    """A group whose commands are partly found by entry point."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The core's commands, then the others by name."""
        own = super().list_commands(ctx)
        return [*own, *(name for name in _brought() if name not in own)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name; None where there is none."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        entry = _brought().get(cmd_name)
        return _loaded(entry) if entry is not None else None


@functools.cache
def _brought() -> dict[str, EntryPoint]:
    # a twentieth of a second that commands of the core need not spend
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)
    return {entry.name: entry for entry in found}


def _loaded(entry: EntryPoint) -> Any:
    try:
        app: typer.Typer = entry.load()
    except (ImportError, AttributeError) as error:
        # a broken package must not take the help of all other commands with it
        app = _broken(entry, error)
    command = typer.main.get_command(app)
    command.name = entry.name
    return command


def _broken(entry: EntryPoint, error: Exception) -> typer.Typer:
    app = typer.Typer(add_completion=False)
    package = entry.dist.name if entry.dist is not None else entry.module
    text = f"cannot be loaded: its package {package} is not whole ({error})"

    @app.command(
        cls=Command,
        help=text,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def broken(ctx: typer.Context) -> None:
        del ctx
        raise EnvironmentFault(
            f"the command {entry.name} {text}",
            todo="install the package again, with its dependencies",
        )

    return app
