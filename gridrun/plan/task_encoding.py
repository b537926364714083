"""Parameter values packed into one integer, so that a million tasks fit in arrays.

Each value gets a small number on first use in a study (the ledger keeps the
list, so numbers never change there); a task's code holds the numbers of the
values it depends on, the first parameter in the highest bits. Sorting by code
therefore sorts by grid order, and the bits of some parameters alone are the
key of the work that tasks share.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from gridrun.errors import UserError
from gridrun.pipeline import Value
from gridrun.plan.grid import Grid

IntArray = npt.NDArray[np.int64]

_BITS = 63
_USUAL_BITS = 5
"""Bits of a parameter where there are twelve of them."""


def value_text(value: Value) -> str:
    """A value as text that keeps its type; ``1`` and ``1.0`` are one value."""
    return json.dumps(float(value) if isinstance(value, int) else value)


class TaskEncoding:
    """Numbers for parameter values.

    Args:
        names: Parameters in grid order.
        known: Parameter to its values in order of their numbers (from 1), as
            the ledger has them.
    """

    def __init__(self, names: Sequence[str], known: Mapping[str, Sequence[Value]]) -> None:
        self.names = tuple(names)
        self._bits = _bits_of(self.names)
        self._shift = {}
        shift = 0
        for name in reversed(self.names):
            self._shift[name] = shift
            shift += self._bits[name]
        self._values: dict[str, list[Value]] = {
            name: list(known.get(name, ())) for name in self.names
        }
        self._numbers = {
            name: {value_text(value): i for i, value in enumerate(values, start=1)}
            for name, values in self._values.items()
        }
        self._stored = {name: len(values) for name, values in self._values.items()}

    def learn(self, grid: Grid) -> None:
        """Give numbers to the values of a grid that have none yet.

        Raises:
            UserError: A parameter has more values than fit.
        """
        for name, values in zip(grid.names, grid.values, strict=True):
            for value in values:
                text = value_text(value)
                number = self._numbers[name].get(text)
                if number is None:
                    self._values[name].append(value)
                    self._numbers[name][text] = len(self._values[name])
                else:
                    # the ledger has 1 as 1.0: stages get what the grid has, resumed or not
                    self._values[name][number - 1] = value
            if len(self._values[name]) >= 1 << self._bits[name]:
                raise UserError(
                    f'parameter "{name}" has had {len(self._values[name])} values in this study, '
                    f"{(1 << self._bits[name]) - 1} are possible",
                    todo="start a new study directory",
                )

    def unstored(self) -> Iterator[tuple[str, int, str]]:
        """Parameter, number and text of the values learnt since the book was opened."""
        for name, values in self._values.items():
            for number in range(self._stored[name] + 1, len(values) + 1):
                yield name, number, value_text(values[number - 1])

    def mask(self, names: Iterable[str]) -> int:
        """The bits of some parameters."""
        return sum(((1 << self._bits[name]) - 1) << self._shift[name] for name in set(names))

    def code(self, values: Mapping[str, Value], reads: Iterable[str]) -> int:
        """Code of the values of the parameters that are read."""
        return sum(
            self._numbers[name][value_text(values[name])] << self._shift[name] for name in reads
        )

    def codes(self, grid: Grid, indices: IntArray, reads: Iterable[str]) -> IntArray:
        """Codes of many combinations at once; shape ``(len(indices),)``."""
        digits = np.unravel_index(indices, grid.sizes)
        total = np.zeros(len(indices), np.int64)
        wanted = set(reads)
        for name, values, digit in zip(grid.names, grid.values, digits, strict=True):
            if name in wanted:
                numbers = [self._numbers[name][value_text(v)] << self._shift[name] for v in values]
                total |= np.array(numbers, np.int64)[digit]
        return total

    def values(self, code: int, reads: Iterable[str]) -> dict[str, Value]:
        """The values that a code stands for."""
        numbers = {
            name: (code >> self._shift[name]) & ((1 << self._bits[name]) - 1) for name in reads
        }
        return {name: self._values[name][number - 1] for name, number in numbers.items()}


def _bits_of(names: Sequence[str]) -> dict[str, int]:
    """Bits of each parameter: an even share.

    Where that is less than the usual number, bits left over go to the first parameters, so
    that a thirteenth one does not halve the values that all the others may have.
    """
    even, spare = divmod(_BITS, len(names))
    return {
        name: even + (position < spare and even < _USUAL_BITS)
        for position, name in enumerate(names)
    }
