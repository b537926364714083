"""How help reads: arguments as they are typed, flags without a type, an example a line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from gridrun.cli._streams import plain_output


def untyped_flags(params: list[Any]) -> list[Any]:
    """Parameters whose flags show no type: a flag takes no value."""
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params


class _Plain:
    """Shows ``MODEL`` and ``[SHARD]`` in the usage line, and a flag without ``<bool>``."""

    def __init__(self, *arguments: Any, **given: Any) -> None:
        # Typer keeps the line breaks of a docstring's source, wherever a terminal's lines end
        paragraphs = inspect.cleandoc(given.get("help") or "").split("\n\n")
        given["help"] = "\n\n".join(" ".join(each.split()) for each in paragraphs)
        super().__init__(*arguments, **given)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters; a flag takes no value, so it shows none."""
        return untyped_flags(super().get_params(ctx))  # type: ignore[misc]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line's parts; Typer would write a required argument as ``{MODEL}``."""
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [piece.strip("{}") for piece in pieces]


class Command(_Plain, TyperCommand):
    """A command whose help people can read, and whose output no terminal obeys."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        with plain_output():
            return super().invoke(ctx)


class CommandGroup(_Plain, TyperGroup):
    """The same for what has commands of its own."""


def examples(*lines: str) -> str:
    """Text below a command's help: an example a line."""
    head = "Example:" if len(lines) == 1 else "Examples:"
    # a blank line is what Typer takes for the end of a line
    return "\n\n".join([head, *(f"  {line}" for line in lines)])


def add(
    app: typer.Typer,
    function: Callable[..., None],
    *lines: str,
    name: str = "",
    cls: type[TyperCommand] = Command,
) -> None:
    """Add a command.

    Args:
        app: What it is added to.
        function: The command; its docstring is the help.
        lines: Examples, as they are typed.
        name: Name of the command, by default the function's.
        cls: Its class.
    """
    app.command(name or None, cls=cls, epilog=examples(*lines))(function)
