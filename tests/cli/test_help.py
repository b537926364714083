"""How help reads: in sentences; examples are held to their commands in ``test_words.py``."""

from __future__ import annotations

import re

import pytest
import typer.main
from commands import gridrun

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
def test_help_is_of_whole_sentences(words):
    """The help of a command and of each option begins with a capital and ends in a full stop."""
    context = COMMANDS[words]
    command = context.command
    text = " ".join((command.help or "").split())
    assert re.match(r"[A-Z].*[.)]$", text), text
    for param in command.params:
        said = getattr(param, "help", None) or ""
        if "--help" not in param.opts:
            assert re.match(r"[A-Z].*[.)]$", said), (param.name, said)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_breaks_its_lines_where_the_terminal_ends(words):
    """A paragraph is one line: breaks of the source would stand in the middle of a terminal's."""
    paragraphs = (COMMANDS[words].command.help or "").split("\n\n")
    assert [text for text in paragraphs if "\n" in text] == []


def test_the_first_help_has_each_command_with_its_whole_sentence():
    """Plain text, without boxes; no sentence is cut where a line ends."""
    shown = gridrun("--help").stdout
    assert not re.search(r"[\u2500-\u257f]", shown)
    flowing = " ".join(shown.split())
    for words, context in COMMANDS.items():
        if len(words) == 2:
            first = (context.command.help or "").partition("\n\n")[0]
            assert f"{words[1]} {first}" in flowing


def test_options_stand_under_the_heads_that_help_names():
    """Arguments, options, those that say which tasks are meant, and examples a line each."""
    shown = gridrun("results", "--help").stdout
    heads = re.findall(r"^ *(\w[\w ]*):$", shown, re.MULTILINE)
    assert heads == ["Arguments", "Options", "Which means", "Which tasks", "Examples"]
    assert "\n    gridrun results . --no-tables\n    gridrun results . --columns\n" in shown
    assert "\n  --no-blocks " in shown
