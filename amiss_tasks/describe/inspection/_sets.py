"""How much of each set of features is there, which set fits, and how full its features are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from amiss_tasks.describe.inspection._columns_seen import ColumnsSeen
from amiss_tasks.describe.inspection._words import percent, some
from amiss_tasks.features.feature import CADD, TABLES, VEP, Feature
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.features.features_file import features_of_set, known_sets
from amiss_tasks.features.frequencies import is_frequency
from amiss_tasks.features.sources import locate, parts_of
from amiss_tasks.stages.files.tsv import TsvReader
from amiss_tasks.stages.read.tables import CaddReader
from gridrun.errors import counted
from gridrun.pipeline.inspection import NOTE, OK, Observation

_SPARSE = 0.5
"""Share of values, or of features, below which a feature or a set is said to be sparse."""

_NEVER_FEATURES = (
    "STRAND",
    "DISTANCE",
    "ALLELE_NUM",
    "HGNC_ID",
    "Gene",
    "TSL",
    "APPRIS",
    "GENE_PHENO",
)
"""Fields of VEP that hold numbers and are no annotation of a variant."""


def of_sets(seen: ColumnsSeen, tables: Mapping[str, TsvReader]) -> Iterator[Observation]:
    """How much of each set is there, which of them fits, and how full its features are."""
    there = _there(seen, tables)
    sets = {name: features_of_set(name) for name in known_sets()}
    found = {name: _found_of(features, there) for name, features in sets.items()}
    for name, features in sets.items():
        lacking = [f.name for f in features.features if f not in found[name]]
        text = f"{len(found[name])} of {counted(len(features.features), 'feature')} are there"
        needs_cadd = any(f.file == CADD for f in features.features) and not there[CADD]
        if not lacking:
            yield Observation(f"features: {name}", OK, text)
            continue
        todo = "" if all(f.optional for f in features.features) else "it needs all of its columns"
        if needs_cadd:
            todo = "; ".join(filter(None, (todo, "CADD's tables, inputs of their own, have more")))
        yield Observation(f"features: {name}", NOTE, f"{text}; lacking: {some(lacking)}", todo)
    fitting = _fitting(sets, found)
    own = "write a features file of the columns that are there; docs/features.md"
    if not fitting:
        yield Observation("fits", NOTE, "no set that comes with gridrun", own)
    else:
        share = len(found[fitting]) / len(sets[fitting].features)
        leaking = [f.name for f in found[fitting] if f.leak]
        todo = f"it has few of its features here; {own}" if share < _SPARSE else ""
        if leaking:
            todo = f"{some(leaking)} leak: docs/feature-sets.md" + (f"; {todo}" if todo else "")
        yield Observation("fits", OK, f"write features: {fitting} into study.yaml", todo)
        yield from _fullness(seen, found[fitting], there)
    read = {c for one in sets.values() for c in one.csq_fields} | set(_NEVER_FEATURES)
    others = [name for name in seen.numeric if name not in read and not is_frequency(name)]
    if others:
        yield Observation(
            "other numbers", NOTE, f"no set reads {some(others)}", f"if they are scores, {own}"
        )


def _there(seen: ColumnsSeen, tables: Mapping[str, TsvReader]) -> dict[str, frozenset[str]]:
    """File of a feature to the columns that it has."""
    columns: dict[str, set[str]] = {VEP: set(seen.fields), CADD: set()}
    for path, table in tables.items():
        is_cadd = isinstance(table, CaddReader)
        role = CADD if is_cadd else f"{TABLES}.{Path(path).name.split('.')[0]}"
        columns.setdefault(role, set()).update(table.names)
    return {role: frozenset(names) for role, names in columns.items()}


def _found_of(features: FeatureSet, there: Mapping[str, frozenset[str]]) -> tuple[Feature, ...]:
    """The features of a set of which every part has a column."""
    lacking = {part.name for part in locate(features, there).lacking}
    return tuple(
        feature
        for feature in features.features
        if all(
            part.name not in lacking
            and any(not there.get(p.file, frozenset()).isdisjoint(p.columns) for p in part.places)
            for part in parts_of(feature)
        )
    )


def _fitting(sets: Mapping[str, FeatureSet], found: Mapping[str, Sequence[Feature]]) -> str | None:
    """The set of which the inputs serve most features that do not leak, if they can serve any."""
    usable = {
        name: sum(not f.leak for f in found[name])
        for name, features in sets.items()
        if all(f.optional or f in found[name] for f in features.features)
        and any(f.is_numeric for f in found[name])
    }
    return max(usable, key=lambda name: usable[name], default=None)


def _fullness(
    seen: ColumnsSeen, features: Sequence[Feature], there: Mapping[str, frozenset[str]]
) -> Iterator[Observation]:
    for feature in features:
        place = next(
            (p for p in feature.places if not there.get(p.file, frozenset()).isdisjoint(p.columns)),
            None,
        )
        if place is None or place.file != VEP:
            continue
        column = next(name for name in place.columns if name in there[VEP])
        share = seen.share(column, feature.applies_to)
        where = f" of {' or '.join(feature.applies_to)}" if len(feature.applies_to) == 1 else ""
        on = f"blocks{where}" if where or not feature.applies_to else "blocks where it can exist"
        if share is None:
            yield Observation(feature.name, NOTE, f"{column}: no block on which it can exist")
            continue
        verdict = OK if share >= _SPARSE else NOTE
        yield Observation(feature.name, verdict, f"{column} in {percent(share)} of {on}")
