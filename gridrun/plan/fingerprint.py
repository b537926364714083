"""Digests of code, of file content and of plain data. Pure but for reading files.

A fingerprint says what determines a task's output, never when, where or how
often it ran. Comments, docstrings and layout are left out of code digests, so
that a better comment does not cost a grid.

A digest of Python code is taken once in a process, whose modules stay as they were
loaded; one of R code is taken of the file as it is now, for R reads files on request.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import importlib.util
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Any, NamedTuple

_CHUNK_BYTES = 1 << 20


def digest_of(data: Any) -> str:
    """Digest (32 hex digits) of plain data: dicts in any order, lists, text, numbers."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return digest_of_text(text)


def digest_of_text(text: str) -> str:
    """Digest (32 hex digits) of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def digest_of_bytes(data: bytes) -> str:
    """Digest (32 hex digits) of some bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file's bytes."""
    with path.open("rb") as handle:
        return _digest_of_rest(handle)


def digest_of_input(path: Path, opened: Callable[[Path], IO[bytes]] | None = None) -> str:
    """SHA-256 (64 hex digits) of an input's content: of what is packed, where it is gzip.

    Results depend on the text, not on how it is packed, so that a file that was packed, unpacked
    or packed anew is the same input. What cannot be unpacked counts as its bytes: whoever reads
    it says what is wrong with it.

    Args:
        path: The file.
        opened: Opens it; the file itself where left out.
    """
    with (opened or _opened)(path) as raw:
        try:
            with gzip.GzipFile(fileobj=raw) as content:
                return _digest_of_rest(content)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raw.seek(0)
            return _digest_of_rest(raw)


def _digest_of_rest(stream: IO[bytes] | gzip.GzipFile) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def digest_of_beginning(raw: IO[bytes], size: int) -> str:
    """SHA-256 (64 hex digits) of the first bytes of an input's content.

    Inputs of one ``digest_of_input`` have one of these.

    Args:
        raw: The file, at its beginning.
        size: How many bytes of content; a file with fewer counts as a whole.
    """
    try:
        content = gzip.GzipFile(fileobj=raw).read(size)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raw.seek(0)
        content = raw.read(size)
    return hashlib.sha256(content).hexdigest()


def _opened(path: Path) -> IO[bytes]:
    return path.open("rb")


@cache
def python_code(
    module: str, within: str, prune: tuple[str, ...] = (), beside: tuple[str, ...] = ()
) -> str:
    """Digest of the code of :func:`python_modules`, the arguments are the same."""
    names = python_modules(module, within, prune, beside)
    return digest_of_text("\n".join(_parsed(name).code for name in sorted(names)))


def python_modules(
    module: str, within: str, prune: tuple[str, ...] = (), beside: tuple[str, ...] = ()
) -> frozenset[str]:
    """A module and the modules of its package that it imports, recursively.

    Args:
        module: Dotted name.
        within: Package (dotted) whose modules are followed; others are left to
            the environment record.
        prune: Modules and packages that are not followed.
        beside: Modules that have a digest of their own: what these import is left out.
    """
    found = _closure(module, within, prune)
    for other in beside:
        found -= _closure(other, within, prune)
    return frozenset(found)


def r_code(path: Path) -> str:
    """Digest of an R file, as it is now, without comment lines, blank lines, trailing blanks."""
    return r_text_code(path.read_text("utf-8"))


@lru_cache(maxsize=512)
def r_text_code(text: str) -> str:
    """Digest of R code without its comment lines, blank lines and trailing blanks.

    Lines inside of a string that goes over several are all kept.
    """
    lines = _R_TOKEN.sub(_without_comment, text).splitlines()
    kept = (line.rstrip().replace(_R_BREAK, "\n") for line in lines)
    return digest_of_text("\n".join(line for line in kept if line))


_R_BREAK = "\0"
"""Stands for a line break inside of a string while the others are looked at."""

_R_TOKEN = re.compile(
    r"""(?P<comment>^[ \t]*\#[^\n]*) | \#[^\n]*
    | [rR](?P<quote>["'])(?P<dashes>-*)
        (?:\(.*?\)|\[.*?\]|\{.*?\})(?P=dashes)(?P=quote)
    | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*`""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
"""Comments, and the strings of R in which there are none."""


def _without_comment(found: re.Match[str]) -> str:
    return "" if found["comment"] is not None else found[0].replace("\n", _R_BREAK)


@lru_cache(maxsize=512)
def python_text_code(text: str) -> str:
    """Digest of Python code without its comments, docstrings and layout.

    Raises:
        SyntaxError: Python cannot parse it.
    """
    return digest_of_text(_parse(text).code)


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of the components that two contexts do not share, in order."""
    return sorted(
        name for name in set(old) | set(new) if old.get(name, None) != new.get(name, None)
    )


def _closure(module: str, within: str, prune: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if any(f"{name}.".startswith(f"{other}.") for other in prune):
            continue
        if name in found or _file(name) is None:
            continue
        found.add(name)
        waiting.extend(n for n in _parsed(name).imports if n.startswith(f"{within}."))
    return found


@cache
def _file(module: str) -> Path | None:
    """A module's file; None for what is no module.

    It is looked for below its top package: Python's own way would import every package above it,
    and a name inside of a module the module, with all that these import.
    """
    top, *below = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ModuleNotFoundError, ValueError):
        return None
    if spec is None:
        return None
    if not below:
        return Path(spec.origin) if spec.origin else None
    for folder in spec.submodule_search_locations or ():
        path = Path(folder, *below)
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if file.is_file():
                return file
    return None


class _Parsed(NamedTuple):
    imports: tuple[str, ...]
    """What may be a module among the names that are imported."""

    code: str
    """As a text, without comments, docstrings and layout."""


@cache
def _parsed(module: str) -> _Parsed:
    """What a module's file says, its code below its name."""
    path = _file(module)
    if path is None:
        raise ModuleNotFoundError(module)
    found = _parse(path.read_text("utf-8"))
    return found._replace(code=f"{module}\n{found.code}")


def _parse(text: str) -> _Parsed:
    """What Python code says.

    The tree itself is not kept: the garbage collector would go over all trees again and again,
    which took three times as long as parsing them.

    Raises:
        SyntaxError: Python cannot parse it.
    """
    tree = ast.parse(text)
    names: dict[str, None] = {}
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names.update((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from package import name` may name a module or something inside one
            names[node.module] = None
            names.update((f"{node.module}.{alias.name}", None) for alias in node.names)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _leave_out_docstring(node)
    return _Parsed(tuple(names), ast.dump(tree))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """A node and the statements below it; expressions, most of a tree, are not gone through."""
    yield node
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        below = getattr(node, field, ())
        if isinstance(below, list):  # that of a conditional expression or a lambda is none
            for other in below:
                yield from _statements(other)


def _leave_out_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        node.body = node.body[1:] or [ast.Pass()]
