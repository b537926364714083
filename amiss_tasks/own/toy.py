"""The toy on which a file of the user's own is tried: what a fold's tables are like, made up."""

from __future__ import annotations

import numpy as np

from amiss_tasks.stages.block_tables import BlockTable, BlockTables

NAMES = ("alpha", "beta", "gamma", "delta", "level.yes", "constant", "sparse")
"""Four related scores with values missing, a dummy, a constant, a score hardly ever there."""

_LOADINGS = np.array([[3.0, 0.0], [2.0, 1.0], [0.0, 2.0], [-2.0, 1.0]])
_SCORES = len(_LOADINGS)
_GAPS = 0.2
_SPARSE_VALUES = 3


def toy(train_rows: int = 80, test_rows: int = 30, seed: int = 1) -> BlockTables:
    """Make the toy; the same numbers for the same arguments."""
    random = np.random.default_rng(seed)
    return BlockTables(_part(random, train_rows), _part(random, test_rows))


def _part(random: np.random.Generator, rows: int) -> BlockTable:
    factors = random.normal(size=(rows, 2))
    scores = 5 + factors @ _LOADINGS.T + random.normal(0, 0.5, (rows, _SCORES))
    scores[random.random(scores.shape) < _GAPS] = np.nan
    sparse = np.full(rows, np.nan)
    sparse[random.choice(rows, _SPARSE_VALUES, replace=False)] = random.normal(size=_SPARSE_VALUES)
    dummy = (random.random(rows) < 0.5).astype(np.float64)  # noqa: PLR2004 - as often as not
    values = np.column_stack([scores, dummy, np.full(rows, 3.0), sparse])
    positive = factors[:, 0] + random.normal(0, 0.5, rows) > 0
    ids = [f"1:{100 + row}:A:C:T:TOY" for row in range(rows)]
    return BlockTable(ids, positive, values, NAMES, {})
