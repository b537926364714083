"""How help reads: plain text, arguments as they are typed, flags without a type.

It is Click's text and not the boxes of rich, which Typer would draw: rich takes longer to load
than all that the help says, and boxes stand in the way of who copies an example or an error.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from gridrun.cli._streams import plain_output

_WIDTH = 100
"""Columns of a wide terminal that help uses at most."""


def untyped_flags(params: list[Any]) -> list[Any]:
    """Parameters whose flags show no type, for a flag takes no value, and are False by default.

    Typer's own, those of help and completion, are None by default, and for what is no bool yet it
    loads pydantic, which takes as long as all the rest of a page of help.
    """
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = "" if param.metavar is None else param.metavar
            param.default = False if param.default is None else param.default
    return params


class _Plain:
    """Shows ``MODEL`` and ``[SHARD]`` in the usage line, and a flag without ``<bool>``."""

    def __init__(self, *arguments: Any, **given: Any) -> None:
        # Typer keeps the line breaks of a docstring's source, wherever a terminal's lines end
        paragraphs = inspect.cleandoc(given.get("help") or "").split("\n\n")
        given["help"] = "\n\n".join(" ".join(each.split()) for each in paragraphs)
        # typer gives the one of each Typer, which is not None where rich is installed
        given["rich_markup_mode"] = None
        given["context_settings"] = {
            "max_content_width": _WIDTH,
            **(given.get("context_settings") or {}),
        }
        super().__init__(*arguments, **given)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters; a flag takes no value, so it shows none."""
        return untyped_flags(super().get_params(ctx))  # type: ignore[misc]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line's parts; Typer would write a required argument as ``{MODEL}``."""
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [piece.strip("{}") for piece in pieces]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, options, options under a head of their own, and commands."""
        heads: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                head = "Arguments" if param.param_type_name == "argument" else "Options"
                head = getattr(param, "rich_help_panel", None) or head
                # a flag that only its negative form names begins with a slash
                heads.setdefault(head, []).append((record[0].lstrip(" /"), record[1]))
        for head, records in heads.items():
            _section(formatter, head, records)


class Command(_Plain, TyperCommand):
    """A command whose help people can read, and whose output no terminal obeys."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        with plain_output():
            return super().invoke(ctx)


class CommandGroup(_Plain, TyperGroup):
    """The same for what has commands of its own."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Commands too, each with its first paragraph, which Click would cut where a line ends."""
        super().format_options(ctx, formatter)
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        shown = [(name, each.help or "") for name, each in found if each and not each.hidden]
        _section(formatter, "Commands", [(name, text.partition("\n\n")[0]) for name, text in shown])


def _section(formatter: Any, head: str, records: list[tuple[str, str]]) -> None:
    if records:
        with formatter.section(head):
            formatter.write_dl(records)


def examples(*lines: str) -> str:
    """Text below a command's help: an example a line."""
    head = "Example:" if len(lines) == 1 else "Examples:"
    # by \b Click keeps the lines of a paragraph
    return "\n".join(["\b", head, *(f"  {line}" for line in lines)])


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
