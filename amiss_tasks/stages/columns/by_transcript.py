"""dbNSFP's lists by transcript, matched to the transcripts of rows column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from amiss_tasks.stages.columns.coded import Coded, Codes
from amiss_tasks.stages.transcripts import place_of, stem

_LIST = "&"


class Matched(NamedTuple):
    """Values that belong to the transcripts of rows.

    Args:
        columns: The transcripts as they are listed, then each column's values; empty where a row's
            transcript is not listed, or a list is too short.
        odd: Rows of which something is to be said: a transcript is listed with another version,
            or a list has another length than that of the transcripts.
    """

    columns: Sequence[Coded]
    odd: Codes


def matched_columns(own: Coded, listed: Coded, columns: Sequence[Coded]) -> Matched:
    """The values that belong to each row's transcript.

    Args:
        own: Transcript of each row.
        listed: Transcripts of dbNSFP's lists in each row.
        columns: Cells of further fields, with one value for each of these transcripts or one for
            all.
    """
    places, is_odd = _places(own, listed)
    lengths = _lengths(listed)
    found = []
    for column in (listed, *columns):
        counts = _lengths(column)
        is_odd |= (counts > 1) & (counts != lengths)
        found.append(_of_places(column, places, counts))
    return Matched(found, np.flatnonzero(is_odd))


def _lengths(column: Coded) -> Codes:
    """How many values each row's list has."""
    of_distinct = np.array([cell.count(_LIST) + 1 for cell in column.distinct], np.intp)
    return of_distinct[column.codes]


def _places(own: Coded, listed: Coded) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """Where each row's transcript is in its list, -1 where it is not; and where versions differ."""
    names = [cell.split(_LIST) for cell in listed.distinct]
    lists = [{name: at for at, name in reversed([*enumerate(each)])} for each in names]
    stems = [stem(name) for name in own.distinct]
    places = np.full(len(own.codes), -1, np.intp)
    is_odd = np.zeros(len(own.codes), np.bool_)
    rows = zip(own.codes.tolist(), listed.codes.tolist(), strict=True)
    for row, (mine, theirs) in enumerate(rows):
        name = own.distinct[mine]
        place = lists[theirs].get(name, -1) if name else -1
        if place < 0 and name and stems[mine] in listed.distinct[theirs]:
            others = place_of(name, names[theirs])
            place = others[0] if len(others) == 1 else -1
            is_odd[row] = True
        places[row] = place
    return places, is_odd


def _of_places(column: Coded, places: Codes, counts: Codes) -> Coded:
    parts = [cell.split(_LIST) for cell in column.distinct]
    starts = np.concatenate(([0], np.cumsum([len(each) for each in parts])))
    at = starts[column.codes] + np.where(counts > 1, places, 0)
    flat = [part for each in parts for part in each]
    is_none = (places < 0) | ((counts > 1) & (places >= counts))
    return Coded([*flat, ""], np.where(is_none, len(flat), at))
