"""What a pipeline may say of the rows of its blocks, beside results: null models, a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from gridrun.pipeline._columns import Column

NULL_MODELS = "null_models"
"""Name of the payload of a result that holds the null models of its block and fold."""

BLOCK_TABLE = "block_table"
"""Name of the payload of a result that holds what is said of its block."""


@runtime_checkable
class HasNullModels(Protocol):
    """A pipeline whose results say how null models do on the same rows.

    Each result has a payload ``NULL_MODELS``, equal for all tasks of a block and fold.
    """

    null_model_columns: tuple[Column, ...]
    """Columns of a null model's row, in table order: its name first; a metric is called as in
    ``Pipeline.result_columns``."""

    def read_null_models(self, payload: bytes) -> Sequence[Mapping[str, Any]]:
        """Null models out of the payload of a result.

        Returns:
            One row for each null model, always in the same order, ``null_model_columns`` as keys.
        """
        ...


@runtime_checkable
class HasBlockTable(Protocol):
    """A pipeline whose results say something of the rows of their block, whatever the fold.

    Some result of each block has a payload ``BLOCK_TABLE``.
    """

    block_table: str
    """Name of the table, without ending."""
    block_table_columns: tuple[Column, ...]
    """Its columns, in table order, after the block's parameters."""

    def read_block_table(self, payload: bytes) -> Sequence[Mapping[str, Any]]:
        """Rows out of the payload of a result, ``block_table_columns`` as keys."""
        ...
