"""How many rows each fold of a block trains on and tests on, as comparisons need to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridrun.pipeline import HasNullModels, names_of
from gridrun.report.comparison import Comparison
from gridrun.report.page import Known

_ROWS = ("training_rows", "test_rows")
"""Columns of the null models that have them."""


@dataclass(frozen=True)
class Sizes:
    """Rows of folds.

    Args:
        training_rows: Of each part, NaN where nobody knows; shape ``(parts,)``.
        test_rows: The same.
        ratio: Test rows / training rows where nothing better is known: by the protocol's shares.
        source: Where they are from, for readers.
    """

    training_rows: NDArray[np.float64]
    test_rows: NDArray[np.float64]
    ratio: float
    source: str


def sizes_of(known: Known, comparison: Comparison) -> Sizes:
    """Rows of the folds of all parts: those that null models were made on, else by the protocol.

    Args:
        known: The study; its tables are written.
        comparison: What its methods are compared by.
    """
    share = comparison.test_share
    found = _recorded(known)
    parts = len(known.parts.fold)
    nothing = np.full(parts, np.nan)
    training, test = (found[name] if found else nothing for name in _ROWS)
    is_known = np.isfinite(training) & np.isfinite(test)
    of_asked = is_known[known.parts.is_done]
    source = "shares of the protocol"
    if of_asked.any():
        source = "rows of each fold" if of_asked.all() else f"rows of each fold, else {source}"
    return Sizes(training, test, share / (1 - share), source)


def _recorded(known: Known) -> dict[str, Any]:
    """Rows of each part's block and fold by the table of null models; empty without one."""
    pipeline = known.study_state.pipeline
    file = known.study_state.study.paths.null_models_parquet
    if (
        not isinstance(pipeline, HasNullModels)
        or not {*_ROWS} <= {*names_of(pipeline.null_model_columns)}
        or not file.exists()
    ):
        return {}
    import pyarrow.parquet as pq

    table = pq.read_table(file, columns=[*pipeline.block, "fold", *_ROWS]).to_pydict()
    codes = [
        [list(known.grid[name]).index(value) for value in table[name]] for name in pipeline.block
    ]
    sizes = [*(len(known.grid[name]) for name in pipeline.block), known.summary.folds]
    folds = np.array(table["fold"], np.int64) - 1
    here = known.codes(known.parts.combination)
    at = [*(here[name] for name in pipeline.block), known.parts.fold - 1]
    place = np.ravel_multi_index(at, sizes)
    found = {}
    for name in _ROWS:
        kept = np.full(int(np.prod(sizes)), np.nan)
        if len(folds):
            kept[np.ravel_multi_index([*codes, folds], sizes)] = table[name]
        found[name] = kept[place]
    return found
