"""Whether values stand only where their feature can exist."""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss_tasks.features.consequences import can_exist
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.stages.read._report import FileReport
from gridrun.documents.tree import known_list
from gridrun.errors import counted


def note_misplaced(joined: Any, features: FeatureSet, report: FileReport) -> None:
    """Say which features have values on consequences on which they cannot exist.

    Args:
        joined: The joined table, with VEP's consequence of each row.
        features: The study's features.
        report: Report of the features file.
    """
    import pyarrow.compute as pc

    coded = joined["Consequence.y"].combine_chunks().dictionary_encode()
    consequences = [*coded.dictionary.to_pylist(), None]
    at = pc.fill_null(coded.indices, len(consequences) - 1).to_numpy()
    for feature in features.features if len(joined) else ():
        if not feature.applies_to:
            continue
        is_elsewhere = np.array([not can_exist(feature.applies_to, one) for one in consequences])
        column = joined[feature.name]
        known = ~np.isnan(column.to_numpy()) if feature.is_numeric else column.is_valid().to_numpy()
        rows = np.flatnonzero(known & is_elsewhere[at])
        if len(rows):
            here = dict.fromkeys(consequences[at[row]] or "none" for row in rows.tolist())
            report.note(
                f'feature "{feature.name}" has a value in {counted(len(rows), "row")} whose '
                f"consequence is none that it applies to: {known_list(here, 3)}",
                line=feature.line,
                todo="is a consequence missing from applies_to, or is it the score of another "
                "transcript? the values are used",
            )
