"""How values become text in a CSV table: shortest decimals; NA and NaN stay distinct."""

from __future__ import annotations

import contextlib
import csv
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from gridrun.store.cache import replacing


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


_ECHO = csv.writer(_Echo(), lineterminator="\n")

_ODD = (",,", '"', "nan", "inf", "  ", ", ", " ,")


@contextlib.contextmanager
def csv_file(target: Path, columns: Sequence[str], *, one_writer: bool = False) -> Iterator[Any]:
    """A text file that has a header and takes the place of ``target`` when it is whole.

    Args:
        target: The file.
        columns: Its header.
        one_writer: As for ``replacing``.
    """
    with (
        replacing(target, one_writer=one_writer) as aside,
        aside.open("w", encoding="utf-8", newline="") as handle,
    ):
        csv.writer(handle, lineterminator="\n").writerow(columns)
        yield handle


@contextlib.contextmanager
def csv_table(target: Path, columns: Sequence[str], *, one_writer: bool = False) -> Iterator[Any]:
    """The same, to write it row by row.

    Yields:
        A ``csv.writer`` that has written the header.
    """
    with csv_file(target, columns, one_writer=one_writer) as handle:
        yield csv.writer(handle, lineterminator="\n")


def cells(values: Sequence[Any]) -> str:
    """Neighbouring cells of a CSV line, as ``csv.writer`` would write them.

    Args:
        values: As for ``cell``.
    """
    texts = [cell(value) for value in values]
    # quoted by csv where it is a whole line, which it is not here
    return "" if texts == [""] else str(_ECHO.writerow(texts))[:-1]


def cell(value: Any) -> str:
    """One CSV cell.

    Args:
        value: Text, number, or None for NA.

    Returns:
        ``NA`` for None, ``NaN`` and ``Inf`` as R reads them, the shortest
        decimals that give the same double back, text as it is but on one line.
    """
    if value is None:
        return "NA"
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(value)
        if math.isnan(value):
            return "NaN"
        return "Inf" if value > 0 else "-Inf"
    return _one_line(value) if isinstance(value, str) else str(value)


def lines(rows: Sequence[Sequence[Any]]) -> list[str]:
    """The same of many rows, in a fraction of the time.

    Args:
        rows: Each at least one value, as for ``cell``.
    """
    # csv writes all but None as cell() does, unless _is_odd says otherwise
    told = (
        ("NA" if value is None else value for value in row) if None in row else row for row in rows
    )
    texts = list(map(_ECHO.writerow, told))
    if _is_odd("".join(texts)):
        texts = [
            f"{cells(row)}\n" if _is_odd(text) else text
            for row, text in zip(rows, texts, strict=True)
        ]
    return [text[:-1] for text in texts]


def _is_odd(text: str) -> bool:
    """Whether whole lines may have an empty cell, one in quotes, no number or odd white space."""
    text = f",{text.replace(chr(10), ',')}"
    return not text.isprintable() or any(odd in text for odd in _ODD)


@lru_cache(4096)
def _one_line(text: str) -> str:
    return " ".join(text.split())
