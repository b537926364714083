"""Where a split by time cuts: by a field of the records, at a date or at a share of the variants.

Trained on the older variants, tested on the newer ones, as a predictor is used: what it is asked
was not known when it was trained. Source: Roberts et al. 2017 (doi:10.1111/ecog.02881), on data
with temporal structure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from amiss_tasks.r.arrays import FloatArray, IntArray
from gridrun.errors import counted

OLDER, NEWER, UNDATED = 0, 1, -1
"""Parts of a split: trained on, tested on, and neither, for want of a time."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Cut:
    """A split by time, as a study declares it.

    Args:
        field: INFO key of the records with a date (``2021-05-31``) or a number.
        since: The first date or number that is tested on; empty where a share is given.
        share: Share of the variants that is tested on, the newest ones; None where ``since`` is
            given.
    """

    field: str
    since: str = ""
    share: float | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Cut:
        """The cut that a study's data hold."""
        return cls(data["field"], data.get("since", ""), data.get("share"))

    @property
    def content(self) -> list[Any]:
        """All that decides which variants are tested on, as plain data."""
        return [self.field, self.since, self.share]

    def parts(self, texts: Sequence[str | None], variants: Sequence[str]) -> IntArray:
        """The part of each row.

        Args:
            texts: Value of the field in each row, None where the record has none.
            variants: Variant of each row; all of its rows have the same value.

        Returns:
            ``OLDER``, ``NEWER`` or ``UNDATED``. Variants of one time are in one part: with a
            share, the cut that comes nearest to it.
        """
        times = times_of(texts)
        first = self._first(times, variants)
        return np.where(np.isnan(times), UNDATED, np.where(times >= first, NEWER, OLDER))

    def said(self, texts: Sequence[str | None], variants: Sequence[str]) -> str:
        """What the cut makes of rows, in a sentence."""
        parts = dict(zip(variants, self.parts(texts, variants).tolist(), strict=True))
        of = {part: [*parts.values()].count(part) for part in (OLDER, NEWER, UNDATED)}
        times = times_of(texts)
        first = np.nanmin(np.where(times >= self._first(times, variants), times, np.nan))
        shown = next(text for text, time in zip(texts, times, strict=True) if time == first)
        said = (
            f"variants are split by {self.field}: {of[OLDER]:,} older ones to train on, "
            f"{of[NEWER]:,} from {shown} on to test on"
        )
        if not of[UNDATED]:
            return said
        return f"{said}; {counted(of[UNDATED], 'variant')} without {self.field} are in neither part"

    def fault(self, texts: Sequence[str | None]) -> tuple[str, Sequence[int]]:
        """What keeps rows from being split, and the positions that it is about; empty if nothing.

        Args:
            texts: As for :meth:`parts`.
        """
        known = [n for n, text in enumerate(texts) if text is not None]
        if not known:
            return f"no record has {self.field}, by which variants are to be split", ()
        odd = [n for n in known if math.isnan(time_of(texts[n]))]
        if odd:
            return f"{self.field} is neither a date such as 2021-05-31 nor a number", odd
        dated = {_is_date(text) for text in texts if text is not None}
        if len(dated) > 1:
            first = _is_date(texts[known[0]])
            return (
                f"{self.field} is a date in some records and a number in others",
                [n for n in known if _is_date(texts[n]) is not first],
            )
        if self.since and _is_date(self.since) not in dated:
            kind = "a date" if True in dated else "a number"
            return f"{self.field} is {kind}, but split_by is to cut at {self.since}", ()
        times = times_of(texts)
        first_time = self._first(times, [str(n) for n in range(len(times))])
        for none, word in ((times >= first_time, "newer"), (times < first_time, "older")):
            if not none.any():
                return f"no record is {word} by {self.field}, as split_by cuts it", ()
        return "", ()

    def _first(self, times: FloatArray, variants: Sequence[str]) -> float:
        """The first time that is tested on."""
        if self.share is None:
            return time_of(self.since)
        of_variant = dict(zip(variants, times.tolist(), strict=True))
        known = np.array([time for time in of_variant.values() if not math.isnan(time)])
        moments, counts = np.unique(known, return_counts=True)
        if len(moments) < 2:  # noqa: PLR2004  # nothing to cut between
            return math.inf
        newer = np.cumsum(counts[::-1])[::-1][1:] / len(known)
        return float(moments[1:][np.argmin(np.abs(newer - self.share))])


def times_of(texts: Sequence[str | None]) -> FloatArray:
    """Texts as numbers that are in the order of time; NaN where there is none."""
    return np.array([time_of(text) for text in texts], dtype=np.float64)


def time_of(text: str | None) -> float:
    """A date as the number of its day, a number as it is; NaN if it is neither."""
    if text is None:
        return math.nan
    try:
        if _is_date(text):
            return float(date.fromisoformat(text).toordinal())
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _is_date(text: str | None) -> bool:
    return _DATE.fullmatch(text or "") is not None
