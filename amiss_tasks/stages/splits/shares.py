"""Shares in which rows are split, and what a test part has of each class by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amiss_tasks.evaluation import evaluation_of
from amiss_tasks.features.cut import NEWER
from amiss_tasks.protocols import FOLD_TEST_SHARE, TRAINING_SHARE, protocol_of
from gridrun.pipeline import Settings


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
