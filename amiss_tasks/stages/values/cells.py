"""From the text of a cell to one value: lists, and positions with a length."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from amiss_tasks.features.feature import (
    BY_TRANSCRIPT,
    NUMBER_IN_BRACKETS,
    RELATIVE_POSITION,
    VEP,
    Feature,
)
from amiss_tasks.features.sources import FIRST, MAX
from amiss_tasks.stages.transcripts import place_of
from amiss_tasks.stages.values.parsing import MISSING, parse_numbers, rounded

_POSITION = re.compile(r"(?:(\d{1,9}|\?)-)?(\d{1,9}|\?)/([1-9]\d{0,8})", re.ASCII)
_BARE_POSITION = re.compile(r"(?:(?:\d{1,9}|\?)-)?(?:\d{1,9}|\?)", re.ASCII)
_IN_BRACKETS = re.compile(r"(?:unknown\([^()]*\)|\w+\(([^()]*)\))", re.ASCII)
"""SIFT and PolyPhen as VEP writes them: tolerated_low_confidence(0.06); unknown(0) is none."""
_OF_TEXT = (NUMBER_IN_BRACKETS, RELATIVE_POSITION)
_NO_POSITION = ("-",)
"""How VEP's own tables write a position that is none."""


def separator_of(feature: Feature) -> str:
    """What stands between the values of a list: VEP writes ``&`` where dbNSFP has ``;``.

    Source: VEP's dbNSFP plugin, and the read-me of dbNSFP 4.
    """
    return "&" if feature.file == VEP else ";"


def one_value(
    feature: Feature,
    cells: Sequence[str],
    transcripts: Sequence[tuple[str, str]] | None = None,
) -> tuple[str, ...]:
    """The value of each cell, as its feature takes it from a list.

    Args:
        feature: What it is read for.
        cells: Text as it stands in the file.
        transcripts: For each cell the row's own transcript and ``Ensembl_transcriptid``, if
            lists may be by transcript and that field is there.

    Returns:
        Cells that are no list as they are, and lists as they are of which some value is no
        number though the way compares them.
    """
    separator = separator_of(feature)
    way = next((way for way in feature.lists if way != BY_TRANSCRIPT), FIRST)
    listed = {cell for cell in cells if separator in cell}
    if not listed:
        return tuple(cells)
    values = {cell: _one(cell.split(separator), way, cell) for cell in listed}
    if transcripts is None or BY_TRANSCRIPT not in feature.lists:
        return tuple(values.get(cell, cell) for cell in cells)
    return tuple(
        cell
        if cell not in listed
        else _of_transcript(cell.split(separator), own, all_of_them.split("&"), values[cell])
        for cell, (own, all_of_them) in zip(cells, transcripts, strict=True)
    )


def _one(parts: Sequence[str], way: str, cell: str) -> str:
    known = [part for part in parts if part.strip() not in MISSING]
    if not known:
        return ""
    if way == FIRST:
        return known[0]
    numbers, odd = parse_numbers(known, ())
    if odd:
        return cell
    return known[int(np.argmax(numbers) if way == MAX else np.argmin(numbers))]


def _of_transcript(parts: Sequence[str], own: str, transcripts: Sequence[str], else_: str) -> str:
    places = place_of(own, transcripts) if len(parts) == len(transcripts) else ()
    return parts[places[0]] if len(places) == 1 else else_


def parse(
    feature: Feature, cells: Sequence[str], missing: Sequence[str]
) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Numbers of a feature's cells; see :func:`parse_numbers`."""
    import pyarrow as pa

    if feature.stands_for in _OF_TEXT and isinstance(cells, pa.Array):
        cells = cells.to_pylist()
    if feature.stands_for == NUMBER_IN_BRACKETS:
        cells = [_within(cell) for cell in cells]
    if feature.stands_for != RELATIVE_POSITION:
        return parse_numbers(cells, missing)
    values = np.full(len(cells), np.nan)
    bad: list[int] = []
    for index, cell in enumerate(cells):
        if cell.strip() in (*missing, *_NO_POSITION):
            continue
        found = _POSITION.fullmatch(cell)
        if found is None:
            bad.append(index)
            continue
        # of a range its beginning, or what is known of it
        known = [at for at in found.group(1, 2) if at not in (None, "?")]
        if known:
            values[index] = rounded(int(known[0]) / int(found[3]))
    return values, bad


def _within(cell: str) -> str:
    found = _IN_BRACKETS.fullmatch(cell)
    return cell if found is None else found[1] or ""


def lacks_length(feature: Feature, cell: str) -> bool:
    """Whether a cell is a position of which VEP was not asked to write the length.

    That is no fault where a study does without the feature: its value is missing.
    """
    is_position = feature.optional and feature.stands_for == RELATIVE_POSITION
    return is_position and _BARE_POSITION.fullmatch(cell) is not None
