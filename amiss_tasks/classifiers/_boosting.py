"""One boosted model as R's xgboost 1.7 fits it, with Python's xgboost.

Both build the same trees from the same columns, bit for bit, once what R's
version does by default is said: a base score of one half, and columns drawn
from R's random numbers. The only module that imports xgboost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from amiss_tasks.blocktables import BoolArray
from amiss_tasks.classifiers._columns import FIRST_DRAWS, sample_columns
from amiss_tasks.table import FloatArray

XGBoostError = xgb.core.XGBoostError

POSITIVE_FROM = 0.5
"""caret predicts the first class, positive, from this probability on."""

# xgboost draws columns by weight; beside this weight its least one, 1e-6, never wins
_CERTAIN = np.float32(1e30)

_FIXED = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "base_score": 0.5,
    "min_child_weight": 1,
    "subsample": 1,
    "nthread": 1,
    "seed": 0,
    "verbosity": 0,
}


@dataclass(frozen=True, order=True)
class Setting:
    """Hyperparameters of one fit, in the order in which caret goes through them.

    Args:
        eta: Learning rate.
        max_depth: Most splits from root to leaf.
        gamma: Least gain of a split.
        colsample_bytree: Share of the columns that each tree may use.
    """

    eta: float
    max_depth: int
    gamma: float
    colsample_bytree: float

    @property
    def learns(self) -> bool:
        """Whether any prediction differs from the base score."""
        return self.eta != 0


def matrix(values: FloatArray, positive: BoolArray | None = None) -> xgb.DMatrix:
    """Rows as xgboost takes them.

    Args:
        values: Shape (rows, features); NaN is missing.
        positive: Outcome per row, for rows to be trained on.

    Raises:
        XGBoostError: A value is infinite, or too large for single precision.
    """
    label = None if positive is None else positive.astype(np.float32)
    return xgb.DMatrix(values, label=label, missing=np.nan, nthread=1)


def boost(
    rows: xgb.DMatrix, setting: Setting, rounds: int, uniforms: Callable[[int], FloatArray]
) -> tuple[xgb.Booster, int]:
    """Fit a model.

    Args:
        rows: Training rows with their outcome.
        setting: The hyperparameters.
        rounds: Number of trees.
        uniforms: Gives the first so many uniform numbers of the fit.

    Returns:
        The model, and how many uniform numbers R's fit takes.
    """
    model = xgb.Booster(_parameters(setting), [rows])
    draws, weights = FIRST_DRAWS, None
    if setting.colsample_bytree < 1:
        samples = sample_columns(uniforms, rounds, rows.num_col(), setting.colsample_bytree)
        draws, weights = samples.draws, samples.chosen * _CERTAIN
    # trees that do not learn are all alike, and add nothing
    for step in range(rounds if setting.learns else 1):
        if weights is not None:
            rows.set_info(feature_weights=weights[step])
        model.update(rows, step)
    return model, draws


def probabilities(model: xgb.Booster, rows: xgb.DMatrix, rounds: int = 0) -> FloatArray:
    """P(positive) of each row by the first ``rounds`` trees; 0 for all of them."""
    found: Any = model.predict(rows, iteration_range=(0, rounds))
    return np.asarray(found, dtype=np.float64)


def has_split(model: xgb.Booster) -> bool:
    """Whether any tree is more than a root."""
    return bool(model.get_score(importance_type="weight"))


def depth(model: xgb.Booster) -> int:
    """Most splits from root to leaf in any tree; 0 when all are roots."""
    # a node's line is indented by a tab for each split above it
    return max(line.count("\t") for tree in model.get_dump() for line in tree.splitlines())


def _parameters(setting: Setting) -> dict[str, Any]:
    return {
        **_FIXED,
        "eta": setting.eta,
        "max_depth": setting.max_depth,
        "gamma": setting.gamma,
        "colsample_bytree": setting.colsample_bytree,
    }
