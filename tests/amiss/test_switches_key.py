"""The key ``switches``: single switches set otherwise than the study's protocol has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from amissstudies import amiss_values, golden_study
from key_texts import assert_refused, read_key

import gridrun


def test_numbers_of_defects_are_aliases(tmp_path):
    """A switch is named or numbered, in either case, and kept by its name."""
    found = read_key(tmp_path, "switches: {D7: corrected, d10: amiss, split_by: corrected}\n")
    assert found.data == {
        "test_imputation": "corrected",
        "one_sided_mcc": "amiss",
        "split_by": "corrected",
    }
    assert found.notes == ()


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("switches: [D7]\n", 1, ("a list, expected switches", "D7: corrected")),
        ("switches:\n", 1, ("null",)),
        ("switches:\n  D7: fixed\n", 2, ('"test_imputation" is set to "fixed"', "amiss or")),
        ("switches:\n  D7: correctd\n", 2, ('did you mean "corrected"?',)),
        ("switches:\n  D7: on\n", 2, ('set to "on"',)),
        ("switches:\n  split_bi: amiss\n", 2, ('no switch "split_bi"', '"split_by"?')),
        ("switches:\n  D99: amiss\n", 2, ('no switch "D99"', "fold_shares (D1)")),
        ("switches:\n  D11: corrected\n", 2, ("D11 has no switch", "under both protocols")),
        ("switches:\n  7: corrected\n", 2, ("no switch 7",)),
        (
            "switches:\n  D7: corrected\n  test_imputation: amiss\n",
            3,
            ("set twice: lines 2 and 3",),
        ),
    ],
)
def test_refusals(tmp_path, text, line, parts):
    """What is wrong is said at its line, with the nearest name and the words that may stand."""
    assert_refused(tmp_path, text, line, parts)


def plan(directory: Path, *lines: str):
    """Plan of a study of two combinations, one of them random search."""
    grid = amiss_values(hyperparameter_search_type=["grid", "random"])
    golden_study(directory, grid, "folds: 1", "classifiers: [rf]", *lines)
    return gridrun.open_study(directory).plan()


def test_a_study_toggles_a_switch(tmp_path):
    """With D2 corrected random search is no longer known to be impossible."""
    assert plan(tmp_path / "amiss", "protocol: amiss").impossible == 1
    toggled = plan(tmp_path / "toggled", "protocol: amiss", "switches: {D2: corrected}")
    assert toggled.impossible == 0
