"""What the headers of inputs say of features; nothing else of the files is read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from amiss_tasks.features.feature_set import CADD, VEP, Feature, FeatureSet
from amiss_tasks.features.sources import locate, located, parts_of
from amiss_tasks.r.names import positions
from amiss_tasks.stages.read.tables import CaddReader, TableReader
from amiss_tasks.stages.read.vcf import VcfReader


@dataclass(frozen=True)
class Annotation:
    """What the headers of inputs say of their features.

    Args:
        sources: Feature to the column that it is read from, with the file where several are
            possible; of a combination to how it is computed from which.
        releases: Role to the version of VEP or CADD, where the file names one.
    """

    sources: Mapping[str, str]
    releases: Mapping[str, str]


def annotation_of(inputs: Mapping[str, str], features: FeatureSet) -> Annotation:
    """Read what the headers say of features; only the headers are read.

    Args:
        inputs: Role (``vcf``, ``cadd_snv``, ``cadd_indel``, ``annotations.NAME``) to path.
        features: Features of a study or a model.
    """
    with ExitStack() as stack:
        vcf = stack.enter_context(VcfReader(inputs["vcf"]))
        roles = [role for role in inputs if role.startswith(CADD)]
        tables = {role: stack.enter_context(CaddReader(inputs[role])) for role in roles}
        others = {
            role: stack.enter_context(TableReader(inputs[role]))
            for role in features.tables
            if role in inputs
        }
    there = {VEP: positions(vcf.header.csq_fields, features.csq_fields)}
    for table in list(tables.values())[:1]:
        there[CADD] = positions(table.names, features.cadd_columns)
    for role, other in others.items():
        there[role] = positions(other.names, features.columns_of(role))
    found = {feature.name: feature for feature in locate(features, there).features.features}
    columns = {
        name: column
        for file, at in there.items()
        for name, column in located([f for f in found.values() if f.file == file], at).items()
    }
    sources = {
        feature.name: _source(feature, found, columns)
        for feature in features.features
        if all(part.name in columns for part in parts_of(feature))
    }
    releases = {"vcf": vcf.header.release, **{role: t.release for role, t in tables.items()}}
    return Annotation(sources, {role: text for role, text in releases.items() if text})


def _source(feature: Feature, found: Mapping[str, Feature], columns: Mapping[str, str]) -> str:
    """Where a feature is read from, as a recipe keeps it."""
    parts = [
        f"{found[part.name].file} {columns[part.name]}"
        if part.others or feature.combination
        else columns[part.name]
        for part in parts_of(feature)
    ]
    if feature.combination is None:
        return parts[0]
    return f"{feature.combination.by} of {', '.join(parts)}"
