"""The grid by arithmetic."""

from __future__ import annotations

import itertools

import pytest

from gridrun.plan.grid import Grid

GRID = Grid(("a", "b", "c"), (("x", "y"), (0.33, 1.0, 0.66), ("on", "off")))


def test_combinations_are_the_product_with_the_last_parameter_fastest():
    """Combination i is the i-th of the product in the order of the values given."""
    product = [
        dict(zip(GRID.names, values, strict=True)) for values in itertools.product(*GRID.values)
    ]
    assert list(GRID.combinations(range(len(GRID)))) == product


def test_index_is_the_inverse_of_combination():
    """Every combination leads back to its number."""
    assert [GRID.index(GRID.combination(i)) for i in range(len(GRID))] == list(range(12))


@pytest.mark.parametrize("index", [-1, 12, 10**9])
def test_a_number_outside_the_grid_is_refused(index):
    """Numbers outside say which combination was asked for."""
    with pytest.raises(IndexError, match=str(index + 1)):
        GRID.digits(index)


def test_a_huge_grid_is_not_materialised():
    """10^24 combinations cost nothing."""
    grid = Grid(tuple("abcdefghijkl"), tuple(tuple(range(100)) for _ in range(12)))
    assert grid.combination(10**24 - 1)["l"] == 99
    assert grid.index(grid.combination(123456789)) == 123456789


def test_an_empty_parameter_is_refused():
    """A parameter without values would make no combination at all."""
    with pytest.raises(ValueError, match="at least one value"):
        Grid(("a",), ((),))
