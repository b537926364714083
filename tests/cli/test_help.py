"""How help reads: sentences, and examples that are commands."""

from __future__ import annotations

import re
import shlex

import pytest
import typer.main

from gridrun.cli import app


def _commands():
    """Words of each command, and its context: built for the pipeline, with its options."""
    root = typer.main.get_command(app)
    context = root.make_context("gridrun", [], resilient_parsing=True)
    left = [(("gridrun",), root, context)]
    while left:
        words, command, above = left.pop()
        for name in command.list_commands(above):
            inner = command.get_command(above, name)
            below = inner.make_context(name, [], parent=above, resilient_parsing=True)
            yield (*words, name), below
            if hasattr(inner, "list_commands"):
                left.append(((*words, name), below.command, below))


COMMANDS = dict(_commands())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_of_whole_sentences_with_an_example_a_line(words):
    """The command and its options end in full stops; each example is a command with its options."""
    context = COMMANDS[words]
    command = context.command
    text = " ".join((command.help or "").split())
    assert re.match(r"[A-Z].*[.)]$", text), text
    for param in command.params:
        said = getattr(param, "help", None) or ""
        if "--help" not in param.opts:
            assert re.match(r"[A-Z].*[.)]$", said), (param.name, said)
    head, *lines = [line.strip() for line in (command.epilog or "").splitlines() if line.strip()]
    assert head == ("Example:" if len(lines) == 1 else "Examples:")
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    for line in lines:
        first, name, *rest = shlex.split(line.partition(" | ")[0].partition(" && ")[0])
        assert (first, name) == words[:2]
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        if hasattr(command, "list_commands"):
            continue  # options of the command in it that runs where none is named
        assert given <= options, line
