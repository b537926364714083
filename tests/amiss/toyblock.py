"""A block small enough to run every method on: related features, two transcripts a variant."""

import numpy as np

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.stages.block_tables import BlockTable, BlockTables

FEATURES = AMISS.numeric[:6]


def toy_part(variants: int = 45, seed: int = 1, *, text: bool = False, complete=False):
    """One part: two rows a variant, six features of two factors, a class by the first factor."""
    random = np.random.default_rng(seed)
    factors = random.normal(size=(variants, 2)).repeat(2, axis=0)
    loadings = np.array([[3, 0], [2, 1], [0, 2], [-2, 1], [1, -1], [1, 2]])
    rows = 2 * variants
    values = 5 + factors @ loadings.T + random.normal(0, 0.5, (rows, 6))
    if not complete:
        for row in range(0, rows, 3):
            values[row, random.choice(6, size=random.integers(1, 3), replace=False)] = np.nan
    noise = random.normal(0, 0.7, variants).repeat(2)
    positive = factors[:, 0] + noise > 0.25
    kinds = np.where(factors[:, 1] > 0, "MISSENSE", "SYNONYMOUS")
    ids = [f"1:{100 + row // 2}:A:C:T{row % 2}:{kinds[row]}" for row in range(rows)]
    words = {}
    if text:
        words = {"LRT_pred": [("D", "N", "U")[k] for k in random.integers(0, 3, rows)]}
        words["LRT_pred"] = [
            "D" if p else w for p, w in zip(positive, words["LRT_pred"], strict=True)
        ]
    return BlockTable(ids, positive, values, FEATURES, words)


def toy_block(**options) -> BlockTables:
    """Both parts."""
    return BlockTables(toy_part(**options), toy_part(10, 2, text=options.get("text", False)))
