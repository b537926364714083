"""Stage evaluate: result rows of one imputed test table.

Source: upstream's ``predict_on_test_set``, ``upstream-behaviour`` section 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray
from amiss_tasks.stages.metrics import MetricValue, metrics


@dataclass(frozen=True)
class Prediction:
    """P(positive) of some rows.

    Args:
        probability: Shape (rows,).
        seconds: Wall time of predicting them.
    """

    probability: FloatArray
    seconds: float


@dataclass(frozen=True)
class ConsequenceRows:
    """Test rows of one consequence.

    Args:
        consequence: As in the row id.
        rows: Positions in the test table, in its order.
    """

    consequence: str
    rows: IntArray


@dataclass(frozen=True)
class Evaluated:
    """Metrics of an imputed test table.

    Args:
        overall: Metrics over all rows, and ``te_time``.
        per_consequence: The same with ``consequence``, for each group.
    """

    overall: dict[str, MetricValue]
    per_consequence: list[dict[str, MetricValue | str]]


def groups_of(consequences: Sequence[str]) -> tuple[ConsequenceRows, ...]:
    """Rows of each consequence, in order of first appearance."""
    names = np.array(consequences)
    return tuple(
        ConsequenceRows(name, np.flatnonzero(names == name)) for name in dict.fromkeys(consequences)
    )


def evaluate(
    positive: BoolArray,
    groups: Sequence[ConsequenceRows],
    prediction: Prediction,
    predict_again: Callable[[npt.NDArray[np.int64]], Prediction] | None = None,
    one_sided_mcc: float = math.nan,
    *,
    half_is_positive: bool = True,
) -> Evaluated:
    """Metrics over all rows and within each consequence.

    Args:
        positive: Outcome per test row.
        groups: The consequences.
        prediction: Prediction of the whole table.
        predict_again: Predicts the rows at these positions as a table of their
            own; given where that changes the predictions (D3).
        one_sided_mcc: MCC where all predictions or all labels are of one class (D10).
        half_is_positive: Whether a probability of exactly one half is positive for the MCC (D29).

    Returns:
        Rows of both kinds.
    """
    per_consequence: list[dict[str, MetricValue | str]] = []
    of = partial(metrics, one_sided_mcc=one_sided_mcc, half_is_positive=half_is_positive)
    for group in groups:
        own = (
            predict_again(group.rows)
            if predict_again
            else Prediction(prediction.probability[group.rows], prediction.seconds)
        )
        row = of(positive[group.rows], own.probability)
        per_consequence.append({"consequence": group.consequence, **row, "te_time": own.seconds})
    overall = of(positive, prediction.probability)
    return Evaluated({**overall, "te_time": prediction.seconds}, per_consequence)
