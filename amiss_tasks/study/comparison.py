"""How methods are compared in reports: the reference and the ends of each metric."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from amiss_tasks.evaluation import PREDICTIONS
from gridrun.pipeline.comparison import Score

REFERENCE = "mean_imp"
"""The imputation method that the others are compared with."""

_SHARE = Score(0.0, 1.0)

SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "MCC": Score(-1.0, 1.0),
        "AUC": _SHARE,
        "Brier": Score(1.0, 0.0),
        "Sensitivity": _SHARE,
        "Specificity": _SHARE,
        "F1": _SHARE,
        "Precision": _SHARE,
        "Accuracy": _SHARE,
    }
)
"""Metric to its ends, worst first."""

CLASS_COUNTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"positive": ("TP", "FN"), "negative": ("TN", "FP")}
)
"""Class to the counts of the confusion matrix that are its test rows."""


PREDICTIONS_ADVICE = (
    f"set {PREDICTIONS}: yes in study.yaml and run it again, which computes its tasks anew"
)
"""What to do for predictions to be kept."""

GROUP = "gene"
"""What test rows are drawn by in the bootstrap: rows whose variants share genes are one group."""

GROUP_SCORES: Mapping[str, str] = MappingProxyType({"MCC": "matthews", "AUC": "auc"})
"""Metric to what the bootstrap computes for it."""
