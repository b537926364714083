"""The metrics of amiss for one table of predictions: each declared once, in ``METRICS``.

``None`` is R's NA, ``nan`` its NaN; upstream's tables write both as NA. Source:
upstream's ``predict_on_test_set`` (caret's ``confusionMatrix``, ModelMetrics),
``upstream-behaviour`` section 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from amiss_tasks.r.arrays import BoolArray, FloatArray
from gridrun.pipeline import Column

CUTOFF = 0.5
"""A row is predicted positive when its probability is above this; for upstream's MCC, from this
on (D29)."""

MetricValue = int | float | None


@dataclass(frozen=True)
class Predicted:
    """What metrics are computed of: one table's labels and predictions, and their counts.

    Args:
        positive: Outcome per row, shape (rows,).
        probability: P(positive) per row, shape (rows,); NaN where there is none.
        one_sided_mcc: MCC where all predictions or all labels are of one class (D10).
        half_is_positive: Whether a probability of exactly one half is positive for the MCC (D29).
    """

    positive: BoolArray
    probability: FloatArray
    one_sided_mcc: float = math.nan
    half_is_positive: bool = True

    @cached_property
    def known(self) -> BoolArray:
        """Rows that have a probability, shape (rows,)."""
        return ~np.isnan(self.probability)

    @cached_property
    def tp(self) -> int:
        """True positives."""
        return self._count(self.positive & (self.probability > CUTOFF))

    @cached_property
    def fp(self) -> int:
        """False positives."""
        return self._count(~self.positive & (self.probability > CUTOFF))

    @cached_property
    def fn(self) -> int:
        """False negatives."""
        return self._count(self.positive & ~(self.probability > CUTOFF))

    @cached_property
    def tn(self) -> int:
        """True negatives."""
        return self._count(~self.positive & ~(self.probability > CUTOFF))

    @cached_property
    def sensitivity(self) -> float | None:
        """Share of the positive rows that are predicted so; NA without any."""
        return _share(self.tp, self.tp + self.fn)

    @cached_property
    def precision(self) -> float | None:
        """Share of the rows predicted positive that are so; NA without any."""
        return _share(self.tp, self.tp + self.fp)

    def _count(self, rows: BoolArray) -> int:
        return int((self.known & rows).sum())


@dataclass(frozen=True)
class Metric:
    """One metric: nothing else has to name it.

    Args:
        column: Its name, its type, and whether its mean is printed.
        of: Computes it.
        pooled: Whether it is computed of pooled predictions as well.
    """

    column: Column
    of: Callable[[Predicted], MetricValue]
    pooled: bool = True


def metrics(
    positive: BoolArray,
    probability: FloatArray,
    one_sided_mcc: float = math.nan,
    *,
    half_is_positive: bool = True,
    pooled: bool = False,
) -> dict[str, MetricValue]:
    """All metric columns of a result row.

    Args:
        positive: Outcome per row, shape (rows,).
        probability: P(positive) per row, shape (rows,); NaN where there is none.
        one_sided_mcc: MCC where all predictions or all labels are of one class (D10).
        half_is_positive: Whether a probability of exactly one half is positive for the MCC (D29).
        pooled: Only those of pooled predictions.

    Returns:
        ``METRICS`` in their order, by name of the column.
    """
    predicted = Predicted(positive, probability, one_sided_mcc, half_is_positive)
    return {
        metric.column.name: metric.of(predicted)
        for metric in METRICS
        if metric.pooled or not pooled
    }


def _accuracy(of: Predicted) -> float:
    """Share of the rows with a probability that are predicted as they are."""
    return (of.tp + of.tn) / int(of.known.sum()) if of.known.any() else math.nan


def _brier(of: Predicted) -> float:
    """Mean squared distance of probability and outcome (Brier 1950)."""
    return float(np.mean((of.positive - of.probability) ** 2))


def _mcc(of: Predicted) -> float:
    """MCC as ModelMetrics has it, where one missing probability makes it 0.

    There a probability of exactly 0.5 counts as *positive*, unlike in the counts; corrected,
    it is the MCC of the counts (D29).
    """
    if not of.known.all():
        return 0.0
    if not of.half_is_positive:
        return matthews(of.tp, of.fp, of.fn, of.tn, of.one_sided_mcc)
    positive, predicted = of.positive, of.probability >= CUTOFF
    return matthews(
        int((positive & predicted).sum()),
        int((~positive & predicted).sum()),
        int((positive & ~predicted).sum()),
        int((~positive & ~predicted).sum()),
        of.one_sided_mcc,
    )


def matthews(tp: int, fp: int, fn: int, tn: int, one_sided: float = math.nan) -> float:
    """Matthews correlation coefficient; ``one_sided`` where a margin is empty (D10)."""
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(margins) if margins else one_sided


def auc(positive: BoolArray, probability: FloatArray) -> float:
    """Area under the ROC curve by ranks, ties averaged; NaN with a single class.

    NaN probabilities tie with one another above all others, as in data.table's
    ``frankv``, which ModelMetrics ranks with.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return math.nan
    _, place, counts = np.unique(
        probability, return_inverse=True, return_counts=True, equal_nan=True
    )
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    above = float(ranks[positive].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def _share(part: int, whole: int) -> float | None:
    """A ratio of counts; NA for 0/0, as caret's ``ifelse`` has it."""
    return part / whole if whole else None


def _harmonic_mean(precision: float | None, sensitivity: float | None) -> float | None:
    """F1; NA when either is, NaN when both are 0."""
    if precision is None or sensitivity is None:
        return None
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total else math.nan


METRICS = (
    Metric(Column("TP", "integer"), lambda of: of.tp),
    Metric(Column("FP", "integer"), lambda of: of.fp),
    Metric(Column("FN", "integer"), lambda of: of.fn),
    Metric(Column("TN", "integer"), lambda of: of.tn),
    Metric(Column("Accuracy", "number"), _accuracy),
    Metric(Column("Brier", "number"), _brier),
    Metric(Column("MCC", "number", headline=True), _mcc),
    Metric(Column("AUC", "number", headline=True), lambda of: auc(of.positive, of.probability)),
    Metric(Column("Sensitivity", "number"), lambda of: of.sensitivity),
    Metric(Column("Specificity", "number"), lambda of: _share(of.tn, of.tn + of.fp)),
    Metric(Column("F1", "number"), lambda of: _harmonic_mean(of.precision, of.sensitivity)),
    Metric(Column("Precision", "number"), lambda of: of.precision),
)
"""In the order of upstream's tables."""

TIMES = (
    Column("tr_time", "number", measured=True),
    Column("te_time", "number", measured=True),
)
"""Seconds of a result row: of training the model, of predicting the test table."""

RESULT_COLUMNS = (
    Column("model_ix", "text"),
    Column("test_completion_ix", "text"),
    *(metric.column for metric in METRICS),
    *TIMES,
)
"""Columns of the row of one imputed test table."""

POOLED_COLUMNS = (
    Column("tables", "integer"),
    Column("how", "text"),
    *(metric.column for metric in METRICS if metric.pooled),
)
"""Columns of the row over all imputed test tables."""
