"""Means of one method and classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from gridrun.pipeline import Value


@dataclass
class SummaryGroup:
    """Rows of one method and classifier, and of one value of each further parameter.

    Args:
        method: Value of the compared parameter.
        classifier: Which classifier.
        metrics: Columns that means are taken of.
        at: Values of the parameters by which the pipeline groups means.
        n: Parts (combination and fold) that are done.
        failed: Parts that failed.
        skipped: Parts not asked of this classifier.
        waiting: Parts not run yet.
        seconds: Mean wall seconds of a task, without what classifiers share; NaN when none ran.
        shared_seconds: Mean wall seconds of what they share, as imputed tables; made once.
        caveats: Column to what it says of the combinations among them that it concerns.
    """

    method: str
    classifier: str
    metrics: tuple[str, ...] = ()
    at: Mapping[str, Value] = field(default_factory=dict)
    n: int = 0
    failed: int = 0
    skipped: int = 0
    waiting: int = 0
    seconds: float = math.nan
    shared_seconds: float = math.nan
    caveats: dict[str, str] = field(default_factory=dict)
    _sums: dict[str, float] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def warn(self, caveats: Mapping[str, str]) -> None:
        """Take what the columns of caveats say of a part, unless they say nothing of it."""
        for column, cell in caveats.items():
            self.caveats[column] = cell or self.caveats.get(column, "")

    def sum_of(self, metric: str) -> float:
        """Sum over the parts where the metric is a number, so far."""
        return self._sums.get(metric, 0.0)

    def add(self, metric: str, total: float, count: int) -> None:
        """Take further parts where the metric is a number.

        Args:
            metric: Its column.
            total: Sum over all parts so far, and these.
            count: How many these are.
        """
        self._sums[metric] = total
        self._counts[metric] = self._counts.get(metric, 0) + count

    def mean(self, metric: str) -> float:
        """Mean over the parts where the metric is a number; NaN when there is none."""
        count = self._counts.get(metric, 0)
        return self._sums[metric] / count if count else math.nan

    def undefined(self, metric: str) -> int:
        """Done parts where the metric is NA or NaN."""
        return self.n - self._counts.get(metric, 0)
