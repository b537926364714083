"""dbNSFP's lists by transcript, matched to the transcripts of rows column by column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from amiss_tasks.stages.columns.coded import Coded, Codes
from amiss_tasks.stages.transcripts import stem

_LIST = "&"


def matched_columns(own: Coded, listed: Coded, columns: Sequence[Coded]) -> Sequence[Coded] | None:
    """The values that belong to each row's transcript.

    Args:
        own: Transcript of each row.
        listed: Transcripts of dbNSFP's lists in each row.
        columns: Cells of further fields, with one value for each of these transcripts or one for
            all.

    Returns:
        The transcripts as they are listed, then each column's values; empty where a row's
        transcript is not listed. None where something is to be said: a transcript is listed
        with another version, or a list has another length than that of the transcripts.
    """
    places = _places(own, listed)
    lengths = np.array([cell.count(_LIST) for cell in listed.distinct])[listed.codes]
    if places is None:
        return None
    found = []
    for column in (listed, *columns):
        counts = np.array([cell.count(_LIST) for cell in column.distinct])[column.codes]
        if ((counts > 0) & (counts != lengths)).any():
            return None
        found.append(_of_places(column, places, counts > 0))
    return found


def _places(own: Coded, listed: Coded) -> Codes | None:
    """Where each row's transcript is in its list, -1 where it is not; None as above."""
    lists = [
        {name: at for at, name in reversed([*enumerate(cell.split(_LIST))])}
        for cell in listed.distinct
    ]
    stems = [stem(name) for name in own.distinct]
    places = np.full(len(own.codes), -1, np.intp)
    rows = zip(own.codes.tolist(), listed.codes.tolist(), strict=True)
    for row, (mine, theirs) in enumerate(rows):
        name = own.distinct[mine]
        place = lists[theirs].get(name, -1) if name else -1
        places[row] = place
        if place < 0 and name and stems[mine] in listed.distinct[theirs]:
            return None
    return places


def _of_places(column: Coded, places: Codes, is_list: npt.NDArray[np.bool_]) -> Coded:
    parts = [cell.split(_LIST) for cell in column.distinct]
    starts = np.concatenate(([0], np.cumsum([len(each) for each in parts])))
    at = starts[column.codes] + np.where(is_list, places, 0)
    flat = [part for each in parts for part in each]
    return Coded([*flat, ""], np.where(places < 0, len(flat), at))
