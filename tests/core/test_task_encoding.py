"""Parameter values packed into integers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gridrun.errors import UserError
from gridrun.plan.grid import Grid
from gridrun.plan.task_encoding import TaskEncoding

GRID = Grid(("a", "b", "c"), (("x", "y"), (0.33, 1.0), ("on", "off")))


def book_of(grid: Grid, known=None) -> TaskEncoding:
    book = TaskEncoding(grid.names, known or {})
    book.learn(grid)
    return book


def test_many_codes_at_once_equal_single_ones():
    """The vector form and the scalar form agree for every subset of parameters."""
    book = book_of(GRID)
    for reads in (GRID.names, ("a", "c"), ("b",), ()):
        many = book.codes(GRID, np.arange(len(GRID)), reads)
        assert many.tolist() == [book.code(GRID.combination(i), reads) for i in range(len(GRID))]


def test_a_code_gives_its_values_back():
    """Decoding returns the values that were read, types kept."""
    book = book_of(GRID)
    for i in range(len(GRID)):
        assert book.values(
            book.code(GRID.combination(i), GRID.names), GRID.names
        ) == GRID.combination(i)


def test_numbers_of_a_ledger_stay_when_the_grid_changes():
    """Values known before keep their numbers; only new ones are to be stored."""
    known = {"a": ["y"], "b": [1.0, 0.33], "c": []}
    book = book_of(GRID, known)
    assert list(book.unstored()) == [("a", 2, '"x"'), ("c", 1, '"on"'), ("c", 2, '"off"')]
    again = book_of(
        Grid(("a", "b", "c"), (("y",), (0.33,), ("off",))), {**known, "c": ["on", "off"]}
    )
    values = {"a": "y", "b": 0.33, "c": "off"}
    assert again.code(values, GRID.names) == book.code(values, GRID.names)


def test_one_and_one_point_zero_are_one_value():
    """An integer share is the same value as the float."""
    book = book_of(GRID)
    assert book.code({"b": 1}, ("b",)) == book.code({"b": 1.0}, ("b",))


def test_more_values_than_fit_are_refused():
    """A study that outgrows its codes says so instead of mixing tasks up."""
    names = tuple("abcdefghijkl")
    grid = Grid(names, (tuple(range(32)), *(((0,),) * 11)))
    with pytest.raises(UserError, match='"a" has had 32 values'):
        book_of(grid)


def test_a_resumed_study_hands_out_the_values_of_its_grid():
    """A whole number that the ledger has as 1.0 is a whole number for the stages again."""
    grid = Grid(("thinning",), ((1, 4),))
    first = TaskEncoding(grid.names, {})
    first.learn(grid)
    kept = [json.loads(text) for _, _, text in first.unstored()]
    resumed = TaskEncoding(grid.names, {"thinning": kept})
    resumed.learn(grid)
    found = [resumed.values(number, grid.names)["thinning"] for number in (1, 2)]
    assert [(value, type(value)) for value in found] == [(1, int), (4, int)]
