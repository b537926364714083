"""What people read names only what is there, in the words of the field."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

from gridrun.cli import app

ROOT = Path(__file__).parents[2]
PACKAGES = ("gridrun", "backends", "amiss_tasks")
CODE = sorted(path for top in PACKAGES for path in (ROOT / top).rglob("*.py"))
SCRIPTS = sorted(path for top in PACKAGES for path in (ROOT / top).rglob("*.R"))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")])


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _commands() -> dict[str, set[str]]:
    """Each command to its own commands, empty for most."""
    root = typer.main.get_command(app)
    context = typer.Context(root)
    found = {}
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        found[name] = set(getattr(command, "commands", {}))
    return found


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Texts of a module, docstrings included; what is filled in later stands as X."""
    tree = ast.parse(path.read_text("utf-8"))
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(node) if part is not node}
            parts = (part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside
        ):
            yield node.lineno, node.value


NAMED = re.compile(
    r"(?:`|: |^ {4})gridrun (?P<command>[a-z][a-z-]+)(?: (?P<inner>[a-z-]+)\b)?", re.MULTILINE
)
"""A command as it is told to be typed: in backquotes, behind a colon, on an indented line."""


@pytest.mark.parametrize("path", [*CODE, *PAGES], ids=_name)
def test_every_command_that_is_named_exists(path):
    """A message, a docstring, a module's head and a page name commands that there are."""
    texts = _texts(path) if path.suffix == ".py" else [(0, path.read_text("utf-8"))]
    for line, text in texts:
        for found in NAMED.finditer(text):
            command, inner = found["command"], found["inner"]
            assert command in _commands(), f"{_name(path)}:{line}: gridrun {command}"
            own = _commands()[command]
            if own and inner and "`" in found[0]:
                assert inner in own or inner.isupper(), f"{_name(path)}:{line}: {found[0]}"


PATH = re.compile(
    r"(?<![\w./-])((?:gridrun|backends|amiss_tasks|tests|docs|docker|benchmarks)/[\w./-]+"
    r"\.(?:py|R|md|txt))"
)


@pytest.mark.parametrize("path", [*CODE, *SCRIPTS, *PAGES], ids=_name)
def test_every_file_that_is_named_is_there(path):
    """A path below the project that a page, a message or a comment names exists."""
    if path.name == "CHANGELOG.md":
        return  # says what was true
    named = set(PATH.findall(path.read_text("utf-8")))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


MODULE = re.compile(r"``((?:gridrun|backends|amiss_tasks)\.[\w.]+)``")


@pytest.mark.parametrize("path", CODE, ids=_name)
def test_every_module_that_a_docstring_names_is_there(path):
    """``package.module`` or ``package.module.Name`` in a docstring can be opened."""
    for name in sorted(set(MODULE.findall(path.read_text("utf-8")))):
        if name in ("gridrun.backends", "gridrun.commands", "gridrun.study_keys"):
            continue  # groups of entry points
        module, rest = name, []
        while (value := _module(module)) is None:
            module, _, last = module.rpartition(".")
            rest.append(last)
        for part in reversed(rest):
            value = getattr(value, part, None) or vars(value)["__annotations__"][part]


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def _help_texts() -> Iterator[tuple[str, typer.Context, object]]:
    root = typer.main.get_command(app)
    context = typer.Context(root, info_name="gridrun")
    yield "gridrun", context, root
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        below = typer.Context(command, info_name=name, parent=context)
        yield f"gridrun {name}", below, command
        for inner, one in getattr(command, "commands", {}).items():
            yield f"gridrun {name} {inner}", typer.Context(one, info_name=inner, parent=below), one


HELP = {name: (context, command) for name, context, command in _help_texts()}


@pytest.mark.parametrize("name", HELP)
def test_a_usage_line_shows_arguments_as_they_are_typed(name):
    """An argument stands as MODEL or [SHARD], never as {MODEL} or [[SHARD]]."""
    context, command = HELP[name]
    usage = command.get_usage(context)
    assert not re.search(r"[{}]|\[\[", usage), usage
    arguments = [piece.strip("[].") for piece in usage.split()[len(name.split()) + 1 :]]
    assert [piece for piece in arguments if not re.fullmatch(r"[A-Z_]+", piece)] == []


@pytest.mark.parametrize("name", HELP)
def test_a_flag_shows_no_type(name):
    """``--json`` stands without ``<bool>``: it takes no value."""
    context, command = HELP[name]
    flags = [param for param in command.get_params(context) if getattr(param, "is_flag", False)]
    assert flags
    assert [flag.opts for flag in flags if "bool" in (flag.display_type_rich(context) or "")] == []


@pytest.mark.parametrize("name", [name for name in HELP if name.count(" ") == 1])
def test_examples_stand_a_line_each_and_can_be_typed(name):
    """The help of a command ends in examples of it, whose options it has."""
    _, command = HELP[name]
    head, *lines = (command.epilog or "").split("\n\n")
    assert head in {"Example:", "Examples:"}
    assert (head == "Example:") == (len(lines) == 1)
    inner = getattr(command, "commands", {})
    for line in lines:
        assert line.strip().startswith(name), line
        assert "  |  " not in line
        word = line.split()[2] if len(line.split()) > 2 else ""
        shown = HELP.get(
            f"{name} {word}", HELP.get(f"{name} run", HELP[name]) if inner else HELP[name]
        )
        options = {option for param in shown[1].get_params(shown[0]) for option in param.opts}
        typed = re.findall(r"(?<!\S)--[a-z-]+", line.partition("&&")[0])
        assert [option for option in typed if option not in options] == [], line
