"""Row ids as upstream writes them.

Source: upstream's S02, ``upstream-behaviour`` section 3 step 1 and defect D20.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from amiss_tasks.features.feature_set import CONSEQUENCE, KEYS, VARIANT
from amiss_tasks.r.arrays import IntArray
from amiss_tasks.stages.block_tables import consequence_of
from amiss_tasks.stages.columns.words import Names, Words, filled
from amiss_tasks.stages.table import VariantTable
from gridrun.pipeline import TaskFailure

_SHOWN = 5
_LOGICAL = {"T": "TRUE", "TRUE": "TRUE", "true": "TRUE", "True": "TRUE"} | {
    "F": "FALSE",
    "FALSE": "FALSE",
    "false": "FALSE",
    "False": "FALSE",
}


@dataclass(frozen=True)
class RowNames:
    """What rows are called, and what names are made of.

    Args:
        read: Column to the text of each row, as it stands in the input.
        written: Column to the distinct values of that, as they are in ids.
    """

    read: Mapping[str, Words[str]]
    written: Mapping[str, Sequence[str]]

    @property
    def ids(self) -> Names:
        """Id of each row."""
        parts = [Words(self.written[name], words.codes) for name, words in self.read.items()]
        return Names(parts, ":")

    @property
    def variants(self) -> Names:
        """Variant of each row, its parts as they stand in the input."""
        return Names([self.read[name] for name in VARIANT], "\t")

    @property
    def consequences(self) -> Words[str]:
        """Consequence of each row: the text after the last colon of its id."""
        return self.read[CONSEQUENCE].map(consequence_of)

    def take(self, rows: IntArray) -> RowNames:
        """The rows at these positions."""
        return replace(self, read={name: words.take(rows) for name, words in self.read.items()})


def row_names(table: VariantTable, *, as_text: bool = False) -> RowNames:
    """Names of step 1, padded over all rows of the table (D20).

    Args:
        table: The block's rows.
        as_text: Take every part as it stands in the input instead.

    Raises:
        TaskFailure: An id occurs twice.
    """
    read, written = {}, {}
    for name in (*KEYS, CONSEQUENCE):
        words = Words.of(table.text[name])
        read[name] = filled(words, "NA")
        is_text = as_text or name not in VARIANT
        written[name] = read[name].distinct if is_text else _as_upstream(name, words.distinct)
    names = RowNames(read, written)
    # 64 bits of each say that no two are alike, if they do
    hashes = np.fromiter(map(hash, names.ids), np.int64, table.rows)
    hashes.sort()
    again = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    counts = Counter(row_id for row_id in names.ids if hash(row_id) in again) if again else {}
    twice = [row_id for row_id, count in counts.items() if count > 1]
    if twice:
        raise TaskFailure(
            f"duplicate 'row.names' are not allowed: {_some(twice)} (a variant, transcript and "
            "consequence may occur once; check the CADD table for duplicate rows)"
        )
    return names


def _as_upstream(name: str, values: Sequence[str | None]) -> list[str]:
    """What R's types of whole columns make of the values of chromosome, position or alleles.

    Args:
        name: Of the column.
        values: Its distinct values.
    """
    texts = [value or "NA" for value in values]
    if name in VARIANT[2:]:
        return _typed(values, texts)
    if name == VARIANT[0] and not all(map(_is_whole, texts)):
        return texts
    plain = [str(int(text)) if _is_whole(text) else text for text in texts]
    # whole numbers as R formats a column of them: to the width of the widest
    width = max(map(len, plain))
    return [text.rjust(width) for text in plain]


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"[0-9]+", text) is not None


def _typed(values: Sequence[str | None], texts: list[str]) -> list[str]:
    """Alleles as text, except that a column of nothing but T reads as logical (D20)."""
    if all(value in _LOGICAL for value in values if value is not None):
        return [_LOGICAL.get(text, text) for text in texts]
    return texts


def _some(values: Sequence[str]) -> str:
    """The first few of many, and how many more."""
    shown = ", ".join(f'"{value}"' for value in values[:_SHOWN])
    more = len(values) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
