"""Predictions of every test row: averaged over imputed tables, packed, and read again.

Packed in two pieces, since the rows are the same for all methods and classifiers of a
fold, and what is equal is kept once: ``rows``, and the ``probabilities`` of a task.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray
from amiss_tasks.stages.block_tables import consequence_of, variant_of
from amiss_tasks.stages.metrics import CUTOFF, MetricValue, metrics
from gridrun.pipeline import Column
from gridrun.pipeline.packed import unpacked
from gridrun.pipeline.predicted import Predicted

COLUMNS = (
    Column("row_id", "text"),
    Column("variant", "text"),
    Column("consequence", "text"),
    Column("outcome", "text"),
    Column("model_ix", "text"),
    Column("test_completion_ix", "text"),
    Column("probability", "number"),
    Column("pooled", "number"),
)
"""Columns of the predictions."""

ONE_TABLE, MEAN_PROBABILITY = "one table", "mean probability"
"""Values of ``how``."""

ROW_GROUPS = "row_groups"
"""Payload with the group of each test row, equal for all tasks of a block and fold."""

_ROWS, _PROBABILITIES = "rows", "probabilities"
_POSITIVE, _NEGATIVE = "+", "-"


@dataclass(frozen=True)
class Predictions:
    """P(positive) of each test row on each imputed table.

    Args:
        row_ids: As upstream writes them.
        positive: Outcome, shape (rows,).
        tables: Names of the model and of the imputed test table, for each table.
        probability: P(positive), shape (tables, rows).
    """

    row_ids: Sequence[str]
    positive: BoolArray
    tables: Sequence[tuple[str, str]]
    probability: FloatArray


def pooled_probability(probability: FloatArray) -> FloatArray:
    """Mean of a row's probabilities over the imputed tables.

    Probabilities rather than parameters or metrics are averaged, as in the first
    approach of Mertens, Banzato and de Wreede 2020 (doi:10.1002/bimj.201800289).

    Args:
        probability: Shape (tables, rows).

    Returns:
        Shape (rows,); NaN where a table has none.
    """
    mean: FloatArray = probability.mean(axis=0)
    return mean


def pooled_row(
    found: Predictions, one_sided_mcc: float, *, half_is_positive: bool = True
) -> dict[str, MetricValue | str]:
    """The metrics of the pooled probabilities, with how they were pooled.

    Args:
        found: The predictions.
        one_sided_mcc: MCC where all predictions or all labels are of one class (D10).
        half_is_positive: Whether a probability of exactly one half is positive for the MCC (D29).
    """
    count = len(found.tables)
    mean = pooled_probability(found.probability)
    pooled = metrics(
        found.positive, mean, one_sided_mcc, half_is_positive=half_is_positive, pooled=True
    )
    return {"tables": count, "how": MEAN_PROBABILITY if count > 1 else ONE_TABLE, **pooled}


def pack(found: Predictions) -> dict[str, bytes]:
    """Predictions as the payloads of a result."""
    signs = np.where(found.positive, _POSITIVE, _NEGATIVE)
    lines = [f"{sign}{row_id}" for sign, row_id in zip(signs, found.row_ids, strict=True)]
    head = json.dumps([list(names) for names in found.tables])
    body = found.probability.astype("<f8").tobytes()
    return {
        _ROWS: zlib.compress("\n".join(lines).encode()),
        _PROBABILITIES: zlib.compress(head.encode() + b"\n" + body),
    }


def unpack(payloads: Mapping[str, bytes]) -> Predictions:
    """The predictions that ``pack`` took."""
    row_ids, positive = _rows(payloads[_ROWS])
    head, _, body = unpacked(payloads[_PROBABILITIES]).partition(b"\n")
    tables = [(model, completion) for model, completion in json.loads(head)]
    probability = np.frombuffer(body, "<f8").reshape(len(tables), len(row_ids))
    return Predictions(row_ids, positive, tables, probability)


def predicted(
    payloads: Mapping[str, str], read: Callable[[str], bytes], *, half_is_positive: bool
) -> Predicted | None:
    """What a part says of its test rows, averaged over imputed tables; None where it keeps none.

    Args:
        payloads: Name to digest of what is kept beside its result.
        read: From a digest to what is kept.
        half_is_positive: Whether a probability of exactly one half is positive (D29).
    """
    if _PROBABILITIES not in payloads:
        return None
    found = unpack({name: read(payloads[name]) for name in (_ROWS, _PROBABILITIES)})
    pooled = pooled_probability(found.probability)
    called = pooled >= CUTOFF if half_is_positive else pooled > CUTOFF
    groups = unpack_groups(read(payloads[ROW_GROUPS])) if ROW_GROUPS in payloads else None
    return Predicted(pooled, found.positive, called, groups)


def pack_groups(groups: IntArray) -> bytes:
    """Group of each test row as a payload: its groups, and the place of each row's among them.

    Args:
        groups: Numbers of 64 bits, shape (rows,).
    """
    names, place = np.unique(groups, return_inverse=True)
    numbers = np.concatenate([[len(names)], names]).astype("<i8")
    return zlib.compress(numbers.tobytes() + place.astype("<u4").tobytes(), 9)


@lru_cache(maxsize=16)
def unpack_groups(payload: bytes) -> IntArray:
    """The groups that ``pack_groups`` took; remembered, as many tasks have the same."""
    text = unpacked(payload)
    count = int(np.frombuffer(text, "<i8", 1)[0])
    names = np.frombuffer(text, "<i8", count, offset=8).astype(np.int64)
    groups: IntArray = names[np.frombuffer(text, "<u4", offset=8 * (count + 1))]
    return groups


def columns(payloads: Mapping[str, bytes]) -> dict[str, Sequence[Any]]:
    """Predictions as columns: imputed table after table, rows in the order of the test part."""
    found = unpack(payloads)
    count = len(found.tables)
    outcomes = np.where(found.positive, "positive", "negative").tolist()
    rows = found.row_ids
    return {
        "row_id": [*rows] * count,
        "variant": [variant_of(row_id) for row_id in rows] * count,
        "consequence": [consequence_of(row_id) for row_id in rows] * count,
        "outcome": outcomes * count,
        "model_ix": [model for model, _ in found.tables for _ in rows],
        "test_completion_ix": [completion for _, completion in found.tables for _ in rows],
        "probability": found.probability.ravel(),
        "pooled": np.tile(pooled_probability(found.probability), count),
    }


@lru_cache(maxsize=16)
def _rows(packed: bytes) -> tuple[tuple[str, ...], BoolArray]:
    """Ids and outcomes; remembered, as many tasks have the same."""
    lines = unpacked(packed).decode().split("\n")
    positive = np.array([line.startswith(_POSITIVE) for line in lines], np.bool_)
    return tuple(line[1:] for line in lines), positive
