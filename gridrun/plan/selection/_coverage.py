"""What a sample has of a grid's values and pairs of values, and what can be concluded from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import numpy as np

from gridrun.errors import counted
from gridrun.pipeline.notebooks import lines_html
from gridrun.plan.selection._blocks import Blocks, counts_of

_MOST_NAMED = 3
_PAIR = 2
_SEVERAL = 2
"""Blocks from which on a value's mean is not the number of one block."""


@dataclass(frozen=True)
class ValueCount:
    """In how many drawn blocks a value occurs.

    Args:
        parameter: Name of its parameter.
        value: The value.
        blocks: Number of blocks.
    """

    parameter: str
    value: str
    blocks: int


@dataclass(frozen=True)
class Coverage:
    """What a sample has of what it was drawn from; parameters with one value are not counted.

    Args:
        design: How it was drawn.
        compared: Parameters of which each block has all selected values.
        blocks: Number of blocks drawn.
        blocks_in_all: Number of blocks they were drawn from.
        combinations: Number of combinations of the blocks drawn.
        combinations_in_all: Number of combinations of all blocks.
        values: Every value of the parameters that blocks differ in, in the order of the grid.
        pairs: Number of pairs of values of two parameters that the sample has.
        pairs_in_all: Number of pairs that all blocks have.
        least: In how many blocks the rarest pair of what blocks differ in is, of those pairs
            that all blocks have; None where blocks differ in less than two parameters.
        most: In how many the most frequent one is.
        lacking: The first pairs that the sample lacks, as ``PARAMETER=VALUE`` twice.
    """

    design: str
    compared: tuple[str, ...]
    blocks: int
    blocks_in_all: int
    combinations: int
    combinations_in_all: int
    values: tuple[ValueCount, ...]
    pairs: int
    pairs_in_all: int
    least: int | None
    most: int | None
    lacking: tuple[tuple[str, str], ...]

    def _repr_html_(self) -> str:
        """What it covers and what can be concluded, for notebooks."""
        return lines_html([*self.covers(), *self.concludes()])

    @property
    def is_all(self) -> bool:
        """Whether nothing was left out."""
        return self.blocks == self.blocks_in_all

    def covers(self) -> list[str]:
        """What the sample has, in sentences."""
        said = [self._drawn()]
        for size, same in groupby(sorted(self._counts(), key=len), key=len):
            every = [count for each in same for count in each]
            parameters = counted(len(every) // size, "parameter")
            said.append(
                f"{parameters} with {counted(size, 'value')}: each value is in {self._range(every)}"
            )
        if self.pairs_in_all:
            often = ""
            if self.least is not None and self.most is not None:
                each = self._range([self.least, self.most])
                often = f"; those that blocks differ in are in {each} each"
            said.append(
                f"pairs of values of two parameters: {self.pairs:,} of {self.pairs_in_all:,} are "
                f"covered{often}"
            )
        return said

    def concludes(self) -> list[str]:
        """What can be concluded from the sample, and what cannot, in sentences."""
        if self.is_all:
            return ["nothing that was selected is left out, so no statement is one about a sample"]
        said = [*self._main_effects(), *self._interactions()]
        if self.compared:
            said.append(
                f"comparisons of {' and '.join(self.compared)} are paired: each block has all "
                "selected values, on the same rows"
            )
        left_out = self.combinations_in_all - self.combinations
        said.append(
            f"nothing is said about single combinations: {left_out:,} of "
            f"{self.combinations_in_all:,} are left out, and the best one may be among them"
        )
        return said

    def _drawn(self) -> str:
        blocks = f"{self.blocks:,} of {counted(self.blocks_in_all, self._unit)}"
        drawn = f"{blocks} ({100 * self.blocks / self.blocks_in_all:.3g} %), design {self.design}"
        if not self.compared:
            return drawn
        return (
            f"{drawn}, {self.combinations:,} of {counted(self.combinations_in_all, 'combination')}"
        )

    @property
    def _unit(self) -> str:
        return "block" if self.compared else "combination"

    def _counts(self) -> list[list[int]]:
        """Blocks that have each value, parameter by parameter."""
        by_parameter = groupby(self.values, key=lambda value: value.parameter)
        return [[value.blocks for value in values] for _, values in by_parameter]

    def _needed(self, order: int) -> int:
        """Blocks without which effects of up to so many parameters cannot be separated.

        As many as a linear model of them has coefficients.
        """
        sizes = [len(counts) - 1 for counts in self._counts()]
        return sum(math.prod(some) for few in range(order + 1) for some in combinations(sizes, few))

    def _range(self, counts: Sequence[int]) -> str:
        least, most = min(counts), max(counts)
        some = f"{least:,} to " if least < most else ""
        return f"{some}{counted(most, self._unit)}"

    def _main_effects(self) -> list[str]:
        lacking = [value for value in self.values if not value.blocks]
        single = [value for value in self.values if 0 < value.blocks < _SEVERAL]
        said = []
        if self.blocks < self._needed(1):
            said.append(
                f"main effects cannot be separated: {counted(self.blocks, self._unit)}, and "
                f"{self._needed(1):,} at least are needed"
            )
        else:
            least = min(value.blocks for value in self.values if value.blocks >= _SEVERAL)
            rest = " other" if lacking or single else ""
            said.append(
                f"main effects can be estimated: each{rest} value is in {least:,} "
                f"{self._unit}s or more"
            )
            if single:
                said.append(
                    f"no main effect of {_named(single)}: in one {self._unit} alone, whose other "
                    "values it cannot be separated from"
                )
        if lacking:
            said.append(f"nothing is said about {_named(lacking)}: no {self._unit} has it")
        return said

    def _interactions(self) -> list[str]:
        if not self.pairs_in_all or self.blocks < self._needed(1):
            return []
        if self.pairs == self.pairs_in_all:
            which = "every pair of values is covered"
        else:
            some = _some(self.lacking, self.pairs_in_all - self.pairs)
            which = f"of the covered pairs alone; not covered: {some}"
        said = f"interactions of two parameters can be estimated: {which}"
        if self.blocks < self._needed(_PAIR):
            said += (
                f"; one interaction at a time, for all of them together {self._needed(_PAIR):,} "
                f"{self._unit}s are needed"
            )
        return [said]


def _some(pairs: Sequence[tuple[str, str]], count: int) -> str:
    """Some pairs by name, and how many more there are."""
    shown = ", ".join(f"{first} with {second}" for first, second in pairs[:_MOST_NAMED])
    more = count - min(len(pairs), _MOST_NAMED)
    return f"{shown} and {more:,} more" if more else shown


def _named(values: Sequence[ValueCount]) -> str:
    shown = ", ".join(f"{value.parameter}={value.value}" for value in values[:_MOST_NAMED])
    more = len(values) - _MOST_NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown


def coverage_of(pool: Blocks, drawn: Sequence[int], design: str) -> Coverage:
    """Count values and pairs of a sample.

    Args:
        pool: What was drawn from.
        drawn: First combinations of the blocks drawn; one at least.
        design: How they were drawn.
    """
    grid = pool.grid
    members = pool.members(drawn)
    blocks = dict(zip(pool.varying, pool.digits(drawn), strict=True))
    inside = np.unravel_index(members, grid.sizes)
    every = range(len(grid.names))
    axes = [axis for axis in every if pool.present([axis]).sum() >= _SEVERAL]
    pairs = in_all = 0
    lacking: list[tuple[str, str]] = []
    often: list[int] = []
    for pair in combinations(axes, 2):
        sizes = [grid.sizes[axis] for axis in pair]
        there = pool.present(pair)
        # within blocks, a pair is in one combination of each block that has it
        between = all(axis in blocks for axis in pair)
        count = counts_of(blocks if between else inside, pair, sizes)
        if between:
            often += [int(count[there].min()), int(count[there].max())]
        pairs += int((count[there] > 0).sum())
        in_all += int(there.sum())
        room = _MOST_NAMED - len(lacking)
        for cell in np.flatnonzero(there & (count == 0))[:room].tolist():
            positions = np.unravel_index(cell, sizes)
            first, second = (
                f"{grid.names[axis]}={grid.values[axis][int(at)]}"
                for axis, at in zip(pair, positions, strict=True)
            )
            lacking.append((first, second))
    values = [
        ValueCount(grid.names[axis], str(value), int(count))
        for axis in pool.varying
        for value, count, there in zip(
            grid.values[axis],
            counts_of(blocks, [axis], [grid.sizes[axis]]),
            pool.present([axis]),
            strict=True,
        )
        if there
    ]
    return Coverage(
        design=design,
        compared=pool.compared,
        blocks=len(drawn),
        blocks_in_all=len(pool),
        combinations=len(members),
        combinations_in_all=pool.combinations,
        values=tuple(values),
        pairs=pairs,
        pairs_in_all=in_all,
        least=min(often, default=None),
        most=max(often, default=None),
        lacking=tuple(lacking),
    )
