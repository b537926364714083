"""Which columns features are read from in a study: sources that are there, parts of combinations.

A reader of inputs knows features with one source alone. What a features file says beyond
that is brought to it here, once the headers are known.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from amiss_tasks.features.feature import BY_TRANSCRIPT, CADD, VEP, Feature, Source
from amiss_tasks.features.feature_set import FeatureSet

MAX, MIN, FIRST, MEAN = "max", "min", "first", "mean"

LISTS = (MAX, MIN, FIRST)
"""How a list in a cell becomes one value, beside the value of the row's own transcript."""

DIFFERENCE, RATIO, SUM = "difference", "ratio", "sum"

OF_TWO = (DIFFERENCE, RATIO)
"""Ways of combining that take two operands, the first less or by the second."""

WAYS = (MAX, MIN, MEAN, SUM, *OF_TWO, FIRST)
"""How columns of one row are combined; ``first`` is the first that has a value in that row."""


@dataclass(frozen=True)
class Located:
    """Features as they are read from the inputs of a study.

    Args:
        features: The set with features of one source each; parts of a combination stand in
            its place.
        lacking: Features of which some source in several files is needed, and none is there.
        passed: Feature to the sources that are not there and come before the one that is.
        kept: The study's features, combinations as they are, without those that are left out.
        left_out: Optional features of which some column is not there.
    """

    features: FeatureSet
    lacking: Sequence[Feature]
    passed: Mapping[str, Sequence[Source]]
    kept: FeatureSet
    left_out: Sequence[Feature]


def parts_of(feature: Feature) -> tuple[Feature, ...]:
    """What is read for a feature: itself, or one numeric feature for each operand."""
    if feature.combination is None:
        return (feature,)
    operands = feature.combination.of
    return tuple(
        replace(
            feature,
            # no feature has such a name: R's have no brackets
            name=f"{feature.name}[{first.file}:{first.columns[0]}]",
            file=first.file,
            sources=first.columns,
            others=tuple(more),
            combination=None,
            a_priori=None,
        )
        for first, *more in operands
    )


def locate(features: FeatureSet, there: Mapping[str, Container[str]]) -> Located:
    """Choose for each feature the first of its sources that is there.

    Args:
        features: The study's features.
        there: File of a feature to the columns that it has, of those that are looked for;
            files that are not among the inputs are left out.
    """
    read: list[Feature] = []
    lacking: list[Feature] = []
    passed: dict[str, Sequence[Source]] = {}
    left_out = tuple(f for f in features.features if f.optional and not _is_whole(f, there))
    kept = tuple(feature for feature in features.features if feature not in left_out)
    for part in (part for feature in kept for part in parts_of(feature)):
        if not part.others:
            # whether its only source is there is checked file by file
            read.append(part)
            continue
        places = part.places
        found = [_is_there(place, there) for place in places]
        if True not in found:
            lacking.append(part)
            continue
        at = found.index(True)
        passed[part.name] = places[:at]
        place = places[at]
        read.append(replace(part, file=place.file, sources=place.columns, others=()))
    located = tuple(_of_file(part) for part in read)
    return Located(
        replace(features, features=located),
        lacking,
        passed,
        replace(features, features=kept),
        left_out,
    )


def _is_whole(feature: Feature, there: Mapping[str, Container[str]]) -> bool:
    """Whether there is a column for the feature, for each operand of a combination."""
    parts = parts_of(feature)
    return all(any(_is_there(place, there) for place in part.places) for part in parts)


def located(features: Iterable[Feature], there: Container[str]) -> dict[str, str]:
    """The first source of each feature that is there; features without one are left out.

    Args:
        features: Features of one file.
        there: Columns that the file has, of those that are looked for.
    """
    found: dict[str, str] = {}
    for feature in features:
        source = next((name for name in feature.sources if name in there), None)
        if source is not None:
            found[feature.name] = source
    return found


def _is_there(place: Source, there: Mapping[str, Container[str]]) -> bool:
    columns = there.get(place.file, ())
    return any(name in columns for name in place.columns)


def _of_file(feature: Feature) -> Feature:
    """The feature without what concerns lists by transcript, where its file has none."""
    if feature.file == VEP:
        return feature
    ways = tuple(way for way in feature.lists if way != BY_TRANSCRIPT)
    # CADD has computed the share already
    meant = None if feature.file == CADD else feature.stands_for
    return replace(feature, lists=ways, per_transcript=None, stands_for=meant)
