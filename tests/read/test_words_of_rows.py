"""Text of many rows in few bytes is the text, and what is counted by it is counted right."""

from __future__ import annotations

import io

import numpy as np
import pytest

from amiss_tasks.stages.block_tables import Lines, text_array
from amiss_tasks.stages.columns import words
from amiss_tasks.stages.columns.words import Names, Words, filled, numbers_of, ranks
from amiss_tasks.stages.label import first_of_duplicates
from amiss_tasks.stages.splits.draws import draw_rows


def by_dictionary(values):
    numbers = {}
    return [numbers.setdefault(value, len(numbers)) for value in values]


@pytest.fixture(params=[3, 100_000], ids=["in pieces", "at once"])
def rows(request, monkeypatch):
    """Three columns of made-up text, in which nothing is in alphabetical order."""
    monkeypatch.setattr(words, "_SORTED_AT_ONCE", request.param)
    monkeypatch.setattr(words, "_AT_ONCE", request.param)
    random = np.random.default_rng(5)
    sizes = (3, 40, 300)  # one and two bytes for each row
    return [[f"{size}-{n}" for n in random.integers(0, size, 500)] for size in sizes]


def test_names_are_put_together_and_numbered_as_text_is(rows):
    names = Names([Words.of(column) for column in rows], ":")
    texts = [":".join(parts) for parts in zip(*rows, strict=True)]
    assert [*names] == texts == [names[row] for row in range(len(names))]
    assert names[7:450] == texts[7:450]
    assert names == texts
    assert names != [*texts[:-1], "other"]
    assert names != texts[:-1]
    assert numbers_of(names).tolist() == by_dictionary(texts)
    some = np.array([7, 3, 3, 499])
    assert [*names.take(some)] == [texts[row] for row in some]


def test_words_are_numbered_paired_and_mapped_as_text_is(rows):
    first, second, third = (Words.of(column) for column in rows)
    assert numbers_of(third.take(np.arange(400, 100, -1))).tolist() == by_dictionary(
        rows[2][400:100:-1]
    )
    pairs = second.beside(first)
    texts = [*zip(rows[1], rows[0], strict=True)]
    assert [*pairs] == texts
    assert pairs.codes.tolist() == by_dictionary(texts)
    assert pairs.distinct == [*dict.fromkeys(texts)]
    short = third.map(lambda text: text[-1])
    assert [*short] == [text[-1] for text in rows[2]]
    assert len(short.distinct) == 10


def test_ranks_are_those_of_all_rows(rows):
    numbers = np.array(by_dictionary(rows[2])) * -7
    distinct, codes = ranks(numbers)
    expected, inverse = np.unique(numbers, return_inverse=True)
    assert distinct.tolist() == expected.tolist()
    assert codes.tolist() == inverse.tolist()


def test_what_is_missing_and_its_word_are_one():
    found = filled(Words.of(["NA", "b", None, "", "NA"]), "NA")
    assert [*found] == ["NA", "b", "NA", "NA", "NA"]
    assert numbers_of(found).tolist() == [0, 1, 0, 0, 0]


def test_lines_are_written_as_the_array_of_them(rows):
    ours, numpy = io.BytesIO(), io.BytesIO()
    texts = [*rows[2], "é", ""]
    Lines(texts).write(ours)
    np.lib.format.write_array(numpy, text_array(texts))
    assert ours.getvalue() == numpy.getvalue()


def test_repeats_are_found_in_whatever_round_they_are():
    """Whole rows by a dictionary are the measure; -0 is 0, NaN is NaN."""
    random = np.random.default_rng(3)
    numbers = random.integers(0, 40, 3_000).astype(float)
    numbers[numbers == 7] = np.nan
    numbers[::2] *= -1
    text = [f"{n}" for n in random.integers(0, 9, 3_000)]
    some = random.permutation(3_000)[:2_500]
    expected = {}
    for row in some.tolist():
        expected.setdefault((repr(numbers[row] + 0.0), text[row]), row)
    found = first_of_duplicates({"n": numbers}, {"t": text}, some)
    assert found.tolist() == [*expected.values()]
    assert 500 < len(found) < 1_000


@pytest.mark.parametrize("by_group", [True, False])
@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_rows_of_a_variant_are_drawn_together_wherever_they_stand(by_group, stratified, seed):
    """Coded names and lists of them draw the same; shares are those of groups or rows."""
    random = np.random.default_rng(1)
    groups = [f"v{n}" for n in random.integers(0, 200, 1_000)]
    positive = random.random(1_000) < 0.3
    asked = {"share": 0.7, "seed": seed, "by_group": by_group, "stratified": stratified}
    drawn = draw_rows(groups, positive, **asked)
    assert drawn.tolist() == draw_rows(Words.of(groups), positive, **asked).tolist()
    units = groups if by_group else range(1_000)
    of_unit = {}
    for unit, is_drawn, label in zip(units, drawn.tolist(), positive.tolist(), strict=True):
        of_unit.setdefault(unit, []).append((is_drawn, label))
    assert all(len({is_drawn for is_drawn, _ in own}) == 1 for own in of_unit.values())
    strata = {True: [], False: []}
    for own in of_unit.values():
        most = stratified and 2 * sum(label for _, label in own) > len(own)
        strata[most].append(own[0][0])
    for units in filter(None, strata.values()):
        assert sum(units) == round(0.7 * len(units))
