"""Text of many rows in few bytes: its distinct values, and for each row which of them it has."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from amiss_tasks.r.arrays import IntArray

_Word = TypeVar("_Word")
_Other = TypeVar("_Other")

Codes = npt.NDArray[np.integer]

_AT_ONCE = 10_000
"""Rows of which Python has objects at a time."""

_SORTED_AT_ONCE = 100_000


class _Rows(Sequence[_Word], Generic[_Word]):
    """A value for each row that is equal to other sequences of the same values."""

    def __iter__(self) -> Iterator[_Word]:
        """Yield the value of each row."""
        for begin in range(0, len(self), _AT_ONCE):
            yield from self[begin : begin + _AT_ONCE]

    def __eq__(self, other: object) -> bool:
        """Whether another sequence has the same values."""
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]


class Words(_Rows[_Word]):
    """A value for each row; a row takes 1 to 4 bytes.

    Args:
        distinct: The values, each once.
        codes: For each row the position of its value, shape (rows,).
    """

    def __init__(self, distinct: Sequence[_Word], codes: Codes) -> None:
        self.distinct = distinct
        self.codes = codes.astype(np.min_scalar_type(len(distinct)), copy=False)

    @classmethod
    def of(cls, values: Sequence[_Word]) -> Words[_Word]:
        """Values as they are, or each row's in order of first appearance."""
        if isinstance(values, Words):
            return values
        numbers: dict[_Word, int] = {}
        codes = (numbers.setdefault(value, len(numbers)) for value in values)
        found = np.fromiter(codes, np.int32, len(values))
        return cls(list(numbers), found)

    @overload
    def __getitem__(self, at: int) -> _Word: ...
    @overload
    def __getitem__(self, at: slice) -> list[_Word]: ...
    def __getitem__(self, at: int | slice) -> _Word | list[_Word]:
        """The value of a row, or those of several."""
        if isinstance(at, slice):
            return [self.distinct[code] for code in self.codes[at].tolist()]
        word: _Word = self.distinct[int(self.codes[at])]
        return word

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.codes)

    def take(self, rows: IntArray) -> Words[_Word]:
        """The rows at these positions; some value may then be none's."""
        return Words(self.distinct, self.codes[rows])

    def map(self, function: Callable[[_Word], _Other]) -> Words[_Other]:
        """Each value as a function makes it."""
        own: Words[_Other] = Words.of([function(value) for value in self.distinct])
        return Words(own.distinct, own.codes[self.codes])

    def are(self, is_so: Callable[[_Word], bool]) -> npt.NDArray[np.bool_]:
        """Of which rows something is so, shape (rows,)."""
        found: npt.NDArray[np.bool_] = np.fromiter(map(is_so, self.distinct), np.bool_)[self.codes]
        return found

    def beside(self, other: Words[_Other]) -> Words[tuple[_Word, _Other]]:
        """Pairs of two values of each row, in order of first appearance."""
        size = max(1, len(other.distinct))
        firsts, codes = numbered(self.codes.astype(np.int64) * size + other.codes)
        return Words([(self[row], other[row]) for row in firsts.tolist()], codes)


class Names(_Rows[str]):
    """Names of rows that are put together when they are asked for.

    Args:
        parts: What names have, in its order; one at least.
        separator: What stands between two parts.
    """

    def __init__(self, parts: Sequence[Words[str]], separator: str) -> None:
        self.parts, self._separator = parts, separator

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        """The name of a row, or those of several."""
        if isinstance(at, slice):
            columns = [part[at] for part in self.parts]
            return list(map(self._separator.join, zip(*columns, strict=True)))
        return self._separator.join(part[at] for part in self.parts)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.parts[0])

    def take(self, rows: IntArray) -> Names:
        """The rows at these positions."""
        return Names([part.take(rows) for part in self.parts], self._separator)

    def numbers(self) -> Codes:
        """Each name as its number in order of first appearance, if no part has the separator."""
        codes = self.parts[0].codes
        for part in self.parts[1:]:
            _, codes = ranks(codes.astype(np.int64) * len(part.distinct) + part.codes)
        return numbered(codes)[1]


def filled(words: Words[str | None], word: str) -> Words[str]:
    """Text with a word in the place of what is missing or empty."""
    distinct = [value or word for value in words.distinct]
    same = [at for at, value in enumerate(distinct) if value == word]
    codes = words.codes
    if len(same) > 1:
        codes = np.where(np.isin(codes, same), same[0], codes)
    return Words(distinct, codes)


def is_none(value: object) -> bool:
    """Whether there is no value."""
    return value is None


def numbers_of(values: Sequence[object]) -> Codes:
    """Each value as its number in order of first appearance, from 0, shape (rows,)."""
    if isinstance(values, Names):
        return values.numbers()
    return numbered(values.codes)[1] if isinstance(values, Words) else Words.of(values).codes


def ranks(numbers: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.integer], Codes]:
    """Distinct numbers, sorted, and of each row the place of its own among them.

    Sorted piece by piece, so that no other array of all rows is held.
    """
    begins = range(0, len(numbers), _SORTED_AT_ONCE)
    pieces = [np.unique(numbers[begin : begin + _SORTED_AT_ONCE]) for begin in begins]
    distinct = np.unique(np.concatenate([numbers[:0], *pieces]))
    codes = np.empty(len(numbers), np.int32)
    for begin in begins:
        piece = numbers[begin : begin + _SORTED_AT_ONCE]
        codes[begin : begin + _SORTED_AT_ONCE] = np.searchsorted(distinct, piece)
    return distinct, codes


def numbered(numbers: npt.NDArray[np.integer]) -> tuple[IntArray, Codes]:
    """The first row of each distinct number, and of each row its number in order of these."""
    distinct, codes = ranks(numbers)
    firsts = np.empty(len(distinct), np.int64)
    for begin in reversed(range(0, len(codes), _SORTED_AT_ONCE)):
        piece = codes[begin : begin + _SORTED_AT_ONCE][::-1]
        # of several rows with one number the last that is written stays: the first of them
        firsts[piece] = np.arange(begin + len(piece) - 1, begin - 1, -1)
    order = np.argsort(firsts)
    places = np.empty(len(distinct), np.int32)
    places[order] = np.arange(len(distinct))
    return firsts[order], places[codes]
