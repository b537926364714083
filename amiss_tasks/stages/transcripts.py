"""Transcripts of two sources, matched by their identifiers: exactly, or without their versions.

A version counts how often a transcript's sequence was changed (``ENST00000357654.9``). VEP writes
it if asked to, CADD and dbNSFP write none, RefSeq's identifiers have one nearly always. So a
transcript that the other side has under no identifier of equal spelling is looked for without its
version. Where one side has two versions of it, which one is meant is the user's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

_STEM = r"^((?:ENST|NM_|NR_|XM_|XR_)\d+)\.\d+$"
_VERSIONED = re.compile(_STEM)
SEPARATOR = "\r"
NA = "NA"
"""R pastes a missing key as this, so a row without a transcript joins one without."""


class Side(NamedTuple):
    """One of two tables of which rows are matched.

    Args:
        table: Arrow table.
        keys: Its key columns, in the other side's order; the transcript last, if it has one.
        name: What messages call it.
    """

    table: Any
    keys: Sequence[str]
    name: str


class VersionNote(NamedTuple):
    """What is to be said of rows that were matched without a version.

    Args:
        said: Which side has which versions.
        rows: How many rows.
        example: Both transcripts of one of them.
    """

    said: str
    rows: int
    example: str


@dataclass(frozen=True)
class Matches:
    """Rows of one side with the row of the other that each belongs to.

    Args:
        at: Arrow array with the position on the other side for each row of this one, null where
            there is none; the first of several with equal keys.
        notes: What is to be said of rows that were matched without a version.
        twice_here: Pairs of rows of this side, each with two versions of one transcript.
        twice_there: The same of the other side.
    """

    at: Any
    notes: Sequence[VersionNote] = ()
    twice_here: Sequence[tuple[int, int]] = ()
    twice_there: Sequence[tuple[int, int]] = ()


def stem(transcript: str) -> str:
    """An identifier without its version."""
    found = _VERSIONED.match(transcript)
    return found[1] if found else transcript


def place_of(transcript: str, others: Sequence[str]) -> Sequence[int]:
    """Where a transcript is among others: its own spelling first, else without versions.

    Returns:
        Its positions; several if it is there in several versions, of which none is its own.
    """
    if transcript in others:
        return (others.index(transcript),)
    name = stem(transcript)
    return [position for position, other in enumerate(others) if stem(other) == name]


def pasted(table: Any, names: Sequence[str]) -> Any:
    """Columns pasted to one of text, as R's ``merge`` does."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(
        *(pc.fill_null(table[name], NA) for name in names), SEPARATOR
    )


def matches(here: Side, there: Side) -> Matches:
    """Match the rows of two tables by all of their keys.

    Args:
        here: The rows that are asked for.
        there: The rows that they are looked for among. Both have a transcript among their keys.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    at = pc.index_in(pasted(here.table, here.keys), value_set=pasted(there.table, there.keys))
    if isinstance(at, pa.ChunkedArray):
        at = at.combine_chunks()
    if not at.null_count or not any(map(_has_versions, (here, there))):
        return Matches(at)
    stems = [_stems(side) for side in (here, there)]
    without = pc.index_in(stems[0], value_set=stems[1]).combine_chunks()
    loose = pc.and_(at.is_null(), without.is_valid())
    rows = np.flatnonzero(loose.to_numpy(zero_copy_only=False))
    if not len(rows):
        return Matches(at)
    met = pc.unique(stems[0].filter(loose))
    twice = [list(_twice(side, keys, met)) for side, keys in zip((here, there), stems, strict=True)]
    notes = list(_notes(here, there, rows, without.take(pa.array(rows)).to_numpy()))
    return Matches(pc.coalesce(at, without), notes, *twice)


def _has_versions(side: Side) -> bool:
    import pyarrow.compute as pc

    names = pc.unique(side.table[side.keys[-1]])
    return bool(pc.any(pc.match_substring_regex(names, _STEM)).as_py())


def _stems(side: Side) -> Any:
    """Keys pasted, transcripts without their versions."""
    import pyarrow.compute as pc

    column = side.table[side.keys[-1]]
    plain = pc.replace_substring_regex(column, _STEM, r"\1")
    table = side.table.select(side.keys)
    return pasted(table.set_column(len(side.keys) - 1, side.keys[-1], plain), side.keys)


def _twice(side: Side, stems: Any, met: Any) -> Iterator[tuple[int, int]]:
    """Rows with another version of a transcript than an earlier row of their variant has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = np.flatnonzero(pc.is_in(stems, value_set=met).to_numpy(zero_copy_only=False))
    keys = stems.take(pa.array(rows))
    full = side.table[side.keys[-1]].take(pa.array(rows))
    pairs = pc.unique(pc.binary_join_element_wise(keys, full, SEPARATOR))
    if len(pairs) == len(pc.unique(keys)):
        return
    first: dict[str, tuple[int, str]] = {}
    for row, key, name in zip(rows.tolist(), keys.to_pylist(), full.to_pylist(), strict=True):
        before = first.setdefault(key, (row, name))
        if before[1] != name:
            yield before[0], row


def _notes(here: Side, there: Side, rows: Any, found: Any) -> Iterator[VersionNote]:
    """How many rows were matched without a version, by which side has one."""
    import pyarrow as pa

    mine = here.table[here.keys[-1]].take(pa.array(rows)).to_pylist()
    theirs = there.table[there.keys[-1]].take(pa.array(found)).to_pylist()
    kinds: dict[tuple[bool, bool], list[tuple[str, str]]] = {}
    for pair in zip(mine, theirs, strict=True):
        kind = (stem(pair[0]) != pair[0], stem(pair[1]) != pair[1])
        kinds.setdefault(kind, []).append(pair)
    for (has_here, has_there), pairs in sorted(kinds.items()):
        if has_here and has_there:
            said = f"transcripts have other versions in {here.name} than in {there.name}"
        else:
            with_version, without = (here, there) if has_here else (there, here)
            said = f"transcripts have versions in {with_version.name} and none in {without.name}"
        yield VersionNote(said, len(pairs), " and ".join(min(pairs)))
