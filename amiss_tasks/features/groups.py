"""Groups of features by their tags: what of a set is left when some are taken out or kept alone."""

from __future__ import annotations

from dataclasses import replace

from amiss_tasks.features.feature_set import FeatureSet

ALL, ONLY, WITHOUT = "all", "only", "without"
"""Beginnings of what a grid says: ``all``, ``only protein+meta``, ``without protein``."""

JOINED = "+"
"""What stands between the names of several groups."""


def groups_of(features: FeatureSet) -> dict[str, list[str]]:
    """Group to the names of its features, in the order of the set."""
    found: dict[str, list[str]] = {}
    for feature in features.features:
        for tag in feature.tags:
            found.setdefault(tag, []).append(feature.name)
    return found


def named_in(value: str) -> tuple[str, ...]:
    """The groups that a value of the grid names; none for ``all``."""
    names = value.partition(" ")[2]
    return tuple(names.split(JOINED)) if names else ()


def in_group(features: FeatureSet, value: str) -> FeatureSet:
    """The features that a value of the grid leaves.

    Args:
        features: The study's features.
        value: As :data:`ALL` describes. A feature of several groups is kept by ``only`` if one
            of them is named, and taken out by ``without`` if one of them is.
    """
    if value == ALL:
        return features
    names = set(named_in(value))
    keeps = value.startswith(f"{ONLY} ")
    kept = tuple(f for f in features.features if bool(names & set(f.tags)) is keeps)
    return replace(features, features=kept)
