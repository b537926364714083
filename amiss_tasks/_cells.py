"""What a task works on: a fold's tables in R, and the cell of rows, features and method."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amiss_tasks._rstages import Prepared, RStages
from amiss_tasks.blocktables import BlockTable, BlockTables, BoolArray
from amiss_tasks.evaluate import Group, groups_of
from amiss_tasks.fold import fold_rows
from gridrun.fingerprint import digest_of

_BYTES = 8


@dataclass(frozen=True)
class FoldTables:
    """One fold's tables, in R, and what evaluation needs of the test rows.

    Args:
        digest: Of everything in them that a result depends on.
        train: Training table, an R data frame.
        outcome: Outcome of its rows, an R factor.
        test: Test table, an R data frame.
        test_ids: Row ids of the test table.
        test_positive: Outcome of its rows.
        groups: Its consequences.
        has_text: Whether categorical features are text.
        bytes: Size of the tables.
    """

    digest: str
    train: Any
    outcome: Any
    test: Any
    test_ids: Sequence[str]
    test_positive: BoolArray
    groups: tuple[Group, ...]
    has_text: bool
    bytes: int


@dataclass(frozen=True)
class Cell:
    """A prepared table and the method that is to fill it.

    Args:
        fold: The fold's tables.
        prepared: Rows and final features.
        method: Imputation method.
    """

    fold: FoldTables
    prepared: Prepared
    method: str

    @property
    def key(self) -> str:
        """Names the completed tables by content: equal whatever checks or draws led here."""
        return digest_of(
            {
                "fold": self.fold.digest,
                "rows": self.prepared.rows.tolist(),
                "features": list(self.prepared.features),
                "imputation": self.method,
            }
        )

    def bytes_of(self, rows: int) -> int:
        """Size of a completed table of so many rows; indicators can double the columns."""
        return 2 * _BYTES * rows * len(self.prepared.features)


def fold_tables(stages: RStages, block: BlockTables, fold: int) -> FoldTables:
    """Cut a fold out of a block's training part and hand its tables to R.

    Args:
        stages: R.
        block: The block.
        fold: Fold, counted from 1.
    """
    rows = fold_rows(block.train.rows, fold)
    train, test = block.train.take(rows.train), block.train.take(rows.test)
    return FoldTables(
        digest=_digest(train, test),
        train=stages.table(train),
        outcome=stages.outcome(train),
        test=stages.table(test),
        test_ids=test.row_ids,
        test_positive=test.positive,
        groups=groups_of(test.consequences()),
        has_text=bool(test.text),
        bytes=2 * _BYTES * block.train.rows * len(train.columns),
    )


def _digest(train: BlockTable, test: BlockTable) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for table in (train, test):
        digest.update(repr((table.numeric.shape, table.numeric_names)).encode())
        digest.update(table.numeric.tobytes())
        digest.update(table.positive.tobytes())
        digest.update(repr(dict(table.text)).encode())
    # of the ids only the consequence has a part in any result
    digest.update(repr(test.consequences()).encode())
    return digest.hexdigest()
