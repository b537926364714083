"""The grid: parameters, their values, and combination number i by arithmetic.

Pure; nothing here materialises the product. Combinations are numbered from 0
in code and from 1 wherever a person reads a number. The order is that of R's
``expand.grid`` read backwards: parameters in upstream's order, the last one
varying fastest, whatever order the keys of a grid file have.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gridrun.pipeline import Value


@dataclass(frozen=True)
class Grid:
    """Parameters in upstream's order, each with its values in the order given.

    Args:
        names: Parameter names.
        values: For each parameter its values, at least one, none twice.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Value, ...], ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.values) or not all(self.values):
            msg = "every parameter needs at least one value"
            raise ValueError(msg)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each parameter."""
        return tuple(len(values) for values in self.values)

    def __len__(self) -> int:
        return math.prod(self.sizes)

    def digits(self, index: int) -> tuple[int, ...]:
        """Position of the value of each parameter in combination ``index``.

        Raises:
            IndexError: There is no such combination.
        """
        # not len(): it is bounded by the size of a C integer
        count = math.prod(self.sizes)
        if not 0 <= index < count:
            msg = f"combination {index + 1} of {count}"
            raise IndexError(msg)
        digits = []
        for size in reversed(self.sizes):
            index, digit = divmod(index, size)
            digits.append(digit)
        return tuple(reversed(digits))

    def combination(self, index: int) -> dict[str, Value]:
        """Combination ``index``, one value for every parameter."""
        return {
            name: values[digit]
            for name, values, digit in zip(self.names, self.values, self.digits(index), strict=True)
        }

    def index(self, combination: Mapping[str, Value]) -> int:
        """Number of a combination.

        Raises:
            ValueError: A value is not in the grid.
            KeyError: A parameter is missing.
        """
        index = 0
        for name, values in zip(self.names, self.values, strict=True):
            index = index * len(values) + values.index(combination[name])
        return index

    def combinations(self, indices: Iterator[int] | Sequence[int]) -> Iterator[dict[str, Value]]:
        """The combinations with these numbers, one at a time."""
        return (self.combination(index) for index in indices)

    def allowed(self) -> dict[str, tuple[Value, ...]]:
        """Parameter name to its values."""
        return dict(zip(self.names, self.values, strict=True))
