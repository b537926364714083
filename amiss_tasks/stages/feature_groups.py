"""Comparing groups of features: which of the study's features a combination has.

Ablation: the same rows with all features, without those of a group, or with these alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.features.groups import ALL, groups_of, in_group, named_in
from amiss_tasks.protocols import CORRECTED, Protocol
from gridrun.documents.tree import known_list
from gridrun.errors import Fault, InputError, did_you_mean
from gridrun.pipeline import Parameter, Value

FEATURE_GROUPS = "feature_groups"
"""Key of ``study.yaml``, name of its data in ``Settings.options``, and of the parameter."""

_ROWS = "draw_order"
"""Switch by which rows are drawn alike whatever is drawn of the features."""


def values_of(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What of the features the study compares; empty for a study that does not."""
    return tuple(value for value, _ in options.get(FEATURE_GROUPS, {}).get("values", ()))


def group_of(values: Mapping[str, Value]) -> str:
    """What of the features a task has: all of them in a study that compares no groups."""
    return str(values.get(FEATURE_GROUPS, ALL))


def parameter_of(values: tuple[str, ...]) -> Parameter:
    """The axis of the grid; a grid that does not name it has all values."""
    return Parameter(
        FEATURE_GROUPS,
        values,
        "Which features are used: all, all but those of some groups, or those of some alone.",
        default=values,
    )


def refuse_unknown(options: Mapping[str, Any], features: FeatureSet) -> None:
    """Stop where the study names a group that its features have not, or leaves no number.

    Args:
        options: Data of the study's keys.
        features: Its features; once the inputs are read, those that these have.

    Raises:
        InputError: With every such value.
    """
    faults = []
    known = groups_of(features)
    for value, line in options.get(FEATURE_GROUPS, {}).get("values", ()):
        unknown = [name for name in named_in(value) if name not in known]
        if unknown:
            message = f'no feature that the study has is in the group "{unknown[0]}"'
            near = did_you_mean(unknown[0], known)
            groups = (
                f"known groups: {known_list(known, len(known))}"
                if known
                else ("no feature has a group: give some tags in a features file")
            )
            faults.append(_fault(options, line, message, f"{near} {groups}".strip()))
        elif not in_group(features, value).numeric:
            message = f'"{value}" leaves no numeric feature, so there is nothing to impute'
            faults.append(_fault(options, line, message, "leave it out, or name further groups"))
    if faults:
        raise InputError(faults)


def refuse_protocol(options: Mapping[str, Any], protocol: Protocol) -> None:
    """Stop where groups would be compared on other rows.

    Raises:
        InputError: The study compares groups, and draws rows as upstream does.
    """
    values = options.get(FEATURE_GROUPS, {}).get("values", ())
    if values and _ROWS not in protocol.corrected:
        message = (
            f"groups of features cannot be compared under protocol {protocol.label}: upstream "
            "draws features and rows by one generator, so that each group would have rows of its "
            "own (D6)"
        )
        raise InputError([_fault(options, values[0][1], message, f"set protocol: {CORRECTED}")])


def _fault(options: Mapping[str, Any], line: int, message: str, todo: str) -> Fault:
    where = f'key "{FEATURE_GROUPS}": {message}'
    return Fault(Path(options[FEATURE_GROUPS]["file"]), where, line, todo)
