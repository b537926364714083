"""Metrics of null models: what a majority of a fold's training rows says of its test rows.

A null model knows one thing of a row, its level (say, its consequence). Metrics that a method
does not exceed are no finding about its imputation. Rows are those that the methods are trained
and tested on, before rows are drawn or values removed from the training table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss_tasks.protocols import Protocol
from amiss_tasks.r.arrays import BoolArray, FloatArray
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.metrics import CUTOFF, metrics
from amiss_tasks.stages.null_models._payload import NAME

PREVALENCE, CONSEQUENCE = "prevalence", "consequence"

Levels = npt.NDArray[np.generic]
"""Level of each row, numbers or text, shape (rows,)."""


@dataclass(frozen=True)
class Shares:
    """What a null model says of test rows.

    Args:
        probability: P(positive) of each, shape (test rows,).
        levels: Number of levels of the training rows.
        unseen: Test rows whose level no training row has.
    """

    probability: FloatArray
    levels: int
    unseen: int


def shares_of(train: Levels, positive: BoolArray, test: Levels) -> Shares:
    """Share of positive rows among the training rows of each test row's level.

    A level that no training row has gets the share of all training rows. Where exactly half of
    a level's rows are positive, most of all training rows decide its class, and a row is
    negative where these are half positive too; the probability stays one half, but for the last
    bit, so that every metric takes the row for the same class (D29).

    Args:
        train: Level of each training row.
        positive: Outcome of each training row, shape (training rows,).
        test: Level of each test row.
    """
    names, places = np.unique(np.concatenate([train, test]), return_inverse=True)
    own, asked = places[: len(train)], places[len(train) :]
    rows = np.bincount(own, minlength=len(names))
    positives = np.bincount(own, weights=positive, minlength=len(names))
    overall = float(positive.mean())
    side = 1.0 if overall > CUTOFF else 0.0
    share = np.where(rows > 0, positives / np.maximum(rows, 1), overall)
    share[share == CUTOFF] = np.nextafter(CUTOFF, side)
    return Shares(share[asked], int((rows > 0).sum()), int((rows == 0)[asked].sum()))


def levels_of(parts: BlockTables) -> dict[str, tuple[Levels, Levels]]:
    """Null model to the levels of the training and of the test rows."""
    return {
        PREVALENCE: (np.zeros(parts.train.rows), np.zeros(parts.test.rows)),
        CONSEQUENCE: (np.array(parts.train.consequences()), np.array(parts.test.consequences())),
    }


def null_models(parts: BlockTables, protocol: Protocol) -> list[dict[str, Any]]:
    """Metrics of each null model on the test rows of a fold.

    Args:
        parts: Training and test rows of the fold.
        protocol: How metrics are computed (D10, D29).

    Returns:
        One row for each null model, ``COLUMNS`` as keys.
    """
    train, test = parts.train, parts.test
    one_sided_mcc = 0.0 if "one_sided_mcc" in protocol.corrected else float("nan")
    half_is_positive = "thresholds" not in protocol.corrected
    found = []
    for name, (own, asked) in levels_of(parts).items():
        shares = shares_of(own, train.positive, asked)
        found.append(
            {
                NAME: name,
                **metrics(
                    test.positive,
                    shares.probability,
                    one_sided_mcc,
                    half_is_positive=half_is_positive,
                ),
                "training_rows": train.rows,
                "test_rows": test.rows,
                "levels": shares.levels,
                "unseen_rows": shares.unseen,
            }
        )
    return found
