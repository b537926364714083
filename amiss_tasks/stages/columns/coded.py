"""Text cut into columns, each as its distinct cells and, for each row, which of them it has.

The transcripts of a variant share most of their values, and categories have few, so what is done
once for each distinct cell is done for all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.intp]

_BOM = b"\xef\xbb\xbf"


class Coded:
    """A column.

    Args:
        distinct: Its distinct cells, as they stand in the file: text, or an Arrow array of it.
        codes: For each row the position of its cell in them.
    """

    def __init__(self, distinct: Any, codes: Codes) -> None:
        self.codes = codes
        self._distinct = distinct

    @property
    def distinct(self) -> Sequence[str]:
        """The distinct cells."""
        if not isinstance(self._distinct, list | tuple):
            self._distinct = self._distinct.to_pylist()
        found: Sequence[str] = self._distinct
        return found

    @property
    def text(self) -> Any:
        """The same; an Arrow array where that needs no work."""
        return self._distinct

    @classmethod
    def of(cls, column: Any) -> Coded:
        """An Arrow array, or a column, of a dictionary of text."""
        import pyarrow as pa

        if isinstance(column, pa.ChunkedArray):
            one = column.num_chunks == 1
            column = column.chunk(0) if one else column.unify_dictionaries().combine_chunks()
        return cls(column.dictionary, column.indices.to_numpy().astype(np.intp))

    @classmethod
    def of_cells(cls, column: Cells) -> Coded:
        """The cell of each row, or what is a column already."""
        if isinstance(column, Coded):
            return column
        at: dict[str, int] = {}
        codes = [at.setdefault(cell, len(at)) for cell in column]
        return cls(list(at), np.array(codes, np.intp))

    @classmethod
    def repeated(cls, cells: Iterable[str], counts: Codes) -> Coded:
        """Cells that several rows share, each the number of times that is given."""
        of_each = cls.of_cells(tuple(cells))
        return of_each.with_codes(np.repeat(of_each.codes, counts))

    def with_codes(self, codes: Codes) -> Coded:
        """The same cells for other rows; some row need not have each of them."""
        return Coded(self._distinct, codes)

    def cell(self, row: int) -> str:
        """The cell of one row."""
        found: str = self.distinct[self.codes[row]]
        return found

    def cells(self) -> tuple[str, ...]:
        """The cell of each row."""
        return tuple(map(self.distinct.__getitem__, self.codes.tolist()))

    def map(self, function: Callable[[str], str]) -> Coded:
        """The column with each cell as a function makes it."""
        return Coded([function(cell) for cell in self.distinct], self.codes)

    def take(self, rows: Codes) -> Coded:
        """Some of the rows; cells that none of them has are left out."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        return Coded([self.distinct[at] for at in used.tolist()], codes.astype(np.intp))

    def any(self, is_so: Callable[[str], bool]) -> bool:
        """Whether something is so of some cell."""
        return any(map(is_so, self.distinct))


Cells = tuple[str, ...] | Coded
"""A column as the cell of each row, or by its distinct cells."""


def cells_of(column: Cells) -> tuple[str, ...]:
    """The cell of each row."""
    return column.cells() if isinstance(column, Coded) else column


def split_cells(
    text: str, separator: str, width: int, used: Iterable[int], rows: int
) -> dict[int, Coded] | None:
    """Cut lines into columns.

    Args:
        text: Lines, with a line feed between two of them and no other end of line inside of them.
        separator: What stands between two cells.
        width: Cells of each line.
        used: Positions of the columns that are wanted, from 0.
        rows: How many lines there are.

    Returns:
        Position to column; None where some line has another width, so that it is looked at by
        someone who says which.
    """
    import pyarrow as pa
    from pyarrow import csv

    names = [str(position) for position in sorted(set(used))]
    # bytes that are not UTF-8 may stand in columns that are not wanted
    data = text.encode(errors="surrogateescape")
    # Arrow takes an empty line for one of empty cells, and the mark of a file's beginning off
    has_empty_line = text.startswith("\n") or text.endswith("\n") or "\n\n" in text
    if not text or has_empty_line or width <= 1 or not names or data.startswith(_BOM):
        return None
    try:
        table = csv.read_csv(
            pa.py_buffer(data),
            csv.ReadOptions(
                use_threads=False,
                block_size=len(data) + 1,
                column_names=[str(position) for position in range(width)],
            ),
            csv.ParseOptions(
                delimiter=separator,
                quote_char=False,
                double_quote=False,
                escape_char=False,
                newlines_in_values=False,
                ignore_empty_lines=False,
            ),
            csv.ConvertOptions(
                include_columns=names,
                column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string())),
                strings_can_be_null=False,
                check_utf8=False,  # what is wanted was text just now
            ),
        )
    except pa.ArrowInvalid:
        return None
    if len(table) != rows:
        return None
    return {int(name): Coded.of(table[name]) for name in names}
