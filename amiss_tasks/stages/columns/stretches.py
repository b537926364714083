"""Stretches of a genome, in the order in which R's ``merge`` has the rows of their variants."""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss_tasks.r.arrays import IntArray
from amiss_tasks.r.collation import text_key
from amiss_tasks.stages.columns.coded import Coded
from amiss_tasks.stages.transcripts import NA, SEPARATOR

_DIGITS = 3
"""Of a position, read as text: a stretch has some 1,000 rows of all transcripts in ClinVar."""


class Stretches:
    """Numbers stretches: a chromosome, and how positions begin.

    R sorts rows by chromosome, then by position, both as text, and by case after all letters of
    all keys. So rows of two stretches are never mixed, and neither are two of one variant in two.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[tuple[int, ...], str], int] = {}
        self._of_text: dict[str, int] = {}

    def of(self, chromosomes: Any, positions: Any) -> IntArray:
        """The stretch of each row.

        Args:
            chromosomes: Arrow column of text; null is NA.
            positions: Arrow column of text, digits or nothing.
        """
        import pyarrow.compute as pc

        began = pc.utf8_slice_codeunits(pc.fill_null(positions, NA), 0, _DIGITS)
        pasted = pc.binary_join_element_wise(pc.fill_null(chromosomes, NA), began, SEPARATOR)
        coded = Coded.of(pasted.combine_chunks().dictionary_encode())
        numbers = np.array(list(map(self._number, coded.distinct)), np.int64)
        found: IntArray = numbers[coded.codes]
        return found

    def in_order(self) -> list[int]:
        """The numbers of all that were met, in the order of rows."""
        return [self._numbers[key] for key in sorted(self._numbers)]

    def _number(self, text: str) -> int:
        if text not in self._of_text:
            chromosome, _, began = text.partition(SEPARATOR)
            key = (text_key(chromosome)[0], began)
            self._of_text[text] = self._numbers.setdefault(key, len(self._numbers))
        return self._of_text[text]
