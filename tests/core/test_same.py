"""What a summary says of rows whose means are the same to the last digit."""

from __future__ import annotations

import math

import pytest

from gridrun.report.summary import Summary
from gridrun.report.summary_group import SummaryGroup


def group(method: str, skill: float, *, classifier: str = "line", **at: str) -> SummaryGroup:
    """A row of one part."""
    counts = {} if math.isnan(skill) else {"skill": 1}
    sums = {} if math.isnan(skill) else {"skill": skill}
    return SummaryGroup(method, classifier, ("skill",), at, n=1, _sums=sums, _counts=counts)


def same(*groups: SummaryGroup) -> list[str]:
    """What is said of these rows."""
    return Summary(groups, {}, {}, 1, 1, "corrected", "smoothing").same


def test_methods_with_the_same_means_are_named() -> None:
    said = same(group("mean", 0.3), group("zero", 0.7), group("flags", 0.7))
    assert said == ["zero and flags have the same skill to the last digit, with all classifiers"]


@pytest.mark.parametrize(
    "other",
    [
        group("flags", math.nextafter(0.7, 1)),
        group("flags", math.nan),
        group("flags", 0.7, classifier="curve"),
    ],
)
def test_methods_that_differ_in_a_digit_or_a_classifier_are_not(other: SummaryGroup) -> None:
    assert same(group("zero", 0.7), other) == []


def test_methods_that_differ_with_one_classifier_of_two_are_not() -> None:
    of_line = [group("zero", 0.7), group("flags", 0.7)]
    of_curve = [group("zero", 0.2, classifier="curve"), group("flags", 0.1, classifier="curve")]
    assert same(*of_line, *of_curve) == []


@pytest.mark.parametrize("mean", [0.0, 0.5, 1.0, math.nan])
def test_means_that_unlike_tables_share_say_nothing(mean: float) -> None:
    assert same(group("zero", mean), group("flags", mean)) == []


def test_a_parameter_that_makes_no_difference_is_named_once_for_all_methods() -> None:
    rows = [
        group(method, skill, flags=flags)
        for method, skill in (("zero", 0.7), ("mean", 0.6), ("flagged", 0.7))
        for flags in ("off", "on")
        if (method, flags) != ("flagged", "on")
    ]
    of_flags, of_methods = same(*rows)
    assert of_flags == (
        "flags makes no difference: off and on have the same skill to the last digit, in 2 pairs "
        "of smoothing and classifier"
    )
    assert of_methods == (
        "zero and flagged have the same skill to the last digit, with all classifiers"
    )


def test_a_parameter_that_makes_a_difference_to_one_method_is_not() -> None:
    rows = [group("zero", 0.7, flags="off"), group("zero", 0.7, flags="on")]
    rows += [group("mean", 0.6, flags="off"), group("mean", 0.61, flags="on")]
    assert same(*rows) == []
