"""Combination numbers as people write them: ``1,5,10-20``, or a file of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gridrun.documents import expanded
from gridrun.documents.textfile import read_text_file
from gridrun.documents.tree import quoted
from gridrun.errors import Fault, InputError, UserError
from gridrun.plan.task_encoding import IntArray

_PART = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")
_MOST_FAULTS = 20
_OPTION = "--combinations"


def read_numbers(text: str, size: int) -> IntArray:
    """Combinations that a list names.

    Args:
        text: Numbers and ranges, counted from 1, joined by commas; or ``@`` and
            the path of a file that has them, on one line or several, ``#``
            before a comment.
        size: Number of combinations of the grid.

    Returns:
        Indices counted from 0, ascending, none twice.

    Raises:
        UserError: A part is no number or range, or not in the grid.
    """
    ranges: list[tuple[int, int]] = []
    if text.startswith("@"):
        try:
            path = expanded(text[1:])
        except ValueError as error:
            raise UserError(f"{quoted(text)}: {error}", where=_OPTION) from None
        faults: list[Fault] = []
        for line, part in _file_parts(path):
            reason = _take(part, size, ranges)
            if reason:
                faults.append(Fault(path, reason[0], line, reason[1]))
            if len(faults) >= _MOST_FAULTS:
                break
        if not ranges and not faults:
            faults.append(Fault(path, "lists no combination"))
        if faults:
            raise InputError(faults)
    else:
        for part in text.split(","):
            reason = _take(part.strip(), size, ranges)
            if reason:
                raise UserError(reason[0], where=f"{_OPTION} {text}", todo=reason[1])
    return _merged(ranges)


def write_numbers(indices: IntArray) -> str:
    """What ``read_numbers`` reads, as short as ranges make it.

    Args:
        indices: Counted from 0, ascending, none twice; at least one.
    """
    runs = np.split(indices + 1, np.flatnonzero(np.diff(indices) != 1) + 1)
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _file_parts(path: Path) -> Iterator[tuple[int, str]]:
    for line, content in enumerate(read_text_file(path).text.splitlines(), start=1):
        for part in re.split(r"[,\s]+", content.partition("#")[0]):
            if part:
                yield line, part


def _take(part: str, size: int, ranges: list[tuple[int, int]]) -> tuple[str, str] | None:
    """Add a part to the ranges, or say what is wrong with it."""
    match = _PART.fullmatch(part)
    allowed = f"combinations are numbered from 1 to {size:,}"
    if match is None:
        return (
            f"{quoted(part)} is not a combination number",
            f"write numbers and ranges, 1,5,10-20, or @FILE; {allowed}",
        )
    first = int(match[1])
    last = int(match[2]) if match[2] else first
    if first > last:
        return f"the range {part} runs backwards", f"did you mean {last}-{first}?"
    if first < 1 or last > size:
        missing = first if first < 1 or first > size else last
        return f"there is no combination {missing:,}", allowed
    ranges.append((first - 1, last))
    return None


def _merged(ranges: list[tuple[int, int]]) -> IntArray:
    """Indices of ranges that may overlap, without holding any twice."""
    pieces: list[IntArray] = []
    reached = 0
    for start, stop in sorted(ranges):
        pieces.append(np.arange(max(start, reached), stop, dtype=np.int64))
        reached = max(reached, stop)
    return np.concatenate(pieces)
