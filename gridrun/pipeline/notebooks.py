"""How what a person gets from Python shows itself: in a notebook as tables, else in lines."""

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
    rows = [(name, value) for name, value in facts.items() if _is_said(value)]
    return f"<p><b>{_text(title)}</b></p>{rows_html((), rows)}{lines_html(lines)}"


def facts_text(title: str, facts: Mapping[str, Any], lines: Iterable[object] = ()) -> str:
    """The same as lines, for a prompt without a notebook; arguments as for ``facts_html``."""
    rows = [f"  {name}: {_said(value)}" for name, value in facts.items() if _is_said(value)]
    return "\n".join([title, *rows, *(printable(str(line)) for line in lines)])


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


def _is_said(value: object) -> bool:
    return value not in (None, "", ())


def _text(value: object) -> str:
    return escape(_said(value))


def _said(value: object) -> str:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return printable(f"{value:,}" if is_count else str(value))
