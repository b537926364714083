"""A JSON or YAML file, by its ending, and the paths that it names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gridrun.documents._jsontree import parse_json
from gridrun.documents._yamltree import parse_yaml
from gridrun.documents.textfile import read_text_file
from gridrun.documents.tree import Document, Node, kind_of, quoted
from gridrun.errors import Fault, InputError

YAML_SUFFIXES = (".yaml", ".yml")
GRID_SUFFIXES = (".json", *YAML_SUFFIXES)


def read_document(path: Path, suffixes: Sequence[str] = GRID_SUFFIXES) -> Document:
    """Read and parse a file.

    Args:
        path: As the user named it.
        suffixes: Allowed endings.

    Raises:
        InputError: The file cannot be read, or is not what its ending says.
    """
    file = read_text_file(path, suffixes)
    parse = parse_json if path.suffix.lower() == ".json" else parse_yaml
    document = parse(path, file.text)
    return replace(document, notes=(*file.notes, *document.notes))


def expanded(text: str) -> Path:
    """A path as a person wrote it, ``~`` expanded.

    Raises:
        ValueError: Nothing can have it; the text says why.
    """
    try:
        os.fsencode(text)
        if "\0" not in text:
            return Path(text).expanduser()
    except UnicodeEncodeError:
        pass
    except RuntimeError:
        raise ValueError("there is no such user") from None
    raise ValueError("it cannot be a path")


def path_behind(file: Path, name: str, node: Node) -> Path:
    """The absolute path that a node names: relative to its file, ``~`` expanded.

    Args:
        file: The file that the node stands in.
        name: What it stands behind, for messages: ``key "grid"``.
        node: The node.

    Raises:
        InputError: It is not a path. Whether anything is there is not checked.
    """
    value = node.text or ""
    if not value.strip():
        message = f"{name} has {kind_of(node)}, expected a path"
        raise InputError([Fault(file, message, node.line)])
    try:
        given = expanded(value)
    except ValueError as error:
        message = f"{name} has {quoted(value)}: {error}"
        raise InputError([Fault(file, message, node.line)]) from None
    return (file.absolute().parent / given).absolute()
