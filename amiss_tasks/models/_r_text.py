"""Python values as R code, as ``r.session`` would send them; exact to the last bit."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 96
_INDENT = "  "
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")


def r_text(value: Any, indent: str = "") -> str:  # noqa: PLR0911 - one return for each kind of value
    """R code of a value.

    Args:
        value: None, bool, int, float, str, a mapping of these (an R list with names), a list
            (one without names), or a tuple (a vector of one type; empty: of text).
        indent: Of the line it stands on.
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return f"{value}L"
        case float():
            return "NaN" if math.isnan(value) else repr(value).replace("inf", "Inf")
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Mapping():
            inner = indent + _INDENT
            items = [f"{_named(name)} = {r_text(item, inner)}" for name, item in value.items()]
            return _call("list", items, indent)
        case list():
            return _call("list", [r_text(item, indent + _INDENT) for item in value], indent)
        case tuple() if not value:
            return "character()"
        case _:
            return _call("c", [r_text(item) for item in value], indent)


def r_columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """R code of a data frame with some columns of rows; None is NA."""
    columns = []
    for name in names:
        cells = [row[name] for row in rows]
        texts = ["NA" if cell is None else r_text(float(cell)) for cell in cells]
        texts = [text.removesuffix(".0") for text in texts]
        columns.append(f"{name} = {_call('c', texts, _INDENT)}")
    return _call("data.frame", columns, "")


def raw_text(text: str) -> str:
    """A text as an R string, its lines as they are."""
    dashes = "---"
    while f"]{dashes}" in text:
        dashes += "-"
    return f'r"{dashes}[{text}]{dashes}"'


def _named(name: str) -> str:
    return name if _NAME.fullmatch(name) else f"`{name}`"


def _call(function: str, items: Sequence[str], indent: str) -> str:
    """A call on one line, or with as many arguments on each line as fit."""
    whole = f"{function}({', '.join(items)})"
    if len(indent) + len(whole) <= WIDTH and "\n" not in whole:
        return whole
    inner = indent + _INDENT
    lines, line = [], ""
    for item in items:
        longer = f"{line}, {item}" if line else item
        if line and ("\n" in item or len(inner) + len(longer) >= WIDTH):
            lines.append(line)
            line = item
        else:
            line = longer
    lines.append(line)
    body = ",\n".join(f"{inner}{line}" for line in lines)
    return f"{function}(\n{body}\n{indent})"
