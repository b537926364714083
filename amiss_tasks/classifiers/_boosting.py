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
import numpy.typing as npt
import xgboost as xgb

from amiss_tasks.classifiers._columns import FIRST_DRAWS, sample_columns
from amiss_tasks.r.arrays import BoolArray, FloatArray

FloatArray32 = npt.NDArray[np.float32]
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


class Boosting:
    """A model that grows.

    Args:
        rows: Training rows with their outcome; no other model may grow on them
            at the same time.
        setting: The hyperparameters.
        uniforms: Gives the first so many uniform numbers of the fit.
    """

    def __init__(
        self, rows: xgb.DMatrix, setting: Setting, uniforms: Callable[[int], FloatArray]
    ) -> None:
        self._rows = rows
        self._uniforms = uniforms
        self._weights = np.empty((0, rows.num_col()), dtype=np.float32)
        self.setting = setting
        self.rounds = 0
        self.model = xgb.Booster(_parameters(setting), [rows])

    def grow(self, rounds: int) -> None:
        """Add trees until there are so many."""
        samples = self.setting.colsample_bytree < 1
        if samples and len(self._weights) < rounds:
            columns = self._rows.num_col()
            share = self.setting.colsample_bytree
            chosen = sample_columns(self._uniforms, rounds, columns, share).chosen
            self._weights = chosen * _CERTAIN
        # Python's xgboost would draw columns of its own. Given weights it draws by them, and as
        # many columns as are chosen here have a weight beside which the rest never win: the
        # draw has one outcome, R's. The weights change from tree to tree, so trees are added
        # one at a time; their draws are the first numbers of the fit's seed, so a longer fit
        # begins with the same trees.
        for step in range(self.rounds, rounds):
            if samples:
                self._rows.set_info(feature_weights=self._weights[step])
            self.model.update(self._rows, step)
        self.rounds = rounds

    def margin(self, rows: xgb.DMatrix | None = None) -> FloatArray32:
        """Log-odds of each row, those trained on if none are given."""
        found: Any = self.model.predict(self._rows if rows is None else rows, output_margin=True)
        return np.asarray(found, dtype=np.float32)


@dataclass(frozen=True)
class SplitLimits:
    """What a split has to reach.

    Args:
        gamma: Gain.
        min_child_weight: Sum of the hessians of each child.
    """

    gamma: float
    min_child_weight: float


def draws_of(
    rows: xgb.DMatrix, setting: Setting, rounds: int, uniforms: Callable[[int], FloatArray]
) -> int:
    """How many uniform numbers R's fit of so many trees takes; arguments as above."""
    if setting.colsample_bytree == 1:
        return FIRST_DRAWS
    return sample_columns(uniforms, rounds, rows.num_col(), setting.colsample_bytree).draws


def any_split(rows: xgb.DMatrix, margin: FloatArray32, max_depth: int, least: SplitLimits) -> bool:
    """Whether a tree that may use every column would split the rows.

    Args:
        rows: Training rows with their outcome; their base margin is set.
        margin: Log-odds of each row.
        max_depth: As in a setting.
        least: What the split has to reach.
    """
    # One tree from where the model stands has the gradients that its next tree would have.
    # The tree may use every column, so what it cannot split no drawn set of columns can; eta
    # only scales leaves, and has no part in whether there is a split.
    rows.set_base_margin(margin)
    parameters = _parameters(Setting(1.0, max_depth, least.gamma, 1.0))
    probe = xgb.Booster(parameters | {"min_child_weight": least.min_child_weight}, [rows])
    probe.update(rows, 0)
    return bool(probe.get_score(importance_type="weight"))


def probabilities(model: xgb.Booster, rows: xgb.DMatrix, rounds: int = 0) -> FloatArray:
    """P(positive) of each row by the first ``rounds`` trees; 0 for all of them."""
    found: Any = model.predict(rows, iteration_range=(0, rounds))
    return np.asarray(found, dtype=np.float64)


def to_json(model: xgb.Booster) -> bytes:
    """A model as xgboost's JSON, which keeps every bit of its numbers."""
    return bytes(model.save_raw("json"))


def from_json(content: bytes) -> xgb.Booster:
    """The model of :func:`to_json`.

    Raises:
        XGBoostError: The bytes are no model.
    """
    model = xgb.Booster(_FIXED)
    model.load_model(bytearray(content))
    return model


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
