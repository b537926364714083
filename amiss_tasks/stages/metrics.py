"""The metrics of amiss for one table of predictions.

``None`` is R's NA, ``nan`` its NaN; upstream's tables write both as NA. Source:
upstream's ``predict_on_test_set`` (caret's ``confusionMatrix``, ModelMetrics),
``upstream-behaviour`` section 7.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from amiss_tasks.stages.table import FloatArray

CUTOFF = 0.5
"""A row is predicted positive when its probability is above this; for MCC, from this on."""

Metric = int | float | None


def metrics(
    positive: npt.NDArray[np.bool_], probability: FloatArray, one_sided_mcc: float = math.nan
) -> dict[str, Metric]:
    """All metric columns of a result row.

    Args:
        positive: Outcome per row, shape (rows,).
        probability: P(positive) per row, shape (rows,); NaN where there is none.
        one_sided_mcc: MCC where all predictions or all labels are of one class (D10).

    Returns:
        ``TP`` to ``Precision`` in the order of upstream's tables.
    """
    known = ~np.isnan(probability)
    predicted = probability > CUTOFF
    tp = int((known & positive & predicted).sum())
    fp = int((known & ~positive & predicted).sum())
    fn = int((known & positive & ~predicted).sum())
    tn = int((known & ~positive & ~predicted).sum())
    sensitivity = _share(tp, tp + fn)
    precision = _share(tp, tp + fp)
    return {
        "TP": tp,
        "FP": fp,
        "FN": fn,
        "TN": tn,
        "Accuracy": (tp + tn) / int(known.sum()) if known.any() else math.nan,
        "Brier": float(np.mean((positive - probability) ** 2)),
        "MCC": _mcc(positive, probability, one_sided_mcc),
        "AUC": auc(positive, probability),
        "Sensitivity": sensitivity,
        "Specificity": _share(tn, tn + fp),
        "F1": _harmonic_mean(precision, sensitivity),
        "Precision": precision,
    }


def _mcc(positive: npt.NDArray[np.bool_], probability: FloatArray, one_sided: float) -> float:
    """MCC as ModelMetrics has it.

    A probability of exactly 0.5 counts as *positive* here, unlike in the counts,
    and one missing probability makes it 0.
    """
    if np.isnan(probability).any():
        return 0.0
    predicted = probability >= CUTOFF
    return matthews(
        int((positive & predicted).sum()),
        int((~positive & predicted).sum()),
        int((positive & ~predicted).sum()),
        int((~positive & ~predicted).sum()),
        one_sided,
    )


def matthews(tp: int, fp: int, fn: int, tn: int, one_sided: float = math.nan) -> float:
    """Matthews correlation coefficient; ``one_sided`` where a margin is empty (D10)."""
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(margins) if margins else one_sided


def auc(positive: npt.NDArray[np.bool_], probability: FloatArray) -> float:
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
