"""Means with the values of a parameter as columns, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridrun.cli._text import number
from gridrun.cli.results._fit import Lines

if TYPE_CHECKING:
    import pandas as pd


def is_pivoted(frame: pd.DataFrame) -> bool:
    """Whether a frame of means has values of a parameter as columns."""
    from gridrun.report.tables import PIVOT

    return PIVOT in frame.attrs


def pivot_title(frame: pd.DataFrame) -> str:
    """What the cells are."""
    from gridrun.report.tables import FAILED, PIVOT

    name, metric = frame.attrs[PIVOT]
    some = any(any(counts) for counts in frame.attrs[FAILED].values())
    failed = "; in brackets how many parts failed" if some else ""
    return f"{metric}: mean by {name}{failed}"


def pivot_lines(frame: pd.DataFrame) -> Lines:
    """Heads and cells: a mean, and how many parts of it failed."""
    from gridrun.report.tables import FAILED

    failed = frame.attrs[FAILED]
    rest = [str(name) for name in frame.columns if str(name) not in failed]
    heads = [*((name, "left") for name in rest), *((value, "right") for value in failed)]
    rows = [
        [
            *(str(row[name]) for name in rest),
            *(
                number(row[value]) + (f" ({failed[value][at]})" if failed[value][at] else "")
                for value in failed
            ),
        ]
        for at, row in zip(frame.index, frame.to_dict("records"), strict=True)
    ]
    return heads, rows
