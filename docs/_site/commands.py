"""The page of all commands, made from the commands themselves."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import typer.main

from gridrun.cli import app

_HEAD = """\
# Commands

What `gridrun COMMAND --help` prints. Each command takes the same study and the same selection
options, whatever it runs on.
"""


def commands_page() -> str:
    """Every command with its arguments, options and examples, as Markdown."""
    root = typer.main.get_command(app)
    context = root.make_context("gridrun", [], resilient_parsing=True)
    return "\n".join([_HEAD, *_group(root, context, "gridrun", 2), f"{root.epilog}\n"])


def _group(group: Any, context: Any, words: str, level: int) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        # built for the pipeline, with its words and its options
        inner = command.make_context(name, [], parent=context, resilient_parsing=True)
        yield from _command(inner.command, inner, f"{words} {name}", level)
        if hasattr(command, "list_commands"):
            yield from _group(inner.command, inner, f"{words} {name}", level + 1)


def _command(command: Any, context: Any, words: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} {words}\n"
    yield f"{_text(command.help or '')}\n"
    yield f"    {' '.join([words, *command.collect_usage_pieces(context)])}\n"
    rows = [row for param in command.get_params(context) if (row := _row(param, context))]
    if rows:
        yield "\n".join(["| argument or option | what it says |\n|---|---|", *rows, ""])
    examples = [line for line in map(_bare, (command.epilog or "").splitlines()) if line]
    if examples:
        yield f"{examples[0]}\n"
        yield "\n".join(f"    {line}" for line in examples[1:]) + "\n"


def _bare(line: str) -> str:
    """Without the blanks around it, and the sign by which Click keeps lines as they are."""
    return line.strip(" \b")


def _row(param: Any, context: Any) -> str:
    """The row of an argument or option; empty for those that no help shows, and for `--help`."""
    record = param.get_help_record(context)
    if not record or "--help" in param.opts:
        return ""
    name, said = record
    if param.param_type_name == "argument":
        name = name.split()[0]
    return f"| `{name.removeprefix(' / ').removeprefix('/ ').strip()}` | {_text(said)} |"


def _text(said: str) -> str:
    """Plain text as Markdown that reads the same."""
    escaped = html.escape(said, quote=False)
    for char in "|*_[":
        escaped = escaped.replace(char, f"\\{char}")
    return escaped
