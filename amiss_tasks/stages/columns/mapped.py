"""Tables in Arrow files that are mapped, so that what was read of them can be given back."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ROWS_OF_PIECE = 100_000
"""At most."""


class Mapped:
    """An Arrow table, mapped from its file if it is in one.

    Args:
        table: The table.
        pages: The file it is mapped from; None where it is in memory.
    """

    def __init__(self, table: Any, pages: mmap.mmap | None = None) -> None:
        self.table = table
        self._pages = pages

    @classmethod
    def of(cls, file: Path) -> Mapped:
        """Map a file.

        Raises:
            OSError: It cannot be read.
            ValueError: It is no Arrow file.
        """
        import pyarrow as pa

        with file.open("rb") as opened:
            pages = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(pa.ipc.open_file(pa.py_buffer(pages)).read_all(), pages)

    def give_back(self) -> None:
        """Have this process hold none of the file's pages; they are read again when asked for."""
        if self._pages is not None:
            self._pages.madvise(mmap.MADV_DONTNEED)

    def pieces(self, *columns: str) -> Iterator[Any]:
        """Yield Arrow tables of some columns, of all rows, piece by piece."""
        import pyarrow as pa

        for batch in self.table.select(columns).to_batches(_ROWS_OF_PIECE):
            yield pa.Table.from_batches([batch])
            self.give_back()
