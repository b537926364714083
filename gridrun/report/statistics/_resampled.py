"""The mean of differences over folds that overlap: its error, interval and posterior.

Folds that are drawn again and again from the same rows share most of them, so that their
differences are correlated, and the usual standard error of a mean is too small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from gridrun.report.statistics._scores import BoolArray, FloatArray, IntArray

FEWEST = 2
"""Folds below which there is no spread, and so no interval."""

_ROUNDING = 1e-12
"""A spread below this share of the values is one of rounding: the differences are equal."""


@dataclass(frozen=True)
class FoldMeans:
    """Means over folds with what intervals need; all arrays have one shape.

    Args:
        mean: NaN without a fold.
        error: Standard error of the mean by the corrected variance; NaN where there is no spread.
        folds: Folds that have a difference.
        equal: Whether all differences are equal, so that their spread says nothing.
        factor: Variance of the mean / variance between folds.
    """

    mean: FloatArray
    error: FloatArray
    folds: IntArray
    equal: BoolArray
    factor: FloatArray

    def interval(self, confidence: float) -> tuple[FloatArray, FloatArray]:
        """Corrected resampled t interval (Nadeau and Bengio 2003), NaN without a spread.

        Args:
            confidence: For example 0.95.
        """
        with np.errstate(invalid="ignore"):
            width = stats.t.ppf((1 + confidence) / 2, self._degrees) * self.error
        return self.mean - width, self.mean + width

    def p_values(self) -> FloatArray:
        """Two-sided p value of the mean being 0, by the corrected resampled t test."""
        with np.errstate(invalid="ignore", divide="ignore"):
            p: FloatArray = 2 * stats.t.sf(np.abs(self.mean / self.error), self._degrees)
        return p

    def posterior(self, equivalence: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Bayesian correlated t test: probabilities of less, of as good as equal, and of more.

        The posterior of the mean difference is a Student t with folds - 1 degrees of freedom,
        centred at the mean and scaled by the corrected standard error (Benavoli, Corani, Demsar
        and Zaffalon 2017, Time for a change, JMLR 18(77), section 4.1), here with the
        correlation that each fold's sizes give.

        Args:
            equivalence: Half the width of the region of practical equivalence.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            less = stats.t.cdf((-equivalence - self.mean) / self.error, self._degrees)
            more = stats.t.sf((equivalence - self.mean) / self.error, self._degrees)
        return less, 1 - less - more, more

    @property
    def _degrees(self) -> FloatArray:
        return np.where(self.folds >= FEWEST, self.folds - 1, np.nan)


def variance_factor(ratio: FloatArray) -> FloatArray:
    """By what the variance between folds is multiplied to get that of their mean.

    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52:239-281,
    give 1/J + n_test/n_train for J folds of equal sizes. This follows from a correlation of
    r = n_test / (n_test + n_train) between folds: the mean of J differences with equal variance
    s2 has the variance s2 (1 + (J-1) r) / J, and the variance between them has the expectation
    s2 (1 - r). Folds of unequal sizes get r_jk = sqrt(r_j r_k), that of a single common factor;
    both formulas hold with the mean of r_jk over all pairs of folds in place of r, so that the
    factor is 1/J + r/(1 - r), and Nadeau and Bengio's for equal sizes.

    Args:
        ratio: Test rows / training rows, shape (..., folds), NaN for folds that are not there.

    Returns:
        Shape (...,), NaN below two folds.
    """
    root = np.sqrt(ratio / (1 + ratio))
    folds = np.isfinite(root).sum(axis=-1)
    pairs = np.nansum(root, axis=-1) ** 2 - np.nansum(root**2, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = pairs / (folds * (folds - 1))
        factor: FloatArray = 1 / folds + correlation / (1 - correlation)
    return np.where(folds >= FEWEST, factor, np.nan)


def over_folds(differences: FloatArray, ratio: FloatArray) -> FoldMeans:
    """Means over the last axis, with the corrected standard error.

    Args:
        differences: Shape (..., folds), NaN where a fold has none.
        ratio: Test rows / training rows of each fold, of the same shape or one that broadcasts.
    """
    is_there = np.isfinite(differences)
    folds = is_there.sum(axis=-1)
    known = np.where(is_there, differences, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = known.sum(axis=-1) / folds
        off = np.where(is_there, differences - mean[..., np.newaxis], 0.0)
        spread = np.sqrt((off**2).sum(axis=-1) / (folds - 1))
    size = np.abs(known).max(axis=-1, initial=0.0)
    equal = (folds >= FEWEST) & (spread <= _ROUNDING * np.maximum(size, 1e-300))
    factor = variance_factor(np.where(is_there, ratio, np.nan))
    has_spread = (folds >= FEWEST) & ~equal
    error = np.where(has_spread, spread * np.sqrt(factor), np.nan)
    return FoldMeans(mean, error, folds, equal, factor)
