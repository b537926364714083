"""What parts that failed count as: the values of parts under each view of failures.

By the rules of ``gridrun.report.statistics.View``: the number of a group is not offered where a
part of it would need a value of the reference that there is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gridrun.report.page._known import BoolArray, FloatArray, IntArray, Known

SCORED, FALLBACK, WORST = "scored only", "fallback", "worst case"

SAID = {
    SCORED: "left out",
    FALLBACK: "the value of the reference",
    WORST: "the worst value that there is",
}
"""View to what a part that failed, or has no value of the metric, counts as."""

OTHERS = (FALLBACK, WORST)
"""Views in which such a part counts as something."""


@dataclass(frozen=True)
class Viewed:
    """Values of a study's parts under the views of failures.

    Args:
        known: The study; its final table is written.
    """

    known: Known

    def lacking(self, metric: str) -> BoolArray:
        """Parts that have an end and no number, shape ``(parts,)``."""
        parts = self.known.parts
        return np.isnan(parts.values[metric]) & (parts.is_done | parts.is_failed)

    def under(self, view: str, metric: str) -> tuple[FloatArray, BoolArray]:
        """Values of all parts, and which of them the view refuses, both of shape ``(parts,)``.

        Args:
            view: One of ``OTHERS``.
            metric: One that methods are compared by.
        """
        comparison, parts = self.known.comparison, self.known.parts
        assert comparison is not None
        lacking, values = self.lacking(metric), parts.values[metric]
        if view == WORST:
            worst = comparison.scores[metric].worst
            return np.where(lacking, worst, values), np.zeros_like(lacking)
        has_end = parts.is_done | parts.is_failed
        at = self._reference
        if at is None:  # nothing to fall back on
            return values, lacking
        is_there = at >= 0
        fallback = np.where(is_there, values[at], np.nan)
        return np.where(lacking, fallback, values), has_end & is_there & lacking[at]

    @cached_property
    def _reference(self) -> IntArray | None:
        """Position of the reference's part in the same cell and fold, -1 where none was asked for.

        None where the study has no such method.
        """
        known, comparison = self.known, self.known.comparison
        methods = [str(value) for value in known.grid[known.compared]]
        if comparison is None or comparison.reference not in methods:
            return None
        parts, names = known.parts, list(known.grid)
        after = names[names.index(known.compared) + 1 :]
        stride = int(np.prod([len(known.grid[name]) for name in after], dtype=np.int64))
        shift = methods.index(comparison.reference) - known.codes(parts.combination)[known.compared]
        own = self._key(parts.combination)
        wanted = self._key(parts.combination + shift * stride)
        order = np.argsort(own, kind="stable")
        place = np.minimum(np.searchsorted(own, wanted, sorter=order), len(own) - 1)
        found: IntArray = np.where(own[order[place]] == wanted, order[place], -1)
        return found

    def _key(self, combination: IntArray) -> IntArray:
        """A number for each part that tells it from all others."""
        parts = self.known.parts
        folds = int(parts.fold.max(initial=1)) + 1
        key: IntArray = (combination * len(self.known.classifiers) + parts.classifier) * folds
        return key + parts.fold
