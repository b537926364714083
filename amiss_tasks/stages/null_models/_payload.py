"""Null models of a fold as bytes that come with results, and their columns."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from amiss_tasks.stages.metrics import METRICS
from gridrun.pipeline import Column
from gridrun.pipeline.packed import unpacked

NAME = "null_model"
"""Column with the name of the null model."""

COLUMNS = (
    Column(NAME, "text"),
    *(metric.column for metric in METRICS),
    Column("training_rows", "integer"),
    Column("test_rows", "integer"),
    Column("levels", "integer"),
    Column("unseen_rows", "integer"),
)
"""Columns of the null models of a fold."""


def pack(found: Sequence[Mapping[str, Any]]) -> bytes:
    """Null models of a fold as a payload of a result: the same bytes for the same numbers."""
    values = [[row[column.name] for column in COLUMNS] for row in found]
    return zlib.compress(json.dumps(values, separators=(",", ":")).encode())


def unpack(payload: bytes) -> list[dict[str, Any]]:
    """The null models that ``pack`` took."""
    names = [column.name for column in COLUMNS]
    return [dict(zip(names, values, strict=True)) for values in json.loads(unpacked(payload))]
