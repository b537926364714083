"""Balanced samples: every value and pair of values as evenly as can be, in whole blocks."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter

import numpy as np
import pytest
from grids import FULL

from gridrun.plan.grid import Grid
from gridrun.plan.selection import SampleSize, Selection, _balanced

COMPARED = ("imputation",)
GRID = Grid(tuple(FULL), tuple(tuple(values) for values in FULL.values()))
FIVE_PERCENT = 518
SMALL = Grid(
    ("side", "imputation", "share", "scope"),
    (("left", "right"), ("zero_imp", "mean_imp"), (0.33, 0.66, 1.0), ("a", "b", "c")),
)


def balanced(grid, blocks=None, **arguments):
    size = arguments.pop("sample", None) or SampleSize(blocks=blocks)
    return Selection.of(grid, compared=COMPARED, sample=size, design="balanced", **arguments)


def methods_by_block(selection):
    """Each block's values, with the imputations that were drawn of it."""
    found = {}
    for combination in selection.grid.combinations(selection):
        method = combination.pop("imputation", None)
        found.setdefault(tuple(combination.items()), []).append(method)
    return found


def shares(selection, order):
    """How often groups of values occur, in parts of how often they would if all were even."""
    grid = selection.grid
    digits = np.array(np.unravel_index(selection.indices(), grid.sizes))
    axes = [axis for axis, name in enumerate(grid.names) if name not in COMPARED]
    found = []
    for group in itertools.combinations(axes, order):
        cells = tuple(grid.sizes[axis] for axis in group)
        counts = np.bincount(
            np.ravel_multi_index(digits[list(group)], cells), minlength=math.prod(cells)
        )
        found.append(counts * len(counts) / digits.shape[1])
    return np.concatenate(found)


@pytest.fixture(scope="module")
def five_percent():
    return balanced(GRID, FIVE_PERCENT)


def test_values_pairs_and_triples_are_even(five_percent):
    """At 5 % of the published grid no value is 1 % from even, no pair 4 %, no triple 20 %."""
    bounds = {1: 0.01, 2: 0.04, 3: 0.2}
    for order, bound in bounds.items():
        assert np.abs(shares(five_percent, order) - 1).max() < bound
    chance = Selection.of(GRID, compared=COMPARED, sample=SampleSize(blocks=FIVE_PERCENT))
    assert np.abs(shares(chance, 2) - 1).max() > 0.15


def test_blocks_are_whole(five_percent):
    """Every drawn block has all seven methods, and as many are drawn as were asked for."""
    blocks = methods_by_block(five_percent)
    assert len(blocks) == FIVE_PERCENT
    assert all(methods == FULL["imputation"] for methods in blocks.values())
    drawn = "518 of 10,368 blocks drawn, balanced, 3,626 combinations"
    assert five_percent.notes == (f"{drawn}: all selected values of imputation in each",)


def test_a_latin_square_is_found():
    """Nine blocks of three parameters with three values each have every pair once."""
    grid = Grid(("a", "b", "c"), (tuple(range(3)),) * 3)
    for seed in range(5):
        assert set(shares(balanced(grid, 9, seed=seed), 2)) == {1.0}


def test_few_blocks_have_every_pair():
    """20 blocks of 10,368 are enough for all pairs of values of the published grid."""
    for seed in range(3):
        assert shares(balanced(GRID, 20, seed=seed), 2).min() > 0


def reference(grid, blocks, order):
    """By all pairs of rows: the block that agrees least with those before, first in the order."""
    names = [name for name in grid.names if name not in COMPARED]
    values = grid.allowed()

    def moment(one, other):
        return sum(len(values[n]) for n in names if one[n] == other[n]) ** 4

    drawn = []
    left = list(order)
    while len(drawn) < blocks:
        drawn.append(min(left, key=lambda block: sum(moment(block, it) for it in drawn)))
        left.remove(drawn[-1])
    return drawn


@pytest.mark.parametrize("seed", range(3))
def test_each_block_is_the_one_least_like_those_before(seed):
    """The order is the minimum of the fourth moment, step by step, and the seed's among equals."""
    order = []
    for count in range(1, 19):
        chance = Selection.of(SMALL, compared=COMPARED, sample=SampleSize(blocks=count), seed=seed)
        order += [dict(block) for block in methods_by_block(chance) if dict(block) not in order]
    for count in (1, 2, 5, 9, 17):
        expected = [tuple(block.items()) for block in reference(SMALL, count, order)]
        assert set(methods_by_block(balanced(SMALL, count, seed=seed))) == set(expected)


@pytest.mark.parametrize(
    ("grid", "window", "sizes"),
    [(GRID, 20_000, (1, 9, 10, 40)), (GRID, 64, (1, 9, 10, 40)), (SMALL, 5, (1, 2, 4, 7, 12))],
)
@pytest.mark.parametrize("seed", [3, 4])
def test_a_larger_sample_contains_the_smaller(monkeypatch, grid, window, sizes, seed):
    """Samples are nested, and one that was kept and goes on is the one drawn at once."""
    monkeypatch.setattr(_balanced, "WINDOW", window)
    stored, smaller = None, set()
    for blocks in sizes:
        larger = balanced(grid, blocks, seed=seed, stored=stored)
        assert smaller <= set(larger)
        assert list(larger) == list(balanced(grid, blocks, seed=seed))
        stored, smaller = larger.to_json(), set(larger)
    less = balanced(grid, sizes[1], seed=seed, stored=stored)
    assert list(less) == list(balanced(grid, sizes[1], seed=seed))


def test_blocks_are_never_drawn_twice():
    """All blocks asked for are all blocks, each once, whatever is compared at a time."""
    for window in (1, 5, 18, 19):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_balanced, "WINDOW", window)
            assert list(balanced(SMALL, 18)) == list(range(len(SMALL)))


def test_a_sample_is_decided_by_its_seed():
    """The same seed draws the same, another seed something else."""
    assert list(balanced(GRID, 20)) == list(balanced(GRID, 20))
    assert list(balanced(GRID, 20, seed=2)) != list(balanced(GRID, 20, seed=1))


def test_what_earlier_blocks_lack_is_drawn_first():
    """A value that the grid gains is made up for by the next blocks."""
    fewer = Grid(GRID.names, (GRID.values[0], GRID.values[1][:2], *GRID.values[2:]))
    first = balanced(fewer, 20)
    later = balanced(GRID, 30, stored=first.to_json())
    qualities = Counter(dict(block)["quality"] for block in methods_by_block(later))
    assert set(methods_by_block(first)) < set(methods_by_block(later))
    assert qualities == dict.fromkeys(FULL["quality"], 10)


def test_a_sample_of_a_part_of_the_grid_is_even_in_that_part():
    """Only what --only and the list leave is drawn, and values are counted among that alone."""
    some = balanced(GRID, 60, only=["quality=clingen,twostar"])
    blocks = [dict(block) for block in methods_by_block(some)]
    assert Counter(block["quality"] for block in blocks) == {"clingen": 30, "twostar": 30}
    some = balanced(GRID, 60, only=["quality=clingen,twostar"], combinations="1-40000")
    assert max(some) < 40_000
    assert len(methods_by_block(some)) == 60


def test_a_sample_of_the_published_grid_is_quick():
    """5 % cost less than a second of processor time, what they cover included."""
    begin = time.process_time()
    assert balanced(GRID, FIVE_PERCENT).coverage.blocks == FIVE_PERCENT
    assert time.process_time() - begin < 1


def test_a_sample_of_a_grid_of_10_to_the_12_is_drawn_without_walking_it():
    """Time and memory are those of what is compared at a time."""
    values = tuple(range(1000))
    grid = Grid(("a", "imputation", "c", "d"), (values, ("x", "y"), values, values))
    begin = time.process_time()
    assert len(balanced(grid, 100)) == 200
    assert time.process_time() - begin < 2
