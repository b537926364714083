"""How often each feature is missing, by consequence and class: counts that come with results."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from amiss_tasks.features.consequences import can_exist
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.r.arrays import BoolArray
from amiss_tasks.stages.columns.words import Words
from amiss_tasks.stages.metrics import matthews
from gridrun.pipeline import Column
from gridrun.pipeline.packed import unpacked

ALL = "all"
"""In the place of a consequence: rows of all of them."""

_COUNTS = ("rows", "missing", "cannot_exist")
_CLASSES = ("positive", "negative")

COLUMNS = (
    Column("feature", "text"),
    Column("is_feature", "text"),
    Column("consequence", "text"),
    *(Column(f"{count}_{name}", "integer") for count in _COUNTS for name in _CLASSES),
    *(Column(f"missing_share_{name}", "number") for name in _CLASSES),
    Column("correlation", "number"),
    Column("leak", "text"),
)
"""Columns of the table of what is missing."""


def count_missing(
    missing: Mapping[str, BoolArray],
    places: Words[tuple[str, str | None]],
    positive: BoolArray,
) -> bytes:
    """Count missing values, as a payload of results.

    Args:
        missing: Feature, or allele frequency that is none, to which rows lack it.
        places: Consequence of each row, as ids have it and as VEP writes it; each in order of
            first appearance.
        positive: Outcome of each row, shape (rows,).

    Returns:
        The same bytes for the same counts. Where a feature can exist is not decided here, so
        that counts depend on values alone.
    """
    at, size = places.codes, len(places.distinct)

    def by_class(chosen: BoolArray) -> list[list[int]]:
        of_class = (positive, ~positive)
        return [np.bincount(at[chosen & own], minlength=size).tolist() for own in of_class]

    counts = {
        "places": [list(place) for place in places.distinct],
        "rows": by_class(np.ones(len(at), np.bool_)),
        "missing": {name: by_class(flags) for name, flags in missing.items()},
    }
    return zlib.compress(json.dumps(counts, separators=(",", ":")).encode())


def missing_rows(payload: bytes, features: FeatureSet) -> list[dict[str, Any]]:
    """The table of what is missing of a block.

    Args:
        payload: What ``count_missing`` gave.
        features: The study's features, which say where each can exist, and which leak.

    Returns:
        One row for each feature and consequence, all consequences together first. Missing is
        what could be there: a value that cannot exist counts as such.
    """
    counts = json.loads(unpacked(payload))
    rows = np.array(counts["rows"], np.int64)
    places = counts["places"]
    by_name = {feature.name: feature for feature in features.features}
    groups = {ALL: np.arange(len(places))}
    names = [name for name, _ in places]
    groups |= {
        name: np.array([at for at, other in enumerate(names) if other == name])
        for name in dict.fromkeys(names)
    }
    found = []
    for name, of_class in counts["missing"].items():
        feature = by_name.get(name)
        applies_to = feature.applies_to if feature else ()
        possible = np.array([can_exist(applies_to, vep) for _, vep in places], np.bool_)
        lacks = np.array(of_class, np.int64)
        leak = feature.leak if feature else None
        about = {
            "feature": name,
            "is_feature": "yes" if feature else "no",
            "leak": "yes" if leak is True else leak or "",
        }
        for consequence, at in groups.items():
            here = possible[at]
            missing = (lacks[:, at] * here).sum(axis=1)
            cannot = (lacks[:, at] * ~here).sum(axis=1)
            sizes = rows[:, at].sum(axis=1)
            found.append({**about, "consequence": consequence, **_numbers(sizes, missing, cannot)})
    return found


def _numbers(rows: Any, missing: Any, cannot: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for number, name in enumerate(_CLASSES):
        of_class = (rows[number], missing[number], cannot[number])
        row |= {f"{what}_{name}": int(n) for what, n in zip(_COUNTS, of_class, strict=True)}
    possible = [int(n) for n in rows - cannot]
    lacks = [int(n) for n in missing]
    for name, lacking, size in zip(_CLASSES, lacks, possible, strict=True):
        row[f"missing_share_{name}"] = lacking / size if size else None
    known = [size - lacking for size, lacking in zip(possible, lacks, strict=True)]
    # of two yes-or-no variables, Pearson's correlation is the MCC of one for the other
    row["correlation"] = matthews(lacks[0], lacks[1], known[0], known[1])
    return row
