r"""When further trees can no longer change any predicted class.

Once no split gains ``gamma``, every further tree is a root: it moves the margins
of all rows by one value, ``-eta G / (H + 1)``, towards the point at which the
gradients G of the training rows cancel. Three bounds make that a certificate:

- *Drift.* With H the sum of the hessians, the distance to that point is about
  ``|G| / H``, and a step never passes it while ``eta exp(2.5 D) H / (H + 1) <= 1``.
  Rounding adds half a unit in the last place for each round, and the rounding of
  each gradient. ``D`` bounds the sum of all of it.
- *Gain.* A shift by at most D changes a hessian by a factor of at most exp(D) (it
  is ``p (1 - p)``), a sum of gradients by at most ``(exp(D) - 1) H``. So a split
  of which the gain is now below ``SplitLimits.gamma``, a little less than the setting's
  own, stays below that; one whose child weighs less than
  ``SplitLimits.min_child_weight``, a little less than 1, stays too light.
- *Classes.* A row whose margin is farther than D from 0 keeps its class.

The gain is that of xgboost's paper (Chen and Guestrin 2016, equation 7) without
its factor of one half, and with lambda = 1: its defaults.
"""

from __future__ import annotations

import math

import numpy as np

from amiss_tasks.classifiers._boosting import FloatArray32, Setting, SplitLimits
from amiss_tasks.r.arrays import BoolArray

_LARGEST_DRIFT = 0.05
_SAFETY = 1.25  # covers the factors exp(D) that the bound of the drift leaves out
_HALF_ULP = 2.0**-24  # of a single-precision number, relative
_GRADIENT_ERROR = 2.0**-22
_CLOSE = 1e-6  # a probability of 0.5 in single precision is positive
_ROUNDING = 1 - 1e-3  # xgboost compares gains in single precision


def limits(
    setting: Setting,
    margin: FloatArray32,
    positive: BoolArray,
    held_out: FloatArray32,
    rounds: int,
) -> SplitLimits | None:
    """What is left to be shown for the classes to stay as they are.

    Args:
        setting: The hyperparameters.
        margin: Log-odds of the training rows now.
        positive: Their outcome.
        held_out: Log-odds now of the rows whose classes are wanted.
        rounds: Trees that are left to be fitted.

    Returns:
        The limits; None when the classes may change whatever the splits are.
    """
    probability = 1 / (1 + np.exp(-margin.astype(np.float64)))
    gradient = abs(float((probability - positive).sum()))
    hessian = float((probability * (1 - probability)).sum())
    # The drift is how far margins can still move: to the point where the gradients cancel, and
    # by rounding, which grows with the largest margin (one more leaves room for the drift).
    farthest = max(float(np.abs(margin).max()), float(np.abs(held_out).max())) + 1
    rounding = rounds * _HALF_ULP * farthest
    drift = _SAFETY * ((gradient + len(positive) * _GRADIENT_ERROR) / hessian + 2 * rounding)
    if (
        drift > _LARGEST_DRIFT
        or setting.eta * math.exp(2.5 * drift) * hessian > hessian + 1
        or float(np.abs(held_out).min()) <= drift + _CLOSE
    ):
        return None
    # How much the gain of a split can grow while margins move by the drift, which changes a sum
    # of gradients by at most ``grown`` times its sum of hessians. ``gamma`` is lowered by that:
    # a tree that splits nothing at the lowered value now will split nothing at its own later.
    grown = math.expm1(drift)
    root = gradient**2 / (hessian + 1)
    # a split below gamma has |G_left| + |G_right| of at most this
    halves = math.sqrt(2 * (setting.gamma + root) * (hessian + 2))
    change = 2 * grown * (root + gradient + (1 + grown) * halves)
    change += (1 + grown) * grown**2 * hessian
    gamma = _ROUNDING * (setting.gamma - change) / (1 + grown)
    return SplitLimits(gamma, _ROUNDING * math.exp(-drift)) if gamma > 0 else None
