"""Places in a genome as numbers, in the order in which R's ``merge`` has the rows of variants."""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss_tasks.r.arrays import IntArray
from amiss_tasks.r.collation import text_key
from amiss_tasks.stages.columns.coded import Coded
from amiss_tasks.stages.transcripts import NA

_DIGITS = 10
"""Of the largest position; each is as long, with how many of them it has behind it."""

_LENGTHS = 16
_NO_POSITION = 10**_DIGITS * _LENGTHS
_OF_CHROMOSOME = 1 << 40
"""Places of one chromosome."""


class Stretches:
    """Numbers places: a chromosome, and a position in it as text.

    R sorts rows by chromosome, then by position, both as text, and by case after all letters of
    all keys. So rows of two stretches of places are never mixed, wherever a genome is cut between
    two places, and neither are two of one variant in two.
    """

    def __init__(self) -> None:
        self._chromosomes: dict[tuple[int, ...], int] = {}

    def of(self, chromosomes: Any, positions: Any) -> IntArray:
        """The place of each row.

        Args:
            chromosomes: Arrow column of text; null is NA.
            positions: Arrow column of text, digits or nothing.
        """
        import pyarrow.compute as pc

        names = pc.fill_null(chromosomes, NA).combine_chunks().dictionary_encode()
        coded = Coded.of(names)
        of_names = np.array(list(map(self._number, coded.distinct)), np.int64)
        digits = pc.utf8_rpad(pc.fill_null(positions, ""), _DIGITS, "0").cast("int64").to_numpy()
        lengths = pc.fill_null(pc.utf8_length(positions), 0).to_numpy()
        own = np.where(lengths > 0, digits * _LENGTHS + lengths, _NO_POSITION)
        found: IntArray = of_names[coded.codes] * _OF_CHROMOSOME + own
        return found

    def in_order(self) -> list[tuple[int, int]]:
        """The first place of each chromosome that was met and the end, in the order of rows."""
        numbers = (self._chromosomes[key] for key in sorted(self._chromosomes))
        return [(each * _OF_CHROMOSOME, (each + 1) * _OF_CHROMOSOME) for each in numbers]

    def _number(self, name: str) -> int:
        return self._chromosomes.setdefault(text_key(name)[0], len(self._chromosomes))
