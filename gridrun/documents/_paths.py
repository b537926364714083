"""Paths that a document names."""

from __future__ import annotations

from pathlib import Path

from gridrun.documents.tree import Node, kind_of, quoted
from gridrun.errors import Fault, InputError


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
        given = Path(value).expanduser()
    except RuntimeError:
        message = f"{name} has {quoted(value)}: there is no such user"
        raise InputError([Fault(file, message, node.line)]) from None
    return (file.absolute().parent / given).absolute()
