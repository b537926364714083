"""Parameter values packed into one integer, so that a million tasks fit in arrays.

Each value gets a small number on first use in a study; a task's code holds the numbers of
the values it depends on. Bits are given to parameters as they are needed: at first so many
as the grid's values take, the first parameter in the highest ones, so that sorting by code
sorts by grid order; further ones where a parameter outgrows its own. Neither numbers nor bits
are ever taken back (the ledger keeps both), so a code means the same as long as the study
lives. The bits of some parameters alone are the key of the work that tasks share.

63 bits are for all parameters together, not an equal share for each: upstream's twelve, with
every value that they have, take 26, so any one of them may have a thousand million values more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from gridrun.errors import UserError
from gridrun.pipeline import Value
from gridrun.plan.grid import Grid

IntArray = npt.NDArray[np.int64]

_BITS = 63
"""What SQLite and numpy hold, the sign left out."""


def value_text(value: Value) -> str:
    """A value as text that keeps its type; ``1`` and ``1.0`` are one value."""
    return json.dumps(float(value) if isinstance(value, int) else value)


@dataclass(frozen=True)
class _Stretch:
    """Neighbouring bits of a parameter.

    Args:
        shift: The lowest of them in a code.
        low: The bit of the parameter's number that it holds.
        mask: As many ones as there are bits.
    """

    shift: int
    low: int
    mask: int


class TaskEncoding:
    """Numbers for parameter values, and the bits that these are put in.

    Args:
        names: Parameters in grid order.
        known: Parameter to its values in order of their numbers (from 1), as
            the ledger has them.
        bits: The parameter that each bit of a code belongs to, the lowest first, as
            the ledger has them; of two bits of a parameter the higher one counts more.
    """

    def __init__(
        self,
        names: Sequence[str],
        known: Mapping[str, Sequence[Value]],
        bits: Sequence[str] = (),
    ) -> None:
        self.names = tuple(names)
        self._values: dict[str, list[Value]] = {
            name: list(known.get(name, ())) for name in self.names
        }
        self._numbers = {
            name: {value_text(value): i for i, value in enumerate(values, start=1)}
            for name, values in self._values.items()
        }
        self._stored = {name: len(values) for name, values in self._values.items()}
        self._bits = list(bits)
        self._stored_bits = len(self._bits)
        self._stretches = _stretches_of(self._bits, self.names)

    def learn(self, grid: Grid) -> None:
        """Give numbers to the values of a grid that have none yet, and bits to these.

        Raises:
            UserError: The parameters have more values than fit.
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
        # from the last parameter on, so that the first one has the highest bits
        for name in reversed(self.names):
            needed = len(self._values[name]).bit_length()
            self._bits += [name] * (needed - self._bits.count(name))
        if len(self._bits) > _BITS:
            most = sorted(self.names, key=lambda name: -len(self._values[name]))[:3]
            counts = ", ".join(f"{name} {len(self._values[name]):,}" for name in most)
            raise UserError(
                f"the parameters have had more values in this study than fit into {_BITS} bits; "
                f"most have: {counts}",
                todo="start a new study directory",
            )
        self._stretches = _stretches_of(self._bits, self.names)

    def unstored(self) -> Iterator[tuple[str, int, str]]:
        """Parameter, number and text of the values learnt since the book was opened."""
        for name, values in self._values.items():
            for number in range(self._stored[name] + 1, len(values) + 1):
                yield name, number, value_text(values[number - 1])

    def unstored_bits(self) -> Iterator[tuple[int, str]]:
        """Position and parameter of the bits given since the book was opened."""
        for position in range(self._stored_bits, len(self._bits)):
            yield position, self._bits[position]

    def mask(self, names: Iterable[str]) -> int:
        """The bits of some parameters."""
        return sum(part.mask << part.shift for name in set(names) for part in self._stretches[name])

    def code(self, values: Mapping[str, Value], reads: Iterable[str]) -> int:
        """Code of the values of the parameters that are read."""
        return sum(self._placed(name, values[name]) for name in reads)

    def codes(self, grid: Grid, indices: IntArray, reads: Iterable[str]) -> IntArray:
        """Codes of many combinations at once; shape ``(len(indices),)``."""
        digits = np.unravel_index(indices, grid.sizes)
        total = np.zeros(len(indices), np.int64)
        wanted = set(reads)
        for name, values, digit in zip(grid.names, grid.values, digits, strict=True):
            if name in wanted:
                placed = [self._placed(name, value) for value in values]
                total |= np.array(placed, np.int64)[digit]
        return total

    def values(self, code: int, reads: Iterable[str]) -> dict[str, Value]:
        """The values that a code stands for."""
        found = {}
        for name in reads:
            number = 0
            for part in self._stretches[name]:
                number |= ((code >> part.shift) & part.mask) << part.low
            found[name] = self._values[name][number - 1]
        return found

    def _placed(self, name: str, value: Value) -> int:
        """A value's number in the bits of its parameter."""
        number = self._numbers[name][value_text(value)]
        return sum(
            ((number >> part.low) & part.mask) << part.shift for part in self._stretches[name]
        )


def _stretches_of(bits: Sequence[str], names: Sequence[str]) -> dict[str, list[_Stretch]]:
    """Parameter to its bits. One that the study has no longer keeps them, unused."""
    found: dict[str, list[_Stretch]] = {name: [] for name in names}
    given = dict.fromkeys(names, 0)
    shift = 0
    for name, group in groupby(bits):
        width = len(list(group))
        if name in found:
            found[name].append(_Stretch(shift, given[name], (1 << width) - 1))
            given[name] += width
        shift += width
    return found
