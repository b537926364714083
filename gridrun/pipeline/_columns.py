"""Columns of the tables that a pipeline fills: declared once, with what tables do with each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gridrun.errors import EnvironmentFault

ColumnType = Literal["text", "integer", "number"]
"""What the cells of a column hold beside NA."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: As in the head of the table.
        type: What its cells hold.
        headline: Whether its mean is printed and stands in the summary.
        measured: Whether it is a time or the like, another one each time a task is run.
    """

    name: str
    type: ColumnType
    headline: bool = False
    measured: bool = False


def names_of(columns: Iterable[Column]) -> tuple[str, ...]:
    """Names of some columns, in order."""
    return tuple(column.name for column in columns)


def refuse_undeclared(row: Mapping[str, Any], columns: Sequence[Column], where: str) -> None:
    """Stop where a row has a value that no column takes: it would be lost without a word.

    Args:
        row: Column name to value.
        columns: Those that are declared.
        where: Who declares them.

    Raises:
        EnvironmentFault: The row has another column.
    """
    unknown = [name for name in row if name not in set(names_of(columns))]
    if unknown:
        raise EnvironmentFault(
            f"a result has the column {', '.join(unknown)}, which is not declared",
            where=where,
            todo="declare it there with its type, or leave it out of the result",
        )
