"""R's draws without R, against upstream's recorded draws and against R itself."""

import random
import subprocess
from itertools import groupby

import numpy as np
import pytest
from golden_tables import GOLDEN, csv_rows

from amiss_tasks.r.random import RRandom
from amiss_tasks.stages.fold import drawn_for_test, fold_rows, permutation

PIECES = GOLDEN / "pieces"


@pytest.mark.parametrize("rows", [20, 772])
def test_permutation_equals_upstream(rows):
    """The order of rows before folds are drawn is upstream's."""
    expected = [
        int(row["original_row"]) - 1
        for row in csv_rows(PIECES / "s11_reordering_seed10.csv")
        if int(row["n"]) == rows
    ]
    assert permutation(rows).tolist() == expected


def test_folds_equal_upstream():
    """Every draw of every golden fold is upstream's, whatever the number of folds."""
    recorded = csv_rows(PIECES / "s11_folds_seed10.csv.gz")
    compared = 0
    for (rows, folds, fold), draws in groupby(
        recorded, key=lambda row: (int(row["n"]), int(row["n_folds"]), int(row["fold"]))
    ):
        expected = [int(row["test_position"]) - 1 for row in draws]
        assert drawn_for_test(rows, fold).tolist() == expected, (rows, folds, fold)
        compared += 1
    assert compared == 2 * (3 + 10)


@pytest.mark.parametrize("rows", [3, 10, 772])
def test_fold_is_a_partition(rows):
    """Training and test rows of a fold are all rows, each once."""
    fold = fold_rows(rows, 4)
    assert sorted([*fold.train, *fold.test]) == list(range(rows))
    assert len(fold.test) == int(0.7 * rows)


def test_draws_equal_r():
    """Seeds, uniform draws and samples agree with Rscript for sizes on both sides of 2^16."""
    chosen = random.Random(4)
    sizes = [1, 2, 16, 255, 256, 257, 65535, 65536, 65537, chosen.randrange(70_000, 200_000)]
    sizes += [chosen.randrange(3, 5_000) for _ in range(5)]
    cases = [(chosen.randrange(-(2**31) + 1, 2**31), size) for size in sizes]
    program = "".join(
        f"set.seed({seed}L); cat(format(runif(3), digits = 17), "
        f"sample({size}L, {min(size, 50)}L), '\\n');"
        for seed, size in cases
    )
    done = subprocess.run(
        ["Rscript", "--vanilla", "-e", program], capture_output=True, text=True, check=True
    )
    for (seed, size), line in zip(cases, done.stdout.splitlines(), strict=True):
        numbers = line.split()
        generator = RRandom(seed)
        assert generator.uniform(3).tolist() == [float(text) for text in numbers[:3]]
        drawn = generator.sample(size, min(size, 50)) + 1
        assert drawn.tolist() == [int(text) for text in numbers[3:]], (seed, size)


def test_uniform_draws_go_on():
    """Many draws in one go are the same as one after another."""
    together = RRandom(10).uniform(10_000)
    one_by_one = RRandom(10)
    np.testing.assert_array_equal(together, [one_by_one.uniform(1)[0] for _ in range(10_000)])


def test_too_large_a_sample_is_refused():
    """More than there is cannot be drawn."""
    with pytest.raises(ValueError, match="cannot draw 4 of 3"):
        RRandom(1).sample(3, 4)
