"""Tables made to fit a width, by rules: heads broken, names shortened, columns in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Lines = tuple[list[tuple[str, str]], list[list[str]]]
"""Heads with their sides, and rows of cells."""

_BETWEEN = 2
"""Blanks that the table puts between two columns."""

_SHORTEST = 8
"""Letters that a shortened name keeps at least."""

ADVICE = (
    "the table is wider than 80 columns: leave names out of --by, keep one value with --where, "
    "or write it to a file with -o FILE"
)


@dataclass(frozen=True)
class Fitted:
    """A table that fits, as far as can be.

    Args:
        heads: Heads with their sides.
        rows: Cells.
        shortened: Shortened name to the whole one.
        advice: What to do where it does not fit; else empty.
    """

    heads: list[tuple[str, str]]
    rows: list[list[str]]
    shortened: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""


def fit(lines: Lines, room: int, names: int) -> Iterator[Fitted]:
    """Make a table fit: heads break behind underscores, then names are shortened, then it is cut.

    Args:
        lines: The table.
        room: Characters of a line.
        names: How many of the first columns are names of a row: these stand in each table that a
            wide one is cut into.
    """
    heads, rows = lines
    room -= _BETWEEN  # at both ends
    if _width(heads, rows) <= room:
        yield Fitted(list(heads), rows)
        return
    heads = [
        (_broken(name, max((len(row[at]) for row in rows), default=0)), side)
        for at, (name, side) in enumerate(heads)
    ]
    numbers = range(names, len(heads))
    least = max((_column(heads, rows, at) for at in numbers), default=0) + _BETWEEN
    # what the names may take: a table of one column of numbers is the least; means are not cut
    is_cut = len(numbers) > 0 and all("±" not in heads[at][0] for at in numbers)
    rest = least if is_cut else sum(_column(heads, rows, at) + _BETWEEN for at in numbers)
    heads, rows, shortened = _shortened(heads, rows, names, room - rest)
    own = sum(_column(heads, rows, at) + _BETWEEN for at in range(names))
    turns = _turns(heads, rows, numbers, room - own) if is_cut else [list(numbers)]
    for turn in turns:
        at = [*range(names), *turn]
        shown = [heads[one] for one in at], [[row[one] for one in at] for row in rows]
        advice = ADVICE if _width(*shown) > room else ""
        yield Fitted(*shown, shortened if turn is turns[-1] else {}, advice)


def _turns(
    heads: list[tuple[str, str]], rows: list[list[str]], numbers: range, room: int
) -> list[list[int]]:
    """Columns of each table, in order."""
    found: list[list[int]] = [[]]
    left = room
    for at in numbers:
        needs = _column(heads, rows, at) + _BETWEEN
        if found[-1] and needs > left:
            found.append([])
            left = room
        found[-1].append(at)
        left -= needs
    return found


def _shortened(
    heads: list[tuple[str, str]], rows: list[list[str]], names: int, room: int
) -> tuple[list[tuple[str, str]], list[list[str]], dict[str, str]]:
    """Names of rows cut to the room there is, the longest column first, while they still differ."""
    cells, cut = [list(row) for row in rows], list(heads)
    known: dict[str, str] = {}
    widths = [_column(heads, cells, at) for at in range(names)]
    while sum(widths) + _BETWEEN * names > room:
        at = max(range(names), key=widths.__getitem__, default=None)
        if at is None or widths[at] <= _SHORTEST:
            break
        widths[at] -= 1
    for at, width in enumerate(widths):
        values = dict.fromkeys(row[at] for row in rows)
        short = {value: _short(value, width) for value in values}
        if len(set(short.values())) < len(values):
            continue  # shortened they would be the same
        for row in cells:
            row[at] = short[row[at]]
        name, side = heads[at]
        cut[at] = ("\n".join(_short(line, width) for line in name.split("\n")), side)
        if cut[at][0] != name:
            known[cut[at][0].replace("\n", "")] = name.replace("\n", "")
        known |= {text: value for value, text in short.items() if text != value}
    return cut, cells, known


def _short(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    tail = (width - 1) // 3
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def _broken(name: str, least: int) -> str:
    """A head in lines, broken behind underscores and blanks, no wider than its cells if may be."""
    lines = [""]
    for piece in name.replace("_", "_\0").replace(" ", " \0").split("\0"):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > max(least, _SHORTEST):
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _column(heads: list[tuple[str, str]], rows: list[list[str]], at: int) -> int:
    head = max(map(len, heads[at][0].split("\n")))
    return max([head, *(len(row[at]) for row in rows)])


def _width(heads: list[tuple[str, str]], rows: list[list[str]]) -> int:
    return sum(_column(heads, rows, at) + _BETWEEN for at in range(len(heads)))
