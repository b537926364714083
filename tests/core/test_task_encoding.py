"""Parameter values packed into integers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from amiss_tasks.parameters import PARAMETERS
from gridrun.errors import UserError
from gridrun.plan.grid import Grid
from gridrun.plan.task_encoding import TaskEncoding
from gridrun.store.ledger import Ledger, LedgerView

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
    """A study that outgrows its codes says so instead of mixing tasks up, and what grew most."""
    names = tuple("abcdefghijkl")
    grid = Grid(names, (tuple(range(70)), tuple(range(65)), *((tuple(range(32)),) * 10)))
    with pytest.raises(UserError, match="a 70, b 65, c 32"):
        book_of(grid)
    assert book_of(Grid(names, (tuple(range(70)), *((tuple(range(16)),) * 11)))).mask(names) < 2**63


def stored(path, book: TaskEncoding) -> None:
    with Ledger(path) as ledger:
        ledger.store_values(book)


def opened(path, names) -> TaskEncoding:
    view = LedgerView.open(path)
    book = TaskEncoding(names, view.values(), view.code_bits())
    view.close()
    return book


@pytest.mark.parametrize("grown", ["transcript", "imputation", "feature_sampling_percentage"])
def test_a_parameter_may_have_a_thousand_values_in_a_study_s_life(tmp_path, grown):
    """Grid after grid with another value: codes of all that was there stay, beside eleven more."""
    path = tmp_path / "ledger.sqlite"
    first = {parameter.name: parameter.values for parameter in PARAMETERS}
    names = tuple(first)

    def grid_of(values) -> Grid:
        return Grid(names, tuple(values if name == grown else first[name] for name in names))

    def codes_of(book, values) -> dict[int, dict]:
        found = {}
        for value in values:
            combination = {name: held[-1] for name, held in first.items()} | {grown: value}
            code = book.code(combination, names)
            assert 0 < code < 2**63
            assert book.values(code, names) == combination
            found[code] = combination
        return found

    book = book_of(grid_of(first[grown]))
    stored(path, book)
    meant = codes_of(book, first[grown])
    for start in range(0, 1000, 40):
        added = tuple(f"value {number}" for number in range(start, start + 40))
        book = opened(path, names)
        book.learn(grid_of(added))
        stored(path, book)
        meant |= codes_of(book, added)
    book = opened(path, names)
    assert len(meant) == 1000 + len(first[grown])
    assert {code: book.values(code, names) for code in meant} == meant
    every = grid_of(tuple(combination[grown] for combination in meant.values()))
    book.learn(every)
    assert list(book.unstored_bits()) == []
    indices = np.arange(0, len(every), 9973)
    many = book.codes(every, indices, names)
    assert many.tolist() == [book.code(every.combination(int(i)), names) for i in indices]
    assert len(np.unique(many)) == len(indices)
    others = [name for name in names if name != grown]
    assert book.mask(others) & book.mask([grown]) == 0


def test_a_parameter_that_comes_later_has_bits_of_its_own():
    """A thirteenth parameter takes none of the others' bits, and one that goes keeps its own."""
    book = book_of(GRID)
    bits = [name for _, name in book.unstored_bits()]
    known = dict(zip(GRID.names, GRID.values, strict=True))
    more = Grid((*GRID.names, "d"), (*GRID.values, (1, 2, 3)))
    later = TaskEncoding(more.names, known, bits)
    later.learn(more)
    for i in range(len(GRID)):
        combination = GRID.combination(i)
        assert later.code(combination, GRID.names) == book.code(combination, GRID.names)
    fewer = Grid(("a", "c"), (GRID.values[0], GRID.values[2]))
    left = TaskEncoding(fewer.names, known, bits)
    left.learn(fewer)
    assert left.mask(fewer.names) == book.mask(fewer.names)


def test_sorting_by_code_sorts_by_grid_order():
    """Of a grid that a study begins with, rising codes are rising combinations."""
    codes = book_of(GRID).codes(GRID, np.arange(len(GRID)), GRID.names)
    assert codes.tolist() == sorted(codes.tolist())


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
