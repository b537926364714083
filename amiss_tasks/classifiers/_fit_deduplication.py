"""Fits of one table that give the same trees, so that one of them is enough.

Two things can be proved from a fit that is done. A limit on the depth that no
tree came near changed nothing. And where not one tree has a split although all
columns were offered, none has one under a larger ``gamma`` or with fewer
columns either: each such tree is the same root, so the gradients of the next
round are the same too.
"""

from __future__ import annotations

from collections.abc import Mapping

from amiss_tasks.classifiers._boosting import Setting


def order_of_fits(settings: list[Setting]) -> list[Setting]:
    """The settings, those that others may be the same as first."""
    return sorted(settings, key=lambda s: (-s.colsample_bytree, s.gamma, -s.max_depth, s.eta))


def same_fit(setting: Setting, depths: Mapping[Setting, int]) -> Setting | None:
    """A setting fitted before to the same rows whose trees are the same.

    Args:
        setting: The one to be fitted.
        depths: For each that was fitted, the most splits from root to leaf in any
            tree of so many rounds.
    """
    for other, depth in depths.items():
        if other.eta != setting.eta or other.colsample_bytree < 1:
            continue
        if depth == 0 and other.gamma <= setting.gamma:
            return other
        depths_alike = depth <= min(other.max_depth, setting.max_depth)
        if depths_alike and (other.gamma, other.colsample_bytree) == (
            setting.gamma,
            setting.colsample_bytree,
        ):
            return other
    return None
