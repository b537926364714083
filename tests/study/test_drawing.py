"""What a run draws of the grid: the study's key and the options of the run together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gridrun.errors import UserError
from gridrun.plan.run_options import RunOptions
from gridrun.study._drawing import drawing_of


@pytest.fixture
def study(toy_study):
    return toy_study().study


PLAIN, BLOCKS = {}, {"design": "balanced", "sample_blocks": 50}


@pytest.mark.parametrize(
    ("said", "asked", "label", "unit"),
    [
        (PLAIN, {}, "", "blocks"),
        ({"sample": 20}, {}, "20", "blocks"),
        ({"sample": 20}, {"sample": 7, "blocks": False}, "7", "combinations"),
        ({"sample": 20}, {"design": "balanced"}, "20, balanced", "balanced blocks"),
        (BLOCKS, {}, "50 blocks, balanced", "balanced blocks"),
        (BLOCKS, {"sample": 7}, "7, balanced", "balanced blocks"),
        (BLOCKS, {"design": "random"}, "50 blocks", "blocks"),
        (BLOCKS, {"sample": 7, "design": "random", "blocks": False}, "7", "combinations"),
    ],
)
def test_an_option_takes_the_place_of_what_the_study_says(study, said, asked, label, unit):
    """A number that is given leaves the study's design, a design its number."""
    drawing = drawing_of(replace(study, **said), RunOptions(**asked))
    assert (drawing.label, drawing.unit) == (label, unit)


@pytest.mark.parametrize(
    ("said", "asked", "parts"),
    [
        (PLAIN, {"design": "balanced"}, ["--design requires --sample", "give --sample N"]),
        (PLAIN, {"blocks": False}, ["--no-blocks requires --sample"]),
        (PLAIN, {"sample": 5, "design": "evn"}, ['no design "evn"', "random, balanced"]),
        (PLAIN, {"sample": 5, "design": "balance"}, ['did you mean "balanced"?']),
        (
            BLOCKS,
            {"blocks": False},
            ["are drawn by the design balanced", "--design random"],
        ),
        (
            BLOCKS,
            {"blocks": False, "design": "random"},
            ["whole blocks are drawn by sample: {blocks: N}", "--sample N"],
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(study, said, asked, parts):
    """With the option and what to do."""
    with pytest.raises(UserError) as caught:
        drawing_of(replace(study, **said), RunOptions(**asked))
    for part in parts:
        assert part in str(caught.value)


def test_a_plan_says_what_a_sample_covers_and_what_it_tells(toy_study):
    """The report has the counts; without a sample there are none."""
    study = toy_study()
    coverage = study.plan(sample=6, design="balanced").coverage
    assert coverage.design == "balanced"
    assert coverage.compared == ("smoothing",)
    assert coverage.combinations == 6
    assert study.plan().coverage is None


def test_a_sample_that_is_extended_computes_nothing_twice(toy_study):
    """Blocks of a balanced sample stay when more are asked for; the page says what they cover."""
    study = toy_study()
    first = study.run(backend="inprocess", sample=6, design="balanced").tally
    assert first.done > 0
    before = study.plan(sample=12, design="balanced")
    more = study.run(backend="inprocess", sample=12, design="balanced").tally
    assert (before.done, before.pending) == (first.done, more.done)
    again = study.plan(sample=6, design="balanced")
    assert (again.done, again.pending) == (first.done, 0)
    names = {study.state(sample=6, design=design).sample_name for design in ("random", "balanced")}
    assert len(names) == 2
    page = study.report(sample=6, design="balanced").read_text("utf-8")
    coverage = again.coverage
    for text in (*coverage.covers(), *coverage.concludes()):
        assert f"<li>{text}</li>" in page
    assert "6, balanced" in page
