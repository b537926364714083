"""Selections: which combinations --only, a list and a sample mean."""

from __future__ import annotations

import itertools
import random
import time

import numpy as np
import pytest
from grids import FULL

from gridrun.errors import InputError, UserError
from gridrun.plan.grid import Grid
from gridrun.plan.selection import Selection

COMPARED = ("imputation",)
GRID = Grid(tuple(FULL), tuple(tuple(values) for values in FULL.values()))
SMALL = Grid(
    ("side", "imputation", "share"),
    (("left", "right"), ("zero_imp", "mean_imp", "max_imp"), (0.33, 1.0)),
)


def chosen(grid, **arguments):
    return Selection.of(grid, compared=COMPARED, **arguments)


def blocks_of(selection):
    """Each block's values, with the imputations that were drawn of it."""
    found = {}
    for combination in selection.grid.combinations(selection):
        method = combination.pop("imputation")
        found.setdefault(tuple(combination.items()), []).append(method)
    return found


def test_everything_is_selected_without_being_held():
    """The whole of a huge grid has its length and its first members at once."""
    values = tuple(range(1000))
    selection = Selection.of(Grid(("a", "b", "c", "d"), (values,) * 4))
    assert len(selection) == 10**12
    assert list(itertools.islice(selection, 3)) == [0, 1, 2]
    assert 10**12 - 1 in selection
    assert 10**12 not in selection


def test_indices_are_ascending_int64():
    """The array has every combination once, in order."""
    indices = chosen(SMALL).indices()
    assert indices.dtype == np.int64
    assert indices.tolist() == list(range(12))


@pytest.mark.parametrize(
    "only",
    [
        ["imputation=mean_imp,zero_imp"],
        ["imputation=mean_imp", "imputation=zero_imp"],
        ["imputation = zero_imp , mean_imp"],
    ],
)
def test_only_takes_values_of_one_parameter_together(only):
    """Values of one parameter add up, however they are given."""
    selection = chosen(SMALL, only=only)
    found = list(SMALL.combinations(selection))
    assert len(found) == 8
    assert {combination["imputation"] for combination in found} == {"zero_imp", "mean_imp"}
    assert list(selection) == sorted(selection)


def test_only_of_several_parameters_must_all_be_met():
    """Different parameters narrow one another; 1 is 1.0."""
    selection = chosen(SMALL, only=["side=right", "share=1"])
    assert list(SMALL.combinations(selection)) == [
        {"side": "right", "imputation": method, "share": 1.0} for method in SMALL.values[1]
    ]


@pytest.mark.parametrize(
    ("only", "words"),
    [
        ("imputaton=mean_imp", ['unknown parameter "imputaton"', 'did you mean "imputation"?']),
        ("imputation=mean", ['no value "mean"', 'did you mean "mean_imp"?', "zero_imp, mean_imp"]),
        ("share=0.66", ['no value "0.66" of parameter "share"', "0.33, 1.0"]),
        ("share=nan", ['no value "nan"']),
        ("imputation", ["PARAMETER=VALUE"]),
        ("=mean_imp", ["PARAMETER=VALUE"]),
        ("side=", ["PARAMETER=VALUE"]),
        ("side=left,", ['no value ""']),
    ],
)
def test_wrong_only(only, words):
    """What does not fit the grid is refused, with the option and the values of the grid."""
    with pytest.raises(UserError) as caught:
        chosen(SMALL, only=[only])
    for word in [f"--only {only}", *words]:
        assert word in str(caught.value)


def test_a_list_counts_from_one():
    """Numbers and ranges, in any order, overlapping or not, are counted from 1."""
    assert list(chosen(SMALL, combinations="10-12,1,5, 11,3-4,2-4")) == [0, 1, 2, 3, 4, 9, 10, 11]


def test_a_list_from_a_file(tmp_path):
    """A file may have one number a line or several, with comments."""
    path = tmp_path / "list.txt"
    path.write_text("# mine\n1\n5, 7\n10-11  # the last\n\n")
    assert list(chosen(SMALL, combinations=f"@{path}")) == [0, 4, 6, 9, 10]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0", "there is no combination 0"),
        ("13", "there is no combination 13"),
        ("5-99", "there is no combination 99"),
        ("1-999999999999999999", "numbered from 1 to 12"),
        ("5-2", "did you mean 2-5?"),
        ("1,,2", '"" is not a combination number'),
        ("-3", '"-3" is not a combination number'),
        ("one", '"one" is not a combination number'),
        ("1.5", "write numbers and ranges"),
        ("9" * 30, "is not a combination number"),
        ("", "is not a combination number"),
    ],
)
def test_wrong_lists(text, words):
    """A part that is no number of the grid is refused with the numbers there are."""
    with pytest.raises(UserError) as caught:
        chosen(SMALL, combinations=text)
    assert words in str(caught.value)
    assert "--combinations" in str(caught.value)


def test_wrong_lists_in_files_name_every_line(tmp_path):
    """All wrong lines of a file are listed; a file with none or that is not there is said."""
    path = tmp_path / "list.txt"
    path.write_text("1\nx\n99\n")
    with pytest.raises(InputError) as caught:
        chosen(SMALL, combinations=f"@{path}")
    assert [(fault.file, fault.line) for fault in caught.value.faults] == [(path, 2), (path, 3)]
    path.write_text("# nothing\n")
    with pytest.raises(InputError, match="lists no combination"):
        chosen(SMALL, combinations=f"@{path}")
    with pytest.raises(InputError, match=r'did you mean "list.txt"\?'):
        chosen(SMALL, combinations=f"@{tmp_path / 'lst.txt'}")


def test_only_and_list_narrow_each_other():
    """Both are met; when nothing is left, that is said."""
    assert list(chosen(SMALL, only=["side=left"], combinations="5-8")) == [4, 5]
    with pytest.raises(UserError, match="no combination is selected"):
        chosen(SMALL, only=["side=left"], combinations="7")


def test_a_sample_is_made_of_whole_blocks():
    """Every drawn block has all seven imputations; N is rounded up, and the note says so."""
    selection = chosen(GRID, sample=20)
    blocks = blocks_of(selection)
    assert len(selection) == 21
    assert len(blocks) == 3
    assert all(methods == FULL["imputation"] for methods in blocks.values())
    assert selection.notes == (
        "3 of 10,368 blocks drawn, 21 combinations: all selected values of imputation in each",
    )


def test_a_sample_is_decided_by_its_seed():
    """The same seed draws the same, another seed something else."""
    assert list(chosen(GRID, sample=70, seed=5)) == list(chosen(GRID, sample=70, seed=5))
    assert list(chosen(GRID, sample=70, seed=5)) != list(chosen(GRID, sample=70, seed=6))


def reference_draw(size, count, seed):
    """A plain Fisher-Yates shuffle of all numbers from random bits."""
    rng = random.Random(seed)
    numbers = list(range(size))
    for position in range(count):
        left = size - position
        while True:
            step = rng.getrandbits((left - 1).bit_length()) if left > 1 else 0
            if step < left:
                break
        other = position + step
        numbers[position], numbers[other] = numbers[other], numbers[position]
    return numbers[:count]


@pytest.mark.parametrize("count", [1, 5, 11, 12])
@pytest.mark.parametrize("seed", range(20))
def test_single_draws_are_a_fisher_yates_shuffle(seed, count):
    """Without blocks, the sample is the head of a plain shuffle of all combinations."""
    selection = chosen(SMALL, sample=count, seed=seed, blocks=False)
    assert list(selection) == sorted(reference_draw(12, count, seed))
    assert selection.notes == (f"{count} of 12 combinations drawn",)


@pytest.mark.parametrize("blocks", [True, False])
def test_a_larger_sample_contains_the_smaller(blocks):
    """Samples of growing N are nested, up to the whole grid."""
    smaller = set()
    for size in (1, 7, 8, 50, 700, 5000, 72_576):
        larger = set(chosen(GRID, sample=size, blocks=blocks, seed=3))
        assert smaller <= larger
        assert size <= len(larger) < size + 7
        smaller = larger
    assert len(smaller) == len(GRID)


def test_blocks_are_drawn_with_equal_chance():
    """Over many seeds each of the 4 blocks of the small grid is drawn about as often."""
    firsts = [next(iter(blocks_of(chosen(SMALL, sample=1, seed=seed)))) for seed in range(800)]
    counts = [firsts.count(block) for block in set(firsts)]
    assert len(counts) == 4
    # 200 expected, standard deviation 12
    assert all(140 < count < 260 for count in counts)


def test_what_was_stored_is_drawn_again():
    """With the stored draw, the same N gives the same and a larger N only adds."""
    first = chosen(GRID, sample=35, seed=1)
    stored = first.to_json()
    again = chosen(GRID, sample=35, seed=1, stored=stored)
    assert list(again) == list(first)
    assert again.to_json() == stored
    # stored draws hold even against another seed
    assert set(first) <= set(chosen(GRID, sample=70, seed=99, stored=stored))
    fresh = chosen(GRID, sample=70, seed=1)
    assert list(chosen(GRID, sample=70, seed=1, stored=stored)) == list(fresh)


def test_a_smaller_sample_does_not_forget_the_larger():
    """Asking for less uses the first blocks and keeps the rest of the record."""
    stored = chosen(GRID, sample=70, seed=1).to_json()
    less = chosen(GRID, sample=35, seed=1, stored=stored)
    assert list(less) == list(chosen(GRID, sample=35, seed=1))
    assert less.to_json() == stored
    assert chosen(GRID, stored=stored).to_json() == stored


def test_a_grid_that_grows_keeps_its_sample():
    """With new values and another order of values, the blocks drawn before are drawn again."""
    small = Grid(GRID.names, (("canonical",), ("twostar",), *GRID.values[2:]))
    first = chosen(small, sample=70, seed=1)
    grown = Grid(GRID.names, (GRID.values[0], GRID.values[1][::-1], *GRID.values[2:]))
    later = chosen(grown, sample=140, seed=1, stored=first.to_json())
    before = set(blocks_of(first))
    assert before < set(blocks_of(later))
    assert len(blocks_of(later)) == 20
    # and back in the small grid nothing is lost or drawn anew
    back = chosen(small, sample=70, seed=1, stored=later.to_json())
    assert list(back) == list(first)
    assert back.to_json() == later.to_json()


def test_stored_blocks_that_only_leaves_out_do_not_count():
    """A block that has no selected combination is kept in the record, but not drawn."""
    stored = chosen(SMALL, sample=12).to_json()
    left = chosen(SMALL, only=["side=left"], sample=4, stored=stored)
    assert list(left) == [0, 1, 2, 3, 4, 5]
    assert left.notes[0].startswith("2 of 2 blocks drawn, 6 combinations")
    assert left.to_json() == stored


def test_a_block_that_gains_an_imputation_stays_whole():
    """A new imputation in the grid joins the blocks that were drawn before it."""
    at = GRID.names.index("imputation")
    fewer = Grid(GRID.names, (*GRID.values[:at], GRID.values[at][:4], *GRID.values[at + 1 :]))
    first = chosen(fewer, sample=12, seed=1)
    later = chosen(GRID, sample=21, seed=1, stored=first.to_json())
    assert list(blocks_of(later)) == list(blocks_of(first))
    assert all(len(methods) == 7 for methods in blocks_of(later).values())


def test_a_sample_is_drawn_from_what_only_and_list_leave():
    """Blocks hold the selected values only, and only selected combinations are drawn."""
    selection = chosen(GRID, only=["imputation=zero_imp,mean_imp", "quality=clingen"], sample=6)
    assert len(selection) == 6
    assert set(map(tuple, blocks_of(selection).values())) == {("zero_imp", "mean_imp")}
    listed = chosen(SMALL, combinations="1-3", sample=2, seed=4)
    assert set(listed) <= {0, 1, 2}
    assert len(listed) >= 2


def test_a_sample_larger_than_the_grid_is_the_grid():
    """All combinations are drawn, and the note has their number."""
    selection = chosen(SMALL, sample=1000)
    assert list(selection) == list(range(12))
    assert selection.notes[0].startswith("4 of 4 blocks drawn, 12 combinations")


def test_an_empty_sample_is_refused():
    """A sample of none is a mistake."""
    with pytest.raises(UserError, match="--sample 0"):
        chosen(SMALL, sample=0)


def test_a_sample_of_a_grid_of_10_to_the_12_is_quick():
    """Drawing does not walk the product."""
    values = tuple(range(1000))
    grid = Grid(("a", "imputation", "c", "d"), (values, ("x", "y"), values, values))
    begin = time.process_time()
    assert len(chosen(grid, sample=200)) == 200
    assert time.process_time() - begin < 1
