"""Means of one method and classifier, added up part by part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from gridrun.pipeline import Value
from gridrun.plan.units import State
from gridrun.report.rows import Part, is_finite


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

    def add(self, part: Part) -> None:
        """Count a part."""
        match part.state:
            case State.DONE:
                self.n += 1
                for metric in self.metrics:
                    # test tables of one fold are averaged first, so each fold counts once
                    values = [row[metric] for row in part.rows if is_finite(row.get(metric))]
                    if values:
                        self._sums[metric] = self._sums.get(metric, 0.0) + math.fsum(values) / len(
                            values
                        )
                        self._counts[metric] = self._counts.get(metric, 0) + 1
            case State.FAILED:
                self.failed += 1
            case State.SKIPPED:
                self.skipped += 1
            case _:
                self.waiting += 1

    def warn(self, caveats: Mapping[str, str]) -> None:
        """Take what the columns of caveats say of a part, unless they say nothing of it."""
        for column, cell in caveats.items():
            self.caveats[column] = cell or self.caveats.get(column, "")

    def mean(self, metric: str) -> float:
        """Mean over the parts where the metric is a number; NaN when there is none."""
        count = self._counts.get(metric, 0)
        return self._sums[metric] / count if count else math.nan

    def undefined(self, metric: str) -> int:
        """Done parts where the metric is NA or NaN."""
        return self.n - self._counts.get(metric, 0)
