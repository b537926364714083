"""What the text of a Python file says without being run: its imports, calls and parameters."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from gridrun.errors import Fault, InputError

_READING = frozenset(
    {"open", "read_csv", "read_table", "read_parquet", "read_pickle", "read_text", "read_bytes"}
    | {"load", "loadtxt", "genfromtxt", "fromfile"}
)
"""Functions that read files."""


def parsed(path: Path, text: str) -> ast.Module:
    """The file's tree.

    Raises:
        InputError: Python cannot parse it.
    """
    try:
        return ast.parse(text)
    except SyntaxError as error:
        message, line = f"Python cannot parse the file: {error.msg}", error.lineno
    except (ValueError, RecursionError, MemoryError) as error:
        message, line = f"Python cannot parse the file: {error}", None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise InputError([Fault(path, message, line, f"mend it; this is Python {version}")])


def modules_beside(
    path: Path, text: str, read: Callable[[Path], str]
) -> tuple[tuple[str, str], ...]:
    """Modules that lie beside a file and that it imports, with those that these import.

    Args:
        path: The file.
        text: Its text.
        read: Gives the text of another.

    Returns:
        Name and text of each, by name.

    Raises:
        InputError: One cannot be read or parsed, has the name of a module of Python itself, or
            is imported in a way that needs a package.
    """
    found: dict[str, str] = {}
    waiting = [(path, text)]
    while waiting:
        here, code = waiting.pop()
        for name, line in _imports(here, parsed(here, code)):
            beside = path.parent / f"{name}.py"
            if name in found or not beside.is_file():
                continue
            if beside.resolve() == path.resolve():
                raise InputError(
                    [Fault(here, f"imports {path.name}, by which it is imported", line)]
                )
            if name in sys.stdlib_module_names:
                message = f'import {name}: Python has a module "{name}", and so has this folder'
                raise InputError([Fault(here, message, line, f"rename {beside.name}")])
            found[name] = read(beside)
            waiting.append((beside, found[name]))
    return tuple(sorted(found.items()))


def _imports(path: Path, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """First part of each name that is imported, and the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or not node.module:
                advice = "leave out the dots: a module beside the file is imported by its name"
                message = "imports a module by its place in a package, but it is in none"
                raise InputError([Fault(path, message, node.lineno, advice)])
            yield node.module.partition(".")[0], node.lineno


def distributions(texts: Iterable[str], beside: Iterable[str]) -> dict[str, str]:
    """Installed distributions that files import.

    Args:
        texts: Their texts.
        beside: Names of modules that lie beside them.

    Returns:
        Name of each to its version; a module that nothing installed has, to an empty text.
    """
    names = {name for text in texts for name, _ in _imports(Path(), ast.parse(text))}
    foreign = sorted(names - set(beside) - sys.stdlib_module_names)
    found: dict[str, str] = {}
    for name in foreign:
        owners = _owners().get(name, ())
        found |= {owner: metadata.version(owner) for owner in owners} or {name: ""}
    return found


@cache
def _owners() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def files_read(text: str) -> list[str]:
    """Lines on which the code calls functions that read files, as sentences without subject."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    lines = sorted((call.lineno, _called(call)) for call in calls if _called(call) in _READING)
    return [f"line {line} calls {name}()" for line, name in lines]


def params_read(text: str) -> list[str]:
    """Names of hyperparameters that the code takes out of ``params``."""
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(text)):
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript) and _is_params(node.value):
            key = node.slice
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and (node.func.attr, len(node.args)) == ("get", 1)
            and _is_params(node.func.value)
        ):
            key = node.args[0]
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            found[key.value] = None
    return list(found)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_params(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "params"
