"""Null models, which learn a majority and no more: what a pipeline may offer beside its methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from gridrun.pipeline._columns import Column

NULL_MODELS = "null_models"
"""Name of the payload of a result that holds the null models of its block and fold."""


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
