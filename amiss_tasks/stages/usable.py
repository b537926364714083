"""Which blocks of a VCF some combination of a grid can use, by few of their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from amiss_tasks.clinvar import REVIEW_TIERS
from amiss_tasks.stages.filter_mask import (
    KEEP_ALL,
    MANE,
    QUALITIES,
    RESTRICTIONS,
    TRANSCRIPTS,
)
from gridrun.pipeline import Value

MISSENSE, YES = "missense_variant", "YES"

_FILTERS = {"quality": QUALITIES, "restriction": RESTRICTIONS}
"""Parameters of the filter with their values; each value keeps what the one before keeps."""


@dataclass(frozen=True)
class Usable:
    """What a record and a block must have to be used, whatever CLNSIG says.

    Equal to what the filter keeps (``asked_mask``) with the widest values of a grid.

    Args:
        statuses: Values of CLNREVSTAT, one of which the record must have.
        missense: Whether a block must be of a missense variant.
        canonical: Whether it must be of a canonical transcript.
    """

    statuses: frozenset[str]
    missense: bool
    canonical: bool

    def has_block(self, consequence: str, canonical: str) -> bool:
        """Whether a block is used if its record is.

        Args:
            consequence: Its ``Consequence``.
            canonical: Its ``CANONICAL``; empty where VEP did not write it.
        """
        return not (self.missense and MISSENSE not in consequence) and not (
            self.canonical and canonical != YES
        )


class Chosen:
    """Chooses the blocks of records that are used.

    Args:
        usable: What these must have.
        consequence: Position of ``Consequence`` in a block.
        canonical: Position of ``CANONICAL``; None where VEP did not write it.
    """

    def __init__(self, usable: Usable, consequence: int, canonical: int | None) -> None:
        self._usable = usable
        self._consequence, self._canonical = consequence, canonical
        self._cells = max(consequence, canonical or 0) + 1

    def of_text(self, status: str, blocks: Sequence[str]) -> list[str]:
        """Those of a record's blocks that are used.

        Args:
            status: The record's CLNREVSTAT.
            blocks: Its blocks as they stand, each as wide as the header says.
        """
        if status not in self._usable.statuses:
            return []
        found = list(blocks)
        # what is nowhere in a block is in none of its cells
        if self._usable.missense:
            found = [block for block in found if MISSENSE in block]
        if self._usable.canonical:
            found = [block for block in found if YES in block]
        return [block for block in found if self._is_used(block.split("|", self._cells))]

    def of_cells(self, status: str, blocks: Sequence[list[str]]) -> list[list[str]]:
        """The same of blocks that are cut into cells."""
        if status not in self._usable.statuses:
            return []
        return [cells for cells in blocks if self._is_used(cells)]

    def _is_used(self, cells: Sequence[str]) -> bool:
        canonical = "" if self._canonical is None else cells[self._canonical]
        return self._usable.has_block(cells[self._consequence], canonical)


def widest_filter(grid_values: Mapping[str, Sequence[Value]]) -> dict[str, str]:
    """The filter of the grid that keeps most rows; a parameter not given counts as all."""
    return {
        name: [value for value in ordered if value in grid_values.get(name, ordered)][-1]
        for name, ordered in _FILTERS.items()
    }


def widest_transcripts(grid_values: Mapping[str, Sequence[Value]]) -> list[str]:
    """The fewest values of ``transcript`` that together keep what all of the grid keep."""
    given = grid_values.get("transcript", TRANSCRIPTS)
    return [KEEP_ALL] if KEEP_ALL in given else [v for v in (*TRANSCRIPTS, MANE) if v in given]


def usable_blocks(grid_values: Mapping[str, Sequence[Value]]) -> Usable | None:
    """What some combination of a grid can use.

    Args:
        grid_values: Parameter to the values of the grid.

    Returns:
        None where it is all that has a star.
    """
    passing, transcripts = widest_filter(grid_values), widest_transcripts(grid_values)
    if MANE in grid_values.get("transcript", ()):
        transcripts = [KEEP_ALL]  # how many variants have no such transcript is said
    if transcripts == [KEEP_ALL] and passing == widest_filter({}):
        return None
    return Usable(
        frozenset(REVIEW_TIERS[passing["quality"]]),
        missense=passing["restriction"] == RESTRICTIONS[0],
        canonical=transcripts == [TRANSCRIPTS[0]],
    )
