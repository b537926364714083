"""The table of joined rows that ``read`` keeps and ``filter`` cuts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from amiss_tasks.r.arrays import FloatArray

_Column = TypeVar("_Column")

GENE = "[gene]"
"""Column of the joined table with the gene of a row, whether or not a feature says it."""

LACKS = "[missing] "
"""How columns are called that say whether a row lacks an allele frequency that is no feature."""


def is_beside(column: str) -> bool:
    """Whether a column of the joined table is there for null models alone."""
    return column == GENE or column.startswith(LACKS)


class Made(Mapping[str, _Column]):
    """Columns by name, each made when it is asked for, so that all of them are never held.

    Args:
        names: Of the columns, in their order.
        make: From a name to its column.
    """

    def __init__(self, names: Sequence[str], make: Callable[[str], _Column]) -> None:
        self._names, self._make = dict.fromkeys(names), make

    def __getitem__(self, name: str) -> _Column:
        """The column; made anew for whoever asks."""
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a column."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self._names)


@dataclass(frozen=True)
class VariantTable:
    """One row per variant and transcript, in the row order of R's ``merge``.

    Args:
        text: Column name to values, for the keys (``feature_set.KEYS``) and the
            text columns of the study's features; None is NA.
        numeric: Column name to float64 values of their numeric columns; NaN is
            NA. Values have at most 15 significant digits, since upstream passes
            them through a CSV file.
        rows: Number of rows.
        beside: Columns that are there for null models alone (``GENE``, ``LACKS``): the gene or
            None, as ``text``, and whether an allele frequency is missing, shape (rows,).
    """

    text: Mapping[str, Sequence[str | None]]
    numeric: Mapping[str, FloatArray]
    rows: int
    beside: Mapping[str, Any] = field(default_factory=dict)
