"""How what a person gets from Python shows itself in a notebook: as tables, not as fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from gridrun.errors import printable


def facts_html(title: str, facts: Mapping[str, Any], lines: Iterable[object] = ()) -> str:
    """A table of two columns below a title.

    Args:
        title: What it is of.
        facts: Name to value; what is None or empty is left out.
        lines: Sentences below it.
    """
    rows = [(name, value) for name, value in facts.items() if value not in (None, "", ())]
    return f"<p><b>{_text(title)}</b></p>{rows_html((), rows)}{lines_html(lines)}"


def rows_html(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; whole numbers with thousands marked."""
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table>{head and f'<thead><tr>{head}</tr></thead>'}<tbody>{body}</tbody></table>"


def lines_html(lines: Iterable[object]) -> str:
    """Sentences, one below the other."""
    return "".join(f"<p>{_text(line)}</p>" for line in lines)


def _text(value: object) -> str:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return escape(printable(f"{value:,}" if is_count else str(value)))
