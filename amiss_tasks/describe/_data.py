"""The labelled rows of a block as they were read: no a-priori value, no dummy, no fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from amiss_tasks.features.consequences import can_exist
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray
from amiss_tasks.stages.labelled_rows import Labelled

_OF = {"training": ("train",), "test": ("test",), "all": ("train", "test")}
"""Part of a description to parts of a block."""


@dataclass(frozen=True)
class BlockData:
    """Rows of a part of a block.

    Args:
        features: The study's features.
        numeric: Numeric feature to its values; NaN is missing.
        text: Categorical feature to its values; None is missing.
        positive: Label of each row.
        consequence: Consequence of each row.
        variant: Variant of each row.
        impossible: Feature that does not apply to all consequences to the rows on which it
            cannot exist.
    """

    features: FeatureSet
    numeric: Mapping[str, FloatArray]
    text: Mapping[str, Sequence[str | None]]
    positive: BoolArray
    consequence: Sequence[str]
    variant: Sequence[str]
    impossible: Mapping[str, BoolArray] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.positive)

    def missing(self, feature: str) -> BoolArray:
        """Which rows lack a feature."""
        if feature in self.numeric:
            return np.isnan(self.numeric[feature])
        return np.array([value is None for value in self.text[feature]], dtype=np.bool_)

    @property
    def names(self) -> tuple[str, ...]:
        """All features, the numeric ones first."""
        return (*self.numeric, *self.text)


def share_of(flags: BoolArray) -> float | None:
    """Share of what is true; None where there is nothing."""
    return float(flags.mean()) if flags.size else None


def data_of(
    labelled: Labelled, parts: Mapping[str, IntArray], features: FeatureSet, part: str
) -> BlockData:
    """The rows of a part.

    Args:
        labelled: The block's rows.
        parts: ``train`` and ``test`` to their positions among them.
        features: The study's features.
        part: ``training``, ``test`` or ``all``.
    """
    features = features.of_table([*labelled.numeric, *labelled.text])
    rows: IntArray = np.concatenate([parts[name] for name in _OF[part]])
    chosen = rows.tolist()
    return BlockData(
        features=features,
        numeric={name: labelled.numeric[name][rows] for name in features.numeric},
        text={name: [labelled.text[name][row] for row in chosen] for name in features.categorical},
        positive=labelled.positive[rows],
        # as everywhere, the text after the last colon of a row's id
        consequence=[labelled.row_ids[row].rpartition(":")[2] for row in chosen],
        variant=[labelled.variants[row] for row in chosen],
        impossible={
            feature.name: np.array(
                [
                    not can_exist(feature.applies_to, labelled.vep_consequences[row])
                    for row in chosen
                ],
                dtype=np.bool_,
            )
            for feature in features.features
            if feature.applies_to
        },
    )
