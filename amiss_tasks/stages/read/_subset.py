"""A seeded subset of the variants, for prototyping."""

from __future__ import annotations

import hashlib
from typing import Any

from amiss_tasks.features.feature_set import KEYS


def sample_variants(table: Any, number: int, seed: int) -> Any:
    """Keep all rows of ``number`` variants, drawn by seed and content.

    A variant's place in the draw is a hash of the seed and its chromosome,
    position, Ref and Alt: the order of rows does not matter, and a larger
    number keeps the variants of a smaller one.

    Args:
        table: The joined table.
        number: How many variants.
        seed: Any whole number.
    """
    import pyarrow as pa

    keys = list(zip(*(table[name].to_pylist() for name in KEYS[:4]), strict=True))
    places = {
        key: hashlib.sha256("\t".join((str(seed), *map(str, key))).encode()).digest()
        for key in set(keys)
    }
    drawn = set(sorted(places, key=places.__getitem__)[:number])
    return table.filter(pa.array([key in drawn for key in keys], pa.bool_()))
