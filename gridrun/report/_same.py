"""Methods, and values of a parameter, whose means are the same to the last digit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from gridrun.errors import counted
from gridrun.report.summary_group import SummaryGroup

_OF_UNLIKE_TABLES = (0.0, 0.5, 1.0)
"""Means that unlike tables have as well: when nothing is found, all is, or both by chance."""


def what_is_the_same(groups: Sequence[SummaryGroup], compared: str) -> list[str]:
    """Sentences on values whose means are the same to the last digit.

    Tables that differ hardly give the same means. So what should differ between two such values
    did not reach a classifier: columns, for example, that a check dropped again.

    Args:
        groups: Of a summary.
        compared: Name of the parameter that is compared.

    Returns:
        One for each further parameter that makes no difference, then one for each set of methods.
    """
    left = [group for group in groups if group.n]
    metrics = " and ".join(left[0].metrics) if left else ""
    said = []
    for parameter in left[0].at if left else ():
        beside: dict[object, list[SummaryGroup]] = {}
        for group in left:
            others = tuple(value for name, value in group.at.items() if name != parameter)
            beside.setdefault((group.method, others, group.classifier), []).append(group)
        pairs = [same for same in beside.values() if len(same) > 1]
        if pairs and all(len({_means(group) for group in same}) == 1 for same in pairs):
            values = list(dict.fromkeys(str(group.at[parameter]) for group in left))
            said.append(
                f"{parameter} makes no difference: {' and '.join(values)} have the same {metrics} "
                f"to the last digit, in {counted(len(pairs), 'pair')} of {compared} and classifier"
            )
            left = [same[0] for same in beside.values()]
    alike: dict[object, list[str]] = {}
    for method in dict.fromkeys(group.method for group in left):
        own = [group for group in left if group.method == method]
        if _say_something(own):
            key = frozenset((group.classifier, *group.at.items(), _means(group)) for group in own)
            alike.setdefault(key, []).append(method)
    return said + [
        f"{' and '.join(methods)} have the same {metrics} to the last digit, with all classifiers"
        for methods in alike.values()
        if len(methods) > 1
    ]


def _means(group: SummaryGroup) -> tuple[str, ...]:
    # text of numbers, since NaN is not equal to itself
    return (str(group.n), *(str(group.mean(metric)) for metric in group.metrics))


def _say_something(groups: Iterable[SummaryGroup]) -> bool:
    means = [group.mean(metric) for group in groups for metric in group.metrics]
    return any(not math.isnan(mean) and mean not in _OF_UNLIKE_TABLES for mean in means)
