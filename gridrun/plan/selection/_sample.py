"""What was drawn of a grid, and how much is to be drawn.

What was drawn is kept as values, not numbers, so it outlives a change of the grid.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby

RANDOM, BALANCED = "random", "balanced"
DESIGNS = (RANDOM, BALANCED)
"""How a sample may be drawn."""

BlockValues = tuple[tuple[str, str], ...]
"""Parameter and value text of everything a block agrees on, sorted by parameter."""


@dataclass(frozen=True)
class SampleSize:
    """How much is asked for: whole blocks with so many combinations, or so many blocks.

    Args:
        combinations: Least number of combinations.
        blocks: Number of blocks; None where combinations are counted.
    """

    combinations: int = 0
    blocks: int | None = None

    @property
    def asked(self) -> int:
        """The number that was asked for."""
        return self.combinations if self.blocks is None else self.blocks

    def is_reached(self, blocks: int, combinations: int) -> bool:
        """Whether so many blocks, with so many combinations, are enough."""
        return combinations >= self.combinations if self.blocks is None else blocks >= self.blocks


@dataclass(frozen=True)
class Sample:
    """Blocks in the order they were drawn, over all runs so far."""

    blocks: tuple[BlockValues, ...] = ()

    def to_json(self) -> str:
        """As text, for the ledger: parameters once, then the values of block after block."""
        groups = [
            {"parameters": names, "blocks": [[text for _, text in block] for block in blocks]}
            for names, blocks in groupby(self.blocks, key=lambda block: [name for name, _ in block])
        ]
        return json.dumps(groups, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> Sample:
        """From what ``to_json`` gave; None is the empty sample."""
        return cls(
            tuple(
                tuple(zip(group["parameters"], values, strict=True))
                for group in json.loads(text or "[]")
                for values in group["blocks"]
            )
        )
