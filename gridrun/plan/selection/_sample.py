"""Seeded draws of whole blocks, stable when the sample or the grid grows.

A block is the set of combinations that agree on everything but the compared
parameters. Blocks are drawn one by one by a Fisher-Yates shuffle that keeps
only what it has touched, from the bits of Python's Mersenne Twister: the first
blocks drawn for N are the first ones for every larger N. What was drawn is kept
as values, not numbers, so it outlives a change of the grid.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from gridrun.plan.grid import Grid
from gridrun.plan.task_encoding import IntArray, value_text

BlockValues = tuple[tuple[str, str], ...]
"""Parameter and value text of everything a block agrees on, sorted by parameter."""


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


class Blocks:
    """The blocks of a grid, or of some of its combinations.

    Args:
        grid: The grid.
        compared: Parameters that vary within a block; those the grid does not
            have are left out. None: every combination is a block.
        chosen: Indices the blocks consist of, ascending; None: all.
    """

    def __init__(self, grid: Grid, compared: Sequence[str], chosen: IntArray | None) -> None:
        self.grid = grid
        self.compared = tuple(name for name in grid.names if name in set(compared))
        self._chosen = chosen
        self._shared = [name not in self.compared for name in grid.names]
        axes = zip(grid.sizes, self._shared, strict=True)
        self._sizes = tuple(size if shared else 1 for size, shared in axes)
        inside = [
            range(1 if shared else size)
            for size, shared in zip(grid.sizes, self._shared, strict=True)
        ]
        self._offsets: IntArray = np.ravel_multi_index(np.ix_(*inside), grid.sizes).ravel()
        # a block is known by its first combination: all compared digits zero
        self._bases = None if chosen is None else np.unique(self._base_of(chosen))

    @property
    def combinations(self) -> int:
        """Number of combinations in all blocks together."""
        return len(self.grid) if self._chosen is None else len(self._chosen)

    def __len__(self) -> int:
        return len(self.grid) // len(self._offsets) if self._bases is None else len(self._bases)

    def draw(self, least: int, seed: int, earlier: Sample) -> tuple[Sample, list[int]]:
        """Draw blocks until they have at least so many combinations, or all are drawn.

        Args:
            least: Number of combinations asked for.
            seed: Decides the order of draws.
            earlier: Drawn before; these come first, in their order.

        Returns:
            The sample to be kept (earlier blocks included, those too that the
            grid has lost or this draw does not need), and the first
            combinations of the blocks drawn now.
        """
        known = {base: values for values in earlier.blocks if (base := self._find(values)) >= 0}
        drawn: list[int] = []
        kept = list(earlier.blocks)
        count = 0
        for base in self._order(list(known), seed):
            if count >= least:
                break
            drawn.append(base)
            count += len(self._members_of(base))
            if base not in known:
                kept.append(self._values(base))
        return Sample(tuple(kept)), drawn

    def members(self, bases: Sequence[int]) -> IntArray:
        """Combinations of the blocks with these first combinations, ascending."""
        return np.sort(np.concatenate([self._members_of(base) for base in bases]))

    def _members_of(self, base: int) -> IntArray:
        members = self._offsets + base
        if self._chosen is None:
            return members
        at = np.minimum(np.searchsorted(self._chosen, members), len(self._chosen) - 1)
        present: IntArray = members[self._chosen[at] == members]
        return present

    def _order(self, first: list[int], seed: int) -> Iterator[int]:
        """All blocks in drawing order: those drawn before, then the shuffle."""
        yield from first
        before = set(first)
        rng = random.Random(seed)
        moved: dict[int, int] = {}
        for position in range(len(self)):
            other = position + _below(rng, len(self) - position)
            number = moved.get(other, other)
            moved[other] = moved.pop(position, position)
            base = self._base(number)
            if base not in before:
                yield base

    def _base(self, number: int) -> int:
        """First combination of block ``number``."""
        if self._bases is not None:
            return int(self._bases[number])
        return int(np.ravel_multi_index(np.unravel_index(number, self._sizes), self.grid.sizes))

    def _base_of(self, indices: IntArray) -> IntArray:
        digits = np.unravel_index(indices, self.grid.sizes)
        shared = [digit * flag for digit, flag in zip(digits, self._shared, strict=True)]
        return np.ravel_multi_index(shared, self.grid.sizes)

    def _values(self, base: int) -> BlockValues:
        shared = self.grid.combination(base).items()
        pairs = ((name, value_text(value)) for name, value in shared if name not in self.compared)
        return tuple(sorted(pairs))

    def _find(self, values: BlockValues) -> int:
        """First combination of a block given by its values, or -1 if it is not here."""
        texts = dict(values)
        if set(texts) != set(self.grid.names) - set(self.compared):
            return -1
        digits = []
        for name, known in zip(self.grid.names, self.grid.values, strict=True):
            found = [value_text(value) == texts.get(name, value_text(value)) for value in known]
            if True not in found:
                return -1
            digits.append(found.index(True))
        base = int(np.ravel_multi_index(digits, self.grid.sizes))
        return base if len(self._members_of(base)) else -1


def _below(rng: random.Random, bound: int) -> int:
    """A whole number below ``bound``, each equally likely, from bits alone."""
    # The generator's bits are the same in every version of Python, what randrange makes of them
    # need not be: a sample must be drawn again as it was.
    bits = (bound - 1).bit_length()
    while True:
        number = rng.getrandbits(bits) if bits else 0
        if number < bound:
            return number
