"""Mean metrics by method and classifier: the table that a run prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridrun.errors import counted
from gridrun.pipeline import Value
from gridrun.report._same import what_is_the_same
from gridrun.report.batches import is_finite
from gridrun.report.summary_group import SummaryGroup


@dataclass
class NullModelMean:
    """Means of a null model over blocks and folds.

    Args:
        name: Of the null model.
        n: Number of blocks and folds.
        sums: Headline column to its sum over those where it is a number, and how many they are.
        at: Values of the parameters of a block by which means of methods are grouped, if the study
            has several.
    """

    name: str
    n: int = 0
    sums: dict[str, list[float]] = field(default_factory=dict)
    at: dict[str, Value] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name, and what sets it apart from the same null model on other rows."""
        return f"{self.name} ({', '.join(map(str, self.at.values()))})" if self.at else self.name

    def is_on_rows_of(self, group: SummaryGroup) -> bool:
        """Whether it saw the rows that the group's means are of."""
        return all(group.at.get(name) == value for name, value in self.at.items())

    def add(self, row: Mapping[str, Any], metrics: Sequence[str]) -> None:
        """Count the row of a block and fold."""
        self.n += 1
        for metric in metrics:
            kept = self.sums.setdefault(metric, [0.0, 0])
            if is_finite(row[metric]):
                kept[0] += row[metric]
                kept[1] += 1

    def mean(self, metric: str) -> float:
        """Mean over the blocks and folds where the metric is a number; NaN when there is none."""
        total, count = self.sums.get(metric, (0.0, 0))
        return total / count if count else math.nan

    def undefined(self, metric: str) -> int:
        """Blocks and folds where the metric is NA or NaN."""
        return self.n - int(self.sums.get(metric, (0.0, 0))[1])


@dataclass(frozen=True)
class Summary:
    """What the tables of a selection say.

    Args:
        groups: By method, then classifier, in table order.
        reasons: (kind, reason) of failed parts, with how often.
        files: Table name to its path.
        combinations: Combinations of the selection.
        folds: Folds of each.
        protocol: How the comparison was made.
        method_parameter: The parameter that is compared.
        rows_note: Said when only a subset of the rows was used.
        input_warnings: Notes on the inputs that belong beside the numbers.
        damaged: Parts whose result in the ledger is damaged; they are waiting.
        rewritten: Files that were made anew as they were not what was written.
        null_models: What a majority of the training rows reaches, in the pipeline's order.
        unwritten: Files that would be other ones, and were left as they are or not made.
    """

    groups: tuple[SummaryGroup, ...]
    reasons: dict[tuple[str, str], int]
    files: dict[str, Path]
    combinations: int
    folds: int
    protocol: str
    method_parameter: str
    rows_note: str = ""
    input_warnings: tuple[str, ...] = ()
    damaged: int = 0
    rewritten: tuple[Path, ...] = ()
    null_models: tuple[NullModelMean, ...] = ()
    unwritten: tuple[Path, ...] = ()

    def _total(self, name: str) -> int:
        return sum(getattr(group, name) for group in self.groups)

    @property
    def done(self) -> int:
        """Parts that are done."""
        return self._total("n")

    @property
    def failed(self) -> int:
        """Parts that failed."""
        return self._total("failed")

    @property
    def skipped(self) -> int:
        """Parts not asked of their classifier."""
        return self._total("skipped")

    @property
    def waiting(self) -> int:
        """Parts not run yet."""
        return self._total("waiting")

    @property
    def warnings(self) -> list[str]:
        """What belongs beside the numbers: warnings on the inputs, and damage that was found."""
        said = [*self.input_warnings]
        said += [f"{path} was not what was written and was made anew" for path in self.rewritten]
        if self.damaged:
            are = "is" if self.damaged == 1 else "are"
            said.append(
                f"{counted(self.damaged, 'result')} in the ledger {are} damaged and left out; the "
                "next run computes them again"
            )
        if self.unwritten:
            said.append(
                f"no table was written: {counted(len(self.unwritten), 'file')} in results/ would "
                "be other ones, or are not there; `gridrun results` makes them anew"
            )
        return said

    @property
    def same(self) -> list[str]:
        """Sentences on parameters and methods that the means show twice, to the last digit."""
        return what_is_the_same(self.groups, self.method_parameter)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Columns that means are taken of."""
        return self.groups[0].metrics if self.groups else ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters beside the compared one by which the means are grouped."""
        return tuple(self.groups[0].at) if self.groups else ()

    def records(self) -> list[dict[str, Any]]:
        """The groups as plain data, one record each, keys as in ``summary.csv``."""
        return [
            {
                "protocol": self.protocol,
                "method": group.method,
                **group.at,
                "classifier": group.classifier,
                "n": group.n,
                "failed": group.failed,
                "skipped": group.skipped,
                "waiting": group.waiting,
                **{f"mean_{metric}": group.mean(metric) for metric in group.metrics},
                **{f"undefined_{metric}": group.undefined(metric) for metric in group.metrics},
                "seconds_per_task": group.seconds,
                "shared_seconds": group.shared_seconds,
                **group.caveats,
            }
            for group in self.groups
        ]

    def __repr__(self) -> str:
        import pandas as pd

        return pd.DataFrame(self.records()).to_string(index=False)

    def _repr_html_(self) -> str:
        """The groups as a table, for notebooks."""
        import pandas as pd

        table: str = pd.DataFrame(self.records()).to_html(index=False)
        return table

    @property
    def null_parts(self) -> int:
        """Test parts that every null model has been tried on; there is a null model."""
        first = self.null_models[0].name
        return sum(one.n for one in self.null_models if one.name == first)

    def null_records(self) -> list[dict[str, Any]]:
        """The null models as plain data, one record each, keys as those of ``records``."""
        return [
            {
                "null_model": one.name,
                **one.at,
                "n": one.n,
                **{f"mean_{metric}": one.mean(metric) for metric in one.sums},
                **{f"undefined_{metric}": one.undefined(metric) for metric in one.sums},
            }
            for one in self.null_models
        ]
