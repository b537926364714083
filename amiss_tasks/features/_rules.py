"""What a list of features must keep to as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from amiss_tasks.features.feature_set import BASIC_COLUMNS, CADD, CONSEQUENCE, RESERVED, Feature
from gridrun.study import KeyReader

_INDICATOR = "_missing"
"""Ending of an indicator: of missingness_indicators, or of the parameter indicators."""

_CONSEQUENCE_ADVICE = (
    f"CADD's consequence is: name: {CONSEQUENCE}, source: {{cadd: Consequence}}, "
    "type: categorical; give VEP's another name"
)


def check_features(reader: KeyReader, features: Sequence[Feature]) -> None:
    """Name what cannot be together, or cannot be at all.

    Args:
        reader: Of the features file; takes the faults.
        features: Its features.
    """

    def fault(feature: Feature, message: str, todo: str) -> None:
        reader.fault(f'feature "{feature.name}" {message}', feature, todo)

    if not any(feature.is_numeric for feature in features):
        message = "has no numeric feature, so there is nothing to impute"
        reader.fault(message, todo="add a feature with type: numeric")
    first: dict[str, Feature] = {}
    for feature in features:
        other = first.setdefault(feature.name, feature)
        if other is not feature:
            fault(
                feature,
                f"occurs twice: lines {other.line} and {feature.line}",
                "give one of them another name; R writes each character but letters, digits, "
                "_ and . as a dot",
            )
        if feature.name in RESERVED and not _is_consequence(feature):
            known = feature.name in {CONSEQUENCE, *BASIC_COLUMNS}
            todo = _CONSEQUENCE_ADVICE if known else "give it another name"
            fault(feature, "has the name of a column that amiss reads anyway", todo)
    dotted = [(f"{each.name}.", each) for each in features if not each.is_numeric]
    for feature in features:
        base = first.get(feature.name.removesuffix(_INDICATOR))
        if base is not None and base.name != feature.name:
            fault(
                feature,
                f'has the name that missingness_indicators gives the indicator of "{base.name}"',
                "give it another name",
            )
        for start, owner in dotted:
            if feature.name.startswith(start):
                fault(
                    feature,
                    f'would be taken for a level of the categorical feature "{owner.name}"',
                    f"give it a name that does not begin with {start}",
                )


def _is_consequence(feature: Feature) -> bool:
    """Whether it is CADD's consequence, which row ids and tables know by that name."""
    return (
        feature.name == CONSEQUENCE
        and feature.file == CADD
        and feature.sources == BASIC_COLUMNS
        and not (feature.is_numeric or feature.others or feature.lists)
    )
