"""Seeded draws of whole blocks, stable when the sample or the grid grows.

A block is the set of combinations that agree on everything but the compared
parameters. Blocks are drawn one by one by a Fisher-Yates shuffle that keeps
only what it has touched, from the bits of Python's Mersenne Twister, or in the
order that ``_balanced`` makes of it: the first blocks drawn for N are the first
ones for every larger N.
"""

from __future__ import annotations

import itertools
import math
import operator
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gridrun.plan.grid import Grid
from gridrun.plan.selection._balanced import balanced
from gridrun.plan.selection._sample import RANDOM, BlockValues, Sample, SampleSize
from gridrun.plan.task_encoding import IntArray, value_text


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
        # from the last parameter: number of values, and the distance of two of them in the grid
        distances = itertools.accumulate(grid.sizes[:0:-1], operator.mul, initial=1)
        steps = zip(grid.sizes[::-1], self._shared[::-1], distances, strict=True)
        self._steps = [(size, step) for size, shared, step in steps if shared and size > 1]
        # a block is known by its first combination: all compared digits zero
        self._bases = None if chosen is None else np.unique(self._base_of(chosen))

    @property
    def combinations(self) -> int:
        """Number of combinations in all blocks together."""
        return len(self.grid) if self._chosen is None else len(self._chosen)

    def __len__(self) -> int:
        return len(self.grid) // len(self._offsets) if self._bases is None else len(self._bases)

    def draw(
        self, size: SampleSize, seed: int, earlier: Sample, design: str = RANDOM
    ) -> tuple[Sample, list[int]]:
        """Draw blocks until they are as many as asked for, or all are drawn.

        Args:
            size: How many are asked for.
            seed: Decides the order of draws.
            earlier: Drawn before; these come first, in their order.
            design: One of ``DESIGNS``.

        Returns:
            The sample to be kept (earlier blocks included, those too that the
            grid has lost or this draw does not need), and the first
            combinations of the blocks drawn now.
        """
        known = {base: values for values in earlier.blocks if (base := self._find(values)) >= 0}
        drawn: list[int] = []
        kept = list(earlier.blocks)
        count = 0
        for base in self._order(list(known), seed, design):
            if size.is_reached(len(drawn), count):
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

    def digits(self, bases: Sequence[int] | IntArray) -> IntArray:
        """Positions of the values of the parameters that blocks differ in.

        Args:
            bases: First combinations of blocks.

        Returns:
            One row for each of ``varying``, one column for each block.
        """
        every = np.unravel_index(np.asarray(bases, np.int64), self.grid.sizes)
        rows = np.array([every[axis] for axis in self.varying], np.int64)
        return rows.reshape(len(self.varying), len(bases))

    @cached_property
    def varying(self) -> tuple[int, ...]:
        """Parameters, by position, of which the blocks have two values or more."""
        return tuple(axis for axis, count in enumerate(self._counts) if count > 1)

    def present(self, axes: Sequence[int]) -> NDArray[np.bool_]:
        """Which values, or groups of values, the combinations of all blocks have.

        Args:
            axes: Parameters, by position.

        Returns:
            Shape ``(product of their numbers of values,)``, in the order of the grid.
        """
        sizes = [self.grid.sizes[axis] for axis in axes]
        if self._chosen is None:
            return np.ones(math.prod(sizes), np.bool_)
        return counts_of(np.unravel_index(self._chosen, self.grid.sizes), axes, sizes) > 0

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        """How many values of each parameter the blocks have."""
        if self._bases is None:
            return self._sizes
        digits = np.unravel_index(self._bases, self.grid.sizes)
        return tuple(len(np.unique(positions)) for positions in digits)

    def _order(self, first: list[int], seed: int, design: str) -> Iterator[int]:
        """All blocks in drawing order: those drawn before, then the others by the design."""
        yield from first
        shuffled = self._shuffled(set(first), seed)
        if design == RANDOM:
            yield from shuffled
        else:
            sizes = [self._counts[axis] for axis in self.varying]
            yield from balanced(first, shuffled, self.digits, sizes)

    def _shuffled(self, before: set[int], seed: int) -> Iterator[int]:
        """All blocks but some, in random order."""
        rng = random.Random(seed)
        moved: dict[int, int] = {}
        count = len(self)
        for position in range(count):
            other = position + _below(rng, count - position)
            number = moved.get(other, other)
            moved[other] = moved.pop(position, position)
            base = self._base(number)
            if base not in before:
                yield base

    def _base(self, number: int) -> int:
        """First combination of block ``number``."""
        if self._bases is not None:
            return int(self._bases[number])
        base = 0
        for size, step in self._steps:
            number, digit = divmod(number, size)
            base += digit * step
        return base

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


def counts_of(
    digits: Sequence[IntArray] | Mapping[int, IntArray], axes: Sequence[int], sizes: Sequence[int]
) -> IntArray:
    """How often each value, or group of values, occurs.

    Args:
        digits: Positions of values, by parameter.
        axes: Parameters, by position.
        sizes: Number of values of each of these.

    Returns:
        Shape ``(product of sizes,)``, in the order of the grid.
    """
    cells = np.ravel_multi_index([digits[axis] for axis in axes], sizes)
    return np.bincount(cells, minlength=math.prod(sizes))


def _below(rng: random.Random, bound: int) -> int:
    """A whole number below ``bound``, each equally likely, from bits alone."""
    # The generator's bits are the same in every version of Python, what randrange makes of them
    # need not be: a sample must be drawn again as it was.
    bits = (bound - 1).bit_length()
    while True:
        number = rng.getrandbits(bits) if bits else 0
        if number < bound:
            return number
