"""What people hand to the Python API, in the forms they think of."""

from __future__ import annotations

import numpy as np
import pytest

from gridrun.errors import UserError
from gridrun.plan.run_options import RunOptions


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"combinations": 3}, {"combinations": "3"}),
        ({"combinations": [1, 5]}, {"combinations": "1,5"}),
        ({"combinations": range(1, 4)}, {"combinations": "1,2,3"}),
        ({"combinations": np.array([2, 7])}, {"combinations": "2,7"}),
        ({"combinations": "1,5-9"}, {"combinations": "1,5-9"}),
        ({"only": "a=x"}, {"only": ("a=x",)}),
        ({"only": ["a=x", "b=y"]}, {"only": ("a=x", "b=y")}),
        ({"only": {"a": "x", "b": ["y", 1.0]}}, {"only": ("a=x", "b=y,1.0")}),
        ({"sample": np.int64(7), "rows": None}, {"sample": 7}),
    ],
)
def test_a_request_is_taken_in_the_forms_people_write(given, meant):
    """Numbers, lists, ranges, arrays and mappings mean what the command's text means."""
    assert RunOptions.asked(**given) == RunOptions(**meant)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"fold": 3}, "unknown option: fold"),
        ({"folds": 2.5}, "folds=2.5"),
        ({"rows": True}, "rows=True"),
        ({"sample": "9"}, "sample='9'"),
        ({"combinations": []}, "an empty list"),
        ({"combinations": [1, "a"]}, "combinations='a'"),
        ({"only": 5}, "only=5"),
    ],
)
def test_what_makes_no_request_is_refused_by_name(given, part):
    """A notebook gets a UserError that names option and value, no AttributeError."""
    with pytest.raises(UserError, match=part.replace("[", r"\[")):
        RunOptions.asked(**given)


def test_an_option_that_a_backend_does_not_have_is_refused(toy_study):
    """`inprocess` starts no workers, so a number of them is a mistake."""
    with pytest.raises(UserError, match='"inprocess" has no option workers'):
        toy_study().run(backend="inprocess", workers=3)


def test_an_open_study_says_what_it_is(toy_study):
    """A notebook shows the study's file, not an address in memory."""
    assert repr(toy_study()).endswith("study.yaml')")
