"""A section of the page, and what it shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gridrun.report.page._known import Known

DIGITS = 4
"""Decimals of a metric on the page."""


@dataclass(frozen=True)
class Shown:
    """What a section shows.

    Args:
        values: Names that its template uses.
        data: Plain data for its figure, None without one.
        packed: Columns that its figure unpacks, see ``pack``; empty without any.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] | None = None
    packed: str = ""


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Args:
        name: Its anchor; its template is ``templates/NAME.html.jinja``.
        title: Its heading.
        show: From what is known to what is shown; None where there are no data for it yet.
    """

    name: str
    title: str
    show: Callable[[Known], Shown | None]


def number(value: float, digits: int = DIGITS) -> str:
    """A number as the page has it."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def read_number(text: str) -> float:
    """A cell of a table in ``results/``: NaN for NA."""
    return math.nan if text == "NA" else float(text)


def cell_number(text: str, digits: int = DIGITS) -> str:
    """A cell of a table in ``results/`` as the page has it."""
    return number(read_number(text), digits)
