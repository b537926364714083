"""What a task works on: a fold's tables in R, and the cell of rows, features and method."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from amiss_tasks.methods import Dependence, Hyperparameters, Method
from amiss_tasks.protocols import UPSTREAM_PROTOCOL, Protocol
from amiss_tasks.r.arrays import BoolArray, IntArray
from amiss_tasks.stages.block_tables import BlockTable, BlockTables
from amiss_tasks.stages.evaluate import ConsequenceRows, groups_of
from amiss_tasks.stages.fold import rows_of_fold
from amiss_tasks.stages.null_models import KnownLevels, null_models, pack
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.stage_results import Prepared, Removed
from gridrun.plan.fingerprint import digest_of

_BYTES = 8
Payload = bytes


@dataclass(frozen=True)
class FoldTables:
    """One fold's tables, in R, and what evaluation needs of the test rows.

    Args:
        number: Fold, counted from 1.
        digest: Digest of everything in them that a result depends on.
        train: Training table, an R data frame.
        outcome: Outcome of its rows, an R factor.
        test: Test table, an R data frame.
        test_ids: Row ids of the test table.
        test_positive: Outcome of its rows.
        groups: Its consequences.
        train_variants: Variant of each training row.
        n_test_variants: Number of variants among the test rows.
        test_columns: Columns of the test table.
        has_text: Whether categorical features are text.
        bytes: Size of the tables.
        removed: What was removed from the training table, or None.
        train_groups: Number of the variant of each training row, or of its group of genes, where
            inner folds keep these together (D9, ``split_by``); else None.
        twins: Test rows that equal a training row in all columns, where variants are split.
        null_models: How null models do on these rows, as a payload of results; empty where
            nothing is tested.
        missingness: How often features are missing in the block, as a payload of results; of the
            first fold alone, since it is the same in all.
        row_groups: Group of each test row by its genes, as a payload of results; empty where these
            keep no predictions, or rows have no genes.
    """

    number: int
    digest: str
    train: Any
    outcome: Any
    test: Any
    test_ids: Sequence[str]
    test_positive: BoolArray
    groups: tuple[ConsequenceRows, ...]
    train_variants: Sequence[str]
    n_test_variants: int
    test_columns: frozenset[str]
    has_text: bool
    bytes: int
    removed: Removed | None = None
    train_groups: IntArray | None = None
    twins: int = 0
    null_models: Payload = b""
    missingness: Payload = b""
    row_groups: Payload = b""

    def groups_of(self, rows: IntArray) -> IntArray | None:
        """What inner folds keep together of these training rows (from 0), as numbers."""
        return None if self.train_groups is None else self.train_groups[rows]

    @property
    def test_digest(self) -> str:
        """Digest of everything in the test table that a result depends on."""
        return self.removed.test_digest if self.removed is not None else self.digest


@dataclass(frozen=True)
class Cell:
    """A prepared table and the method that is to impute it.

    Args:
        fold: The fold's tables.
        prepared: Rows and final features.
        method: Imputation method.
        protocol: What is done as upstream does it, and what is corrected.
    """

    fold: FoldTables
    prepared: Prepared
    method: Method
    protocol: Protocol = UPSTREAM_PROTOCOL

    @cached_property
    def rows(self) -> tuple[Hyperparameters, ...]:
        """Rows of hyperparameters that are tried; one empty row for a method without."""
        if not self.method.axes:
            return ({},)
        drawn = self.prepared.sampled.hyperparameter_rows.get(self.method.name)
        return tuple(self.method.row(number) for number in drawn or range(1, self.method.rows + 1))

    @cached_property
    def key(self) -> str:
        """Digest that names the imputed tables by content, whatever checks or draws led to them."""
        key: dict[str, Any] = {
            "fold": self.fold.digest,
            "rows": self.prepared.rows.tolist(),
            "features": list(self.prepared.features),
            "imputation": self.method.name,
            "hyperparameters": [dict(row) for row in self.rows],
        }
        if self.method.own is not None:
            key["code"] = self.method.own.code
        if self.method.indicators:
            key["indicators"] = True
        if self.method.reads_generator and "draw_order" not in self.protocol.corrected:
            key["generator"] = self.prepared.sampled.generator_digest
        return digest_of(key)

    def test_key(self, row: int) -> str:
        """Digest that names the imputed test tables by what they depend on.

        Args:
            row: The chosen row of hyperparameters, counted from 0.
        """
        dependence = self.method.test_depends_on
        if self.method.indicators or self.protocol.completes_by_training(self.method.name):
            dependence = Dependence.ESTIMATES
        elif dependence is Dependence.NOTHING and self.protocol.corrections_for(self.method.name):
            dependence = Dependence.HYPERPARAMETERS
        if dependence is Dependence.ESTIMATES:
            return digest_of({"training": self.key, "row": row})
        key: dict[str, Any] = {
            "fold": self.fold.test_digest,
            "features": list(self.prepared.features),
            "imputation": self.method.name,
        }
        if dependence is Dependence.HYPERPARAMETERS:
            key["hyperparameters"] = dict(self.rows[row])
        return digest_of(key)

    def bytes_of(self, rows: int, tables: int) -> int:
        """Estimated bytes of some imputed tables.

        Indicators can double the columns.
        """
        return 2 * _BYTES * tables * rows * len(self.prepared.features)


def fold_tables(
    stages: RStages,
    block: BlockTables,
    fold: int,
    protocol: Protocol = UPSTREAM_PROTOCOL,
    known: KnownLevels | None = None,
) -> FoldTables:
    """Cut a fold out of a block's training part and hand its tables to R.

    Args:
        stages: R.
        block: The block.
        fold: Fold, counted from 1.
        protocol: How folds are drawn.
        known: What null models know of the block's rows.
    """
    rows = rows_of_fold(block.train, fold, protocol)
    parts = BlockTables(block.train.take(rows.train), block.train.take(rows.test))
    return tables_of(stages, parts, fold, protocol, known)


def tables_of(
    stages: RStages,
    parts: BlockTables,
    number: int,
    protocol: Protocol = UPSTREAM_PROTOCOL,
    known: KnownLevels | None = None,
    *,
    group_of: Mapping[str, int] | None = None,
) -> FoldTables:
    """Hand a training part and a test part, which may be empty where nothing is tested, to R.

    Args:
        stages: R.
        parts: Training and test part.
        number: Number of the fold, or of the split, counted from 1; seeds are derived from it
            where each fold has its own.
        protocol: How draws are seeded.
        known: What null models know of the block's rows.
        group_of: Variant to its group, where more than the rows of a variant stay together.
    """
    train, test = parts.train, parts.test
    by_variant = "split_by" in protocol.corrected
    variants = train.variants()
    together = [group_of[variant] for variant in variants] if group_of else variants
    groups = _numbered(together) if by_variant else None
    return FoldTables(
        number=number,
        # where each fold has seeds of its own, equal tables are not the same fold
        digest=_digest(train, test, number if "draw_order" in protocol.corrected else 0, groups),
        train=stages.table(train),
        outcome=stages.outcome(train),
        test=stages.table(test),
        test_ids=test.row_ids,
        test_positive=test.positive,
        groups=groups_of(test.consequences()),
        train_variants=variants,
        n_test_variants=len(set(test.variants())),
        test_columns=frozenset(test.columns),
        has_text=bool(test.text),
        bytes=2 * _BYTES * (train.rows + test.rows) * len(train.columns),
        train_groups=groups,
        twins=_twins(train, test) if by_variant else 0,
        missingness=known.missingness if known is not None and number == 1 else b"",
        null_models=pack(null_models(parts, protocol, known)) if test.rows else b"",
    )


def _numbered(names: Sequence[Hashable]) -> IntArray:
    """Each name as its number in order of first appearance, from 1."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names), 1)}
    return np.array([numbers[name] for name in names], dtype=np.int64)


def _twins(train: BlockTable, test: BlockTable) -> int:
    """How many test rows equal a training row in all columns that both have."""
    known = set(_contents(train, train.numeric_names))
    return sum(row in known for row in _contents(test, train.numeric_names))


def _contents(table: BlockTable, columns: Sequence[str]) -> list[tuple[bytes, tuple[str, ...]]]:
    at = {name: place for place, name in enumerate(table.numeric_names)}
    numbers = np.column_stack(
        [table.numeric[:, at[n]] if n in at else np.zeros(table.rows) for n in columns]
        or [np.zeros(table.rows)]
    )
    numbers = np.where(np.isnan(numbers), np.nan, numbers + 0.0)  # one NaN, one zero
    texts = [tuple(values[row] for values in table.text.values()) for row in range(table.rows)]
    return [(row.tobytes(), text) for row, text in zip(numbers, texts, strict=True)]


def _digest(train: BlockTable, test: BlockTable, fold: int, groups: IntArray | None = None) -> str:
    digest = hashlib.blake2b(str(fold).encode(), digest_size=16)
    if groups is not None:
        digest.update(groups.tobytes())
    for table in (train, test):
        digest.update(repr((table.numeric.shape, table.numeric_names)).encode())
        digest.update(table.numeric.tobytes())
        digest.update(table.positive.tobytes())
        digest.update(repr(dict(table.text)).encode())
    # of the ids only the consequence has a part in any result
    digest.update(repr(test.consequences()).encode())
    return digest.hexdigest()
