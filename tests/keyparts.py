"""What keys, digests and stamps are made of, gathered from the code that makes them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any


def parts_of(function: Callable[..., Any]) -> set[str]:
    """Names that a function gives to parts of a key: of dict literals, and of what it adds.

    A name that is made up there stands as the text before what differs: ``switch `` for
    every switch. Dicts within a part are left out.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found: set[str] = set()
    _gather(tree, found)
    return found


def _gather(node: ast.AST, found: set[str]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Dict | ast.DictComp):
            keys = child.keys if isinstance(child, ast.Dict) else [child.key]
            found.update(name for key in keys if (name := _text(key)))
            # **{...} is more of the same key
            spread = zip(keys, getattr(child, "values", ()), strict=False)
            for key, value in spread:
                if key is None:
                    _gather(ast.Expression(value), found)
            continue
        if isinstance(child, ast.Subscript) and isinstance(child.ctx, ast.Store):
            found.update(filter(None, [_text(child.slice)]))
        _gather(child, found)


def _text(node: ast.AST | None) -> str | None:
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if is_text else None


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """Names of the parts that two keys do not share."""
    absent = object()
    return {n for n in {*one, *other} if one.get(n, absent) != other.get(n, absent)}
