"""Leakage that upstream's choices or a study's features allow: what its tables say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from amiss_tasks.features.feature_set import Feature, FeatureSet
from amiss_tasks.features.frequencies import FREQUENCY
from amiss_tasks.features.groups import ALL, in_group
from amiss_tasks.protocols import NAMES, protocol_of
from amiss_tasks.stages.feature_groups import FEATURE_GROUPS
from amiss_tasks.study.options import features_of
from gridrun.errors import Fault
from gridrun.pipeline import Settings, Value
from gridrun.pipeline.caveats import Caveat

_SPLIT = NAMES["split_by"]

LEAKAGE = Caveat(
    column="leakage",
    cell=f"{_SPLIT.defect}: variants in training and test",
    concerns={"transcript": ("keep_all",)},
    message="with transcript keep_all, rows are split and not variants, so that the model has "
    f"seen the variants it is tested on ({_SPLIT.defect}): random forest and XGBoost have an AUC "
    "of about 0.77 even where labels are noise",
    todo="do not compare these results with those of canonical or of other studies; to split "
    f"variants, set switches: {{{_SPLIT.name}: corrected}} in study.yaml",
)
"""D9: upstream splits rows, and a variant has one for each transcript."""


def leakage_of(settings: Settings, values: Mapping[str, Sequence[Value]]) -> tuple[Caveat, ...]:
    """What tables of a study say of leakage; nothing where there is none.

    Args:
        settings: The study's settings.
        values: Parameter to its values in the grid.

    Returns:
        D9 where rows are split and a variant has several; and what a features file declares.
    """
    return (*_of_split(settings, values), *_of_features(features_of(settings.options), values))


def _of_split(settings: Settings, values: Mapping[str, Sequence[Value]]) -> tuple[Caveat, ...]:
    if _SPLIT.name in protocol_of(settings).corrected:
        return ()
    leaks = all(set(those) & set(values[name]) for name, those in LEAKAGE.concerns.items())
    return (LEAKAGE,) if leaks else ()


def _of_features(features: FeatureSet, values: Mapping[str, Sequence[Value]]) -> tuple[Caveat, ...]:
    """Features that know more of the labels than those of a new variant would."""
    groups = [str(value) for value in values.get(FEATURE_GROUPS, (ALL,))]
    with_some = [value for value in groups if _leaking(in_group(features, value))]
    if not with_some:
        return ()
    leaking = _leaking(features)
    named = "; ".join(f"{feature.name} ({feature.leak})" for feature in leaking)
    cell = "features that leak"
    if any(feature.optional for feature in leaking):
        # which of them are there is known only where the inputs are, and a study whose inputs stay
        # elsewhere has the same table
        named = f"{named}; of the optional ones those that the inputs have (see the notes)"
        cell = f"{cell}, if the inputs have them"
    return (
        Caveat(
            column=LEAKAGE.column,
            cell=cell,
            concerns={FEATURE_GROUPS: with_some} if FEATURE_GROUPS in values else {},
            message=f"some features know of the labels that are to be predicted: {named}",
            todo="do not take these results for what new variants will get; compare them with "
            "those of a study without these features",
        ),
    )


def _leaking(features: FeatureSet) -> list[Feature]:
    return [feature for feature in features.features if feature.leak]


def frequency_notes(features: FeatureSet) -> list[Fault]:
    """A note on allele frequencies of which nobody has said whether they leak."""
    unsaid = [f.name for f in features.features if FREQUENCY in f.tags and f.leak is None]
    if not unsaid:
        return []
    verb = "is an allele frequency" if len(unsaid) == 1 else "are allele frequencies"
    return [
        Fault(
            features.origin or Path("features"),
            f"{', '.join(unsaid)} {verb}, by which ClinVar's submitters classify as well: results "
            "with them are better than those for variants that nobody has classified",
            todo="to have tables say so, declare leak: true in a features file",
        )
    ]
