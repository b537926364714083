"""What a sample covers of its grid, and what can be concluded from it."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from grids import FULL

from gridrun.plan.grid import Grid
from gridrun.plan.selection import SampleSize, Selection

COMPARED = ("imputation",)
GRID = Grid(tuple(FULL), tuple(tuple(values) for values in FULL.values()))
SMALL = Grid(
    ("side", "imputation", "share", "only"),
    (("left", "right"), ("zero_imp", "mean_imp"), (0.33, 0.66, 1.0), ("one",)),
)
MEDIUM = Grid(
    ("side", "imputation", "share", "scope", "only"),
    (("left", "right"), ("zero", "mean", "max"), (0.33, 0.66, 1.0), tuple("abcd"), ("one",)),
)


def drawn(grid, blocks, **arguments):
    return Selection.of(grid, compared=COMPARED, sample=SampleSize(blocks=blocks), **arguments)


def pairs_of(whole, names):
    """All pairs of values of combinations, one by one."""
    return {
        frozenset({(a, one[a]), (b, one[b])})
        for one in whole
        for a, b in itertools.combinations(names, 2)
    }


@pytest.mark.parametrize("design", ["random", "balanced"])
@pytest.mark.parametrize(
    "part", [{}, {"only": ["share=0.33,1.0"]}, {"combinations": "1-7,20-27,60-72"}]
)
def test_counts_are_those_of_the_combinations(design, part):
    """Pairs and values are as many as counting the combinations one by one gives."""
    selection = drawn(MEDIUM, 5, design=design, **part)
    coverage = selection.coverage
    every = list(MEDIUM.combinations(Selection.of(MEDIUM, **part)))
    names = [name for name in MEDIUM.names if len({each[name] for each in every}) > 1]
    all_pairs = pairs_of(every, names)
    here = pairs_of(MEDIUM.combinations(selection), names)
    assert (coverage.pairs, coverage.pairs_in_all) == (len(here), len(all_pairs))
    blocks = {
        tuple((name, value) for name, value in combination.items() if name not in COMPARED)
        for combination in MEDIUM.combinations(selection)
    }
    between = [name for name in names if name not in COMPARED]
    known = {(name, str(one[name])) for one in every for name in between}
    assert {(value.parameter, value.value) for value in coverage.values} == known
    often = Counter(frozenset(two) for block in blocks for two in itertools.combinations(block, 2))
    counts = [often[pair] for pair in all_pairs if {name for name, _ in pair} <= set(between)]
    assert (coverage.least, coverage.most) == (min(counts), max(counts))
    for value in coverage.values:
        having = [block for block in blocks if (value.parameter, value.value) in as_text(block)]
        assert value.blocks == len(having)
    assert (
        (coverage.blocks, coverage.combinations)
        == (5, len(selection))
        == (len(blocks), len(selection))
    )
    lacking = [set(as_text(pair)) for pair in all_pairs - here]
    assert bool(coverage.lacking) == bool(lacking)
    for first, second in coverage.lacking:
        assert {tuple(first.split("=")), tuple(second.split("="))} in lacking


def as_text(pairs):
    return [(name, str(value)) for name, value in pairs]


def test_a_plan_of_5_percent_says_what_can_be_concluded():
    """Main effects and all pairs; paired comparisons; no single combination."""
    coverage = drawn(GRID, 518, design="balanced").coverage
    drawn_line, two, three, pairs = coverage.covers()
    assert drawn_line == (
        "518 of 10,368 blocks (5 %), design balanced, 3,626 of 72,576 combinations"
    )
    assert two.startswith("7 parameters with 2 values: each value is in 25")
    assert three == "4 parameters with 3 values: each value is in 172 to 173 blocks"
    assert pairs.startswith("pairs of values of two parameters: 488 of 488 are covered; those ")
    main, interactions, paired, single = coverage.concludes()
    assert main == "main effects can be estimated: each value is in 172 blocks or more"
    assert interactions.endswith("can be estimated: every pair of values is covered")
    assert paired.startswith("comparisons of imputation are paired: each block has all selected")
    assert single.startswith("nothing is said about single combinations: 68,950 of 72,576 are left")


def test_a_sample_that_is_too_small_says_what_it_cannot_say():
    """Fewer blocks than effects, values in no block, pairs that no block has: each is named."""
    said = "\n".join(drawn(GRID, 3, design="balanced").coverage.concludes())
    assert "main effects cannot be separated: 3 blocks, and 16 at least are needed" in said
    assert "can be estimated" not in said
    said = "\n".join(drawn(GRID, 60, design="balanced").coverage.concludes())
    assert "every pair of values is covered; one interaction at a time" in said
    assert "117 blocks are needed" in said
    said = "\n".join(drawn(SMALL, 4, only=["side=left,right"], seed=5).coverage.concludes())
    assert "interactions of two parameters can be estimated: of the covered pairs alone" in said
    assert "not covered: side=" in said


def test_a_value_in_one_block_or_none_is_named():
    """Its mean is the number of one block, or there is none."""
    grid = Grid(("imputation", "side", "share"), (("a", "b"), ("l", "r"), tuple(range(12))))
    said = "\n".join(drawn(grid, 14, design="balanced").coverage.concludes())
    assert "no main effect of share=" in said
    assert "in one block alone" in said
    said = "\n".join(drawn(grid, 5, design="balanced").coverage.concludes())
    assert "nothing is said about share=" in said
    assert "and 4 more: no block has it" in said


@pytest.mark.parametrize("design", ["random", "balanced"])
def test_more_blocks_than_there_are_is_said(design):
    """All are drawn then, with a note; nothing can be concluded that is about a sample."""
    selection = drawn(SMALL, 7, design=design)
    assert list(selection) == list(range(len(SMALL)))
    assert selection.notes[1] == (
        "the sample asks for 7 blocks and there are 6: all of them are drawn, and nothing is left "
        "out"
    )
    assert selection.coverage.concludes() == [
        "nothing that was selected is left out, so no statement is one about a sample"
    ]
    assert len(drawn(SMALL, 6, design=design).notes) == 1


@pytest.mark.parametrize("design", ["random", "balanced"])
def test_a_grid_with_one_block_is_drawn(design):
    """There is nothing to balance, and nothing to cover but what is compared."""
    grid = Grid(("imputation", "side"), (("zero_imp", "mean_imp"), ("left",)))
    selection = drawn(grid, 1, design=design)
    assert list(selection) == [0, 1]
    assert selection.coverage.covers() == [
        f"1 of 1 block (100 %), design {design}, 2 of 2 combinations"
    ]
    assert selection.coverage.is_all


def test_single_combinations_are_counted_as_such():
    """Without blocks nothing is paired, and combinations are counted."""
    selection = Selection.of(SMALL, compared=COMPARED, sample=6, blocks=False, seed=2)
    said = [*selection.coverage.covers(), *selection.coverage.concludes()]
    assert said[0] == "6 of 12 combinations (50 %), design random"
    assert not any("block" in each.replace("that blocks differ", "") for each in said)
    assert not any("paired" in each for each in said)


def test_without_a_sample_there_is_no_coverage():
    """What is selected by values or numbers is meant as it is."""
    assert Selection.of(SMALL, only=["side=left"]).coverage is None
