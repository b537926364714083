"""Calibration of probabilities: logistic recalibration, and the observed share by bins."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gridrun.errors import counted
from gridrun.report.statistics._scores import BoolArray, FloatArray

CLIP = 0.001
"""Probabilities are taken to be at least this far from 0 and 1, whose logits are infinite: half of
the smallest step that the shares of 500 trees can have."""

_FAR = 100.0
"""No intercept is as far from 0: logits are clipped, and no class is as rare as 1 in 10^40."""

BINS = 10
"""Bins of equal width."""


@dataclass(frozen=True)
class Recalibration:
    """How the logit of probabilities would have to change to fit the classes.

    Args:
        slope: Of the logit; below 1 where probabilities are too extreme.
        intercept: Beside that slope.
        in_the_large: Intercept where the slope is 1; above 0 where probabilities are too low.
        clipped: Share of the rows whose probability was nearer to 0 or 1 than ``CLIP``.
        note: Why there are no numbers; empty where there are.
    """

    slope: float = np.nan
    intercept: float = np.nan
    in_the_large: float = np.nan
    clipped: float = np.nan
    note: str = ""


def recalibrated(probability: FloatArray, positive: BoolArray, fewest: int) -> Recalibration:
    """Regress the class on the logit of its probability.

    logit P(positive) = intercept + slope * logit(probability) is fitted by maximum likelihood (Cox
    1958, Two further applications of a model for binary regression, Biometrika 45:562-565);
    ``in_the_large`` with the slope held at 1. A calibrated model has 1, 0 and 0 (Van Calster et al.
    2019, Calibration: the Achilles heel of predictive analytics, BMC Medicine 17:230).

    Args:
        probability: Of being positive, shape (rows,).
        positive: The class, shape (rows,).
        fewest: Rows of a class below which nothing is fitted.
    """
    from scipy.optimize import brentq
    from scipy.special import expit, logit
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    known = np.isfinite(probability)
    clipped = np.clip(probability[known], CLIP, 1 - CLIP)
    share = float(np.mean(clipped != probability[known])) if len(clipped) else np.nan
    reason = _reason(clipped, positive[known], fewest)
    if reason:
        return Recalibration(clipped=share, note=reason)
    # equal probabilities are one binomial observation: the same likelihood, fewer rows
    levels, place = np.unique(clipped, return_inverse=True)
    classes = _classes(positive[known])
    counts = np.column_stack([np.bincount(place[one], minlength=len(levels)) for one in classes])
    at = logit(levels)
    both = np.column_stack([np.ones(len(at)), at])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # of two distinct probabilities the fit is exact, which it takes for a separation of classes
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        fit = GLM(counts, both, family=Binomial()).fit()
    if not fit.converged:
        return Recalibration(clipped=share, note="the fit of the slope does not converge")
    intercept, slope = fit.params
    # the likelihood is greatest where as many positive rows are expected as there are: one root,
    # from which iterations of least squares can run away where all probabilities are near 0 and 1
    rows, positives = counts.sum(axis=1), counts[:, 0].sum()
    held = brentq(lambda by: float(rows @ expit(at + by)) - positives, -_FAR, _FAR)
    return Recalibration(float(slope), float(intercept), float(held), share)


def reliability(probability: FloatArray, positive: BoolArray) -> pd.DataFrame:
    """Observed share of positive rows beside the mean probability, by bins of equal width.

    Args:
        probability: Of being positive, shape (rows,).
        positive: The class, shape (rows,).

    Returns:
        One row for each of ``BINS``: ``above`` and ``to`` (its ends; the first holds 0 as well),
        ``n`` (rows), ``predicted`` (mean probability), ``observed`` (share); NaN without rows.
    """
    known = np.isfinite(probability)
    ends = np.arange(BINS + 1) / BINS
    place = np.maximum(np.searchsorted(ends, probability[known], side="left") - 1, 0)
    n = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(place, probability[known], BINS) / n
        observed = np.bincount(place, positive[known], BINS) / n
    return pd.DataFrame(
        {"above": ends[:-1], "to": ends[1:], "n": n, "predicted": predicted, "observed": observed}
    )


def _reason(probability: FloatArray, positive: BoolArray, fewest: int) -> str:
    """Why nothing can be fitted; empty where something can."""
    of = [probability[is_class] for is_class in _classes(positive)]
    for name, rows in zip(("positive", "negative"), of, strict=True):
        if len(rows) < fewest:
            return f"{counted(len(rows), f'{name} row')}, fewer than {fewest}: no fit"
    positives, negatives = of
    if probability.min() == probability.max():
        return "all probabilities are equal, so they have no slope"
    if positives.min() >= negatives.max() or negatives.min() >= positives.max():
        return "probabilities separate the classes completely, so the slope has no end"
    return ""


def _classes(positive: BoolArray) -> tuple[BoolArray, BoolArray]:
    return positive, ~positive
