"""How values become text in a CSV table: shortest decimals; NA and NaN stay distinct."""

from __future__ import annotations

import contextlib
import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gridrun.store.cache import replacing


@contextlib.contextmanager
def csv_table(target: Path, columns: Sequence[str], *, one_writer: bool = False) -> Iterator[Any]:
    """A table that takes the place of ``target`` when it is whole.

    Args:
        target: The file.
        columns: Its header.
        one_writer: As for ``replacing``.

    Yields:
        A ``csv.writer`` that has written the header.
    """
    with (
        replacing(target, one_writer=one_writer) as aside,
        aside.open("w", encoding="utf-8", newline="") as handle,
    ):
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        yield writer


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
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Inf" if value > 0 else "-Inf"
        return repr(value)
    return " ".join(str(value).split()) if isinstance(value, str) else str(value)
