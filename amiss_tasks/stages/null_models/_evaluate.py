"""Metrics of null models: what a majority of a fold's training rows says of its test rows.

A null model knows one thing of a row, its level (say, its consequence). Metrics that a method
does not exceed are no finding about its imputation. Rows are those that the methods are trained
and tested on, before rows are drawn or values removed from the training table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss_tasks.protocols import Protocol
from amiss_tasks.r.arrays import BoolArray, FloatArray
from amiss_tasks.stages.block_tables import BlockTable, BlockTables
from amiss_tasks.stages.metrics import CUTOFF, metrics
from amiss_tasks.stages.null_models._levels import CONSEQUENCE, KnownLevels, Levels
from amiss_tasks.stages.null_models._payload import NAME

PREVALENCE = "prevalence"


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


def null_models(
    parts: BlockTables, protocol: Protocol, known: KnownLevels | None = None
) -> list[dict[str, Any]]:
    """Metrics of each null model on the test rows of a fold.

    Args:
        parts: Training and test rows of the fold.
        protocol: How metrics are computed (D10, D29).
        known: What is known of the block's rows beside their ids.

    Returns:
        One row for each null model, ``COLUMNS`` as keys.
    """
    train, test = parts.train, parts.test
    one_sided_mcc = 0.0 if "one_sided_mcc" in protocol.corrected else float("nan")
    half_is_positive = "thresholds" not in protocol.corrected
    found = []
    levels = [_levels_of(part, known) for part in (train, test)]
    for name, own in levels[0].items():
        asked = levels[1][name]
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


def _levels_of(part: BlockTable, known: KnownLevels | None) -> dict[str, Levels]:
    """Null model to the level of each row of a part."""
    own: dict[str, Levels] = {
        PREVALENCE: np.zeros(part.rows),
        CONSEQUENCE: np.array(part.consequences()),
    }
    return own | known.of(part.row_ids) if known is not None else own
