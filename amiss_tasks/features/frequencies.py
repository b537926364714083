"""Which columns and features are allele frequencies, whose absence says much of the class."""

from __future__ import annotations

from amiss_tasks.features.feature_set import Feature

FREQUENCY = "frequency"
"""Group of features that are allele frequencies."""


def is_frequency(column: str) -> bool:
    """Whether a column is an allele frequency by its name: AF, or one that ends in ``_AF``.

    Source: VEP's options ``--af`` to ``--max_af``, and dbNSFP's fields.
    """
    return column == "AF" or column.endswith("_AF")


def is_frequency_feature(feature: Feature) -> bool:
    """Whether a feature is one, by its group or by a column that it is read from."""
    columns = (name for place in feature.places for name in place.columns)
    return FREQUENCY in feature.tags or any(map(is_frequency, columns))
