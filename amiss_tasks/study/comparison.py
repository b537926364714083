"""How methods are compared in reports: the reference, the ends of each metric, shares of folds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from amiss_tasks.evaluation import PREDICTIONS, evaluation_of
from amiss_tasks.features.cut import NEWER
from amiss_tasks.protocols import FOLD_TEST_SHARE, TRAINING_SHARE, protocol_of
from gridrun.pipeline import Settings
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


def test_share(settings: Settings) -> float:
    """Share of a fold's rows that it tests on: the larger one in upstream's folds (D1).

    Args:
        settings: The study's settings.
    """
    if evaluation_of(settings.options).holds_out:
        return 1 - TRAINING_SHARE
    swapped = "fold_shares" not in protocol_of(settings).corrected
    return FOLD_TEST_SHARE if swapped else 1 - TRAINING_SHARE


def class_rows(artifact: Path, settings: Settings) -> dict[str, float]:
    """Rows of each class in a test part of a block, by the shares that are drawn.

    Args:
        artifact: The block's, as ``preprocess`` writes it.
        settings: The study's settings.
    """
    share = test_share(settings)
    with np.load(artifact, allow_pickle=False) as arrays:
        if "train_positive" in arrays:
            positive = arrays["train_positive"]
        elif "parts" in arrays:
            positive, share = arrays["positive"][arrays["parts"] == NEWER], 1.0
        else:
            positive = arrays["positive"]
            share *= 1.0 if evaluation_of(settings.options).holds_out else TRAINING_SHARE
    return {"positive": share * positive.sum(), "negative": share * (~positive).sum()}
