"""What people read names only what is there, in the words of the field."""

from __future__ import annotations

import ast
import importlib
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

from gridrun.cli import app
from gridrun.errors import counted, in_bytes

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


@cache
def _nodes(path: Path) -> list[ast.AST]:
    """Everything that a module consists of."""
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


@cache
def _texts(path: Path) -> list[tuple[int, str]]:
    """Texts of a module, docstrings included; what is filled in later stands as X."""
    found, inside = [], set()
    for node in _nodes(path):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(node) if part is not node}
            parts = (part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
            found.append((node.lineno, "".join(map(str, parts))))
    found += [
        (node.lineno, node.value)
        for node in _nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside
    ]
    return found


NAMED = re.compile(
    r"(?:`|: |^ {4})gridrun (?P<command>[a-z][a-z-]+)(?: (?P<inner>[a-z-]+)\b)?", re.MULTILINE
)
"""A command as it is told to be typed: in backquotes, behind a colon, on an indented line."""


def test_every_command_that_is_named_exists():
    """A message, a docstring, a module's head and a page name commands that there are."""
    texts = [(path, line, text) for path in CODE for line, text in _texts(path)]
    texts += [(path, 0, path.read_text("utf-8")) for path in PAGES]
    for path, line, text in texts:
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


def test_every_file_that_is_named_is_there():
    """A path below the project that a page, a message or a comment names exists."""
    missing = [
        (_name(path), name)
        for path in (*CODE, *SCRIPTS, *PAGES)
        if path.name != "CHANGELOG.md"  # says what was true
        for name in sorted(set(PATH.findall(path.read_text("utf-8"))))
        if not (ROOT / name).exists()
    ]
    assert missing == []


MODULE = re.compile(r"``((?:gridrun|backends|amiss_tasks)\.[\w.]+)``")


def test_every_module_that_a_docstring_names_is_there():
    """``package.module`` or ``package.module.Name`` in a docstring can be opened."""
    named = {name: path for path in CODE for name in MODULE.findall(path.read_text("utf-8"))}
    for name, path in named.items():
        if name in ("gridrun.backends", "gridrun.commands", "gridrun.study_keys"):
            continue  # groups of entry points
        module, rest = name, []
        while (value := _module(module)) is None:
            module, _, last = module.rpartition(".")
            rest.append(last)
        for part in reversed(rest):
            annotated = getattr(value, "__annotations__", {})
            value = getattr(value, part, None) or annotated.get(part)
            assert value, f"{_name(path)}: {name}"


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
    kept, head, *lines = (command.epilog or "").split("\n")
    assert kept == "\b"
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


PRIVATE = {
    "apart": r"\bapart\b(?! from\b)",
    "checkup": r"\bcheckups?\b",
    "trial": r"\btrials?\b",
    "owed": r"\bow(?:e|ed|es|ing)\b",
    "board": r"\bboards?\b",
    "fate": r"\bfates?\b",
    "bars": r"(?<!progress )\bbars\b|\bbarred\b",
    "blow": r"\bblows?\b",
    "culprit": r"\bculprits?\b",
    "bury": r"\bbur(?:y|ies|ied)\b",
    "ticket": r"\btickets?\b",
    "fleet": r"\bfleets?\b",
    "told": r"\btold\b",
    "come to": r"\b(?:came|comes?) to\b(?! (?:the|this) (?:client|machine)\b)",
    "Whose": r"^\s*(?:[\w*]+: )?Whose\b",
    "For people": r"^\s*(?:[\w*]+: )?For people\b",
    "stand where ... belongs": r"\bwhere [^.;]+ belongs?\b",
    "there twice": r"\bthere twice\b",
}
"""Words that have a standard term in the field; see also ``test_glossary.py``, for pages."""


def _private(text: str) -> list[str]:
    """Private words of a text, each with what stands around it."""
    return [
        f"{word}: {text[max(0, found.start() - 30) : found.end() + 30]}"
        for word, pattern in PRIVATE.items()
        for found in re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE)
        if word not in {"Whose", "For people"} or found[0].strip()[0].isupper() or ":" in found[0]
    ]


def _names(path: Path) -> Iterator[str]:
    """Names of the functions and classes of a module, as words."""
    for node in _nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", node.name).strip().lower()


def _comments(path: Path) -> Iterator[str]:
    """Comments of a module; those that follow each other as one text."""
    lines = {}
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type == tokenize.COMMENT:
            above = lines.pop(token.start[0] - 1, "")
            lines[token.start[0]] = f"{above} {token.string.lstrip('# ')}".strip()
    yield from lines.values()


def test_code_uses_the_words_of_the_field():
    """No docstring, message, help, comment or name has a word that only its writers know."""
    found = [
        (_name(path), hit)
        for path in CODE
        for text in (*(text for _, text in _texts(path)), *_comments(path), *_names(path))
        for hit in _private(text)
    ]
    assert found == []


def test_scripts_use_the_words_of_the_field():
    """Nor does an R file, comments and names included."""
    found = [
        (_name(path), hit)
        for path in SCRIPTS
        for hit in _private(re.sub(r"\n\s*#", " ", path.read_text("utf-8")))
    ]
    assert found == []


def test_private_words_are_found_and_others_are_not():
    """The search finds each word, and takes no sentence of the field for one of them."""
    private = (
        "A checkup, a trial apart: what is owed came to a ticket; board, fate, bars, blow, "
        "culprit, "
        "bury, fleet, told; a list where a number belongs is there twice.\nseed: Whose seeds.\n"
        "tags: For people."
    )
    assert {hit.partition(":")[0] for hit in _private(private)} == set(PRIVATE)
    field = (
        "Apart from NA; the progress bar; rows whose seeds differ; one sentence for people; "
        "outcomes "
        "come to the client; where a bit of a code goes; as many as are known."
    )
    assert _private(field) == []


SEVERAL = (
    "X has folds",  # X: a value of a key
    "X known ",
    "X values in the grid",
    "X without ",
    "the X, without ids",
    "X of other transcripts",
    "X imputes other rows",
    # more than one, by the condition under which it is said
    "X rows are trained on",
    "all X rows of the training part",
    "a value of X letters",
    "stands for X shares",
    "has X shares, at most",
    "has X rows of hyperparameters",
    "X combinations, a sweep has at most X children",
    "X workers cannot run a task",
    "at most X characters",
    "at most X seconds",
    "X bytes",
    "X workers were lost",
    "X parameters are missing",
    "X of X outcomes",
)
"""Where a number, or what is none, stands before a plural rightly."""

NOUNS = (
    "attempts|blocks|bytes|cells|characters|checks|children|classifiers|columns|combinations|cores|"
    "events|faults|features|fields|folds|letters|lines|models|nodes|outcomes|parameters|parts|"
    "records|rows|seconds|segments|settings|shards|shares|sweeps|tasks|transcripts|units|values|"
    "variants|workers"
)


def test_a_count_agrees_with_its_noun():
    """No message can read "1 rows": a count has its noun by ``gridrun.errors.counted``."""
    found = []
    for path in CODE:
        for line, text in _texts(path) if "testing" not in path.relative_to(ROOT).parts else ():
            for hit in re.finditer(rf"\bX (?:\w+ ){{0,2}}(?:{NOUNS})\b", text):
                around = text[max(0, hit.start() - 40) : hit.end() + 40]
                if not any(allowed in around for allowed in SEVERAL):
                    found.append((f"{_name(path)}:{line}", around))
    assert found == []


def test_counts_and_sizes_read_as_people_write_them():
    """One has no plural; a size below one MB is not 0 MB."""
    assert [counted(n, "fold") for n in (0, 1, 2, 1000)] == [
        "0 folds",
        "1 fold",
        "2 folds",
        "1,000 folds",
    ]
    sizes = (0, 1, 999, 2000, 10**6 - 1, 10**6, 500 * 10**6, 300_500_000, 1_500_000_000)
    assert [in_bytes(size) for size in sizes] == [
        "0 bytes",
        "1 byte",
        "999 bytes",
        "2 kB",
        "1,000 kB",
        "1 MB",
        "500 MB",
        "300.5 MB",
        "1.5 GB",
    ]
