"""Which variants ``--rows`` draws, and which may be among them while a VCF is read.

A variant's place in the draw is a hash of the seed and its chromosome, position, Ref and Alt: the
order of rows does not matter, and a larger number keeps the variants of a smaller one. So whoever
reads a VCF needs the rows of those variants alone that come first in the draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from amiss_tasks.features.feature_set import VARIANT
from amiss_tasks.stages.columns.coded import Coded
from amiss_tasks.stages.transcripts import SEPARATOR

SPARE = 1_000
"""Variants beside twice those that are drawn whose rows are kept: some join nothing."""

_LAST = b"\xff" * 33
"""Behind every place of the draw."""
_WIDER = 8


class Draw:
    """The variants that come first in a draw, as they are met.

    Args:
        rows: How many variants are drawn.
        seed: Any whole number.
        delay: Blocks until what was found in one decides what is left out of another; the same
            for any number of processes, so that all of them check the same rows.
        most: How many are kept, for some have no row in a table; twice ``rows`` and some more
            where None.
    """

    def __init__(self, rows: int, seed: int, delay: int, most: int | None = None) -> None:
        self.rows, self.seed = rows, seed
        self._delay = delay
        self.most = 2 * rows + SPARE if most is None else most
        self.is_partial = False
        """Whether rows of some variant were left out."""
        self._held = 0
        self._joined = 0
        self._bound = _LAST
        self._bounds: list[bytes] = []
        self._asked = 0

    def wider(self) -> Draw:
        """A draw of the same variants that keeps more of those behind them.

        Twice as many as are needed if as few of them join, so that it is mostly the last one.
        """
        needed = 2 * self.rows * self.most // self._joined if self._joined else 0
        return Draw(self.rows, self.seed, self._delay, max(needed, _WIDER * self.most))

    def bound(self) -> bytes:
        """Places of the variants of the next block that are kept are not behind this one."""
        self._asked += 1
        known = self._asked - self._delay
        return self._bounds[known - 1] if known > 0 else _LAST

    def hold(self, records: int) -> bool:
        """Take in the records of a block; whether there are so many that some are to be left."""
        self._held += records
        self._bounds.append(self._bound)
        return self._held > 2 * self.most

    @property
    def share(self) -> float:
        """Share of the variants that are kept at most that are there."""
        return min(1.0, self._held / (2 * self.most))

    def first_of(self, table: Any, columns: Sequence[str]) -> Any:
        """The rows of the variants that come first; others are left out from now on.

        Args:
            table: Arrow table.
            columns: Its columns that name a variant.
        """
        names, codes = _variants(table, columns)
        places = [place_in_draw(self.seed, name) for name in names]
        if len(places) <= self.most:
            self._held = len(places)
            return table
        self.is_partial = True
        self._held = self.most
        self._bound = sorted(places)[self.most - 1]
        self._bounds[-1] = self._bound
        return _rows_of(table, codes, [place <= self._bound for place in places])

    def has_enough(self, table: Any) -> bool:
        """Whether all that are drawn are among the joined rows."""
        if self.is_partial:
            self._joined = len(_variants(table, VARIANT)[0])
        return not self.is_partial or self._joined >= self.rows


class Within:
    """Says of records whether their variants are kept.

    Args:
        seed: The draw's.
        bound: Of :meth:`Draw.bound`.
    """

    def __init__(self, seed: int, bound: bytes) -> None:
        self._seed, self._bound = seed, bound

    def has(self, variant: Sequence[str | None]) -> bool:
        """Whether rows of a variant are kept."""
        return self._bound == _LAST or place_in_draw(self._seed, variant) <= self._bound


def place_in_draw(seed: int, variant: Sequence[str | None]) -> bytes:
    """A variant's place in the draw of a seed."""
    return hashlib.sha256("\t".join((str(seed), *map(str, variant))).encode()).digest()


def sample_variants(table: Any, number: int, seed: int) -> Any:
    """Keep all rows of ``number`` variants, drawn by seed and content.

    Args:
        table: The joined table.
        number: How many variants.
        seed: Any whole number.
    """
    names, codes = _variants(table, VARIANT)
    places = [place_in_draw(seed, name) for name in names]
    drawn = set(sorted(range(len(places)), key=places.__getitem__)[:number])
    return _rows_of(table, codes, [at in drawn for at in range(len(places))])


def _variants(table: Any, columns: Sequence[str]) -> tuple[list[tuple[str | None, ...]], Any]:
    """The variants of a table, and which of them each row has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(table):
        return [], np.zeros(0, np.intp)
    # no cell has a line end, so none is taken for what stands for a missing one
    filled = (pc.fill_null(table[name], "\n") for name in columns)
    joined = pc.binary_join_element_wise(*filled, SEPARATOR)
    coded = Coded.of(pa.chunked_array(joined).combine_chunks().dictionary_encode())
    names = (text.split(SEPARATOR) for text in coded.distinct)
    return [tuple(None if cell == "\n" else cell for cell in name) for name in names], coded.codes


def _rows_of(table: Any, codes: Any, is_kept: Sequence[bool]) -> Any:
    import pyarrow as pa

    return table.filter(pa.array(np.array(is_kept, np.bool_)[codes], pa.bool_()))
