"""How long tasks will take: the pipeline's costs, scaled by what finished tasks took. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np

from gridrun.pipeline import Value
from gridrun.pipeline.costs import CostModel
from gridrun.plan.task_encoding import IntArray
from gridrun.plan.tasks import Pending, TaskTables

SHARED = ""
"""Stands for a classifier where seconds are of what classifiers share."""

TABLE_FACTOR = 2.0
"""How far off, either way, times may be that rest on a pipeline's table alone."""

GUESS_FACTOR = 10.0
"""The same of a pipeline without a table."""

_LEAST_FACTOR = 1.1
_SPREAD_OF_ONE = 0.5
"""Relative standard deviation that is assumed where a single task was measured."""

Group = tuple[str, str]
"""Method, and a classifier or ``SHARED``."""


@dataclass
class Observed:
    """What finished tasks of a method and classifier took, beside what was expected of them.

    Args:
        count: Number of tasks, or of shared results that were made.
        seconds: Sum of what they took.
        expected: Sum of their costs.
        cells: Of tasks of equal cost: how many, cost of each, what they took, its squares.
    """

    count: int = 0
    seconds: float = 0.0
    expected: float = 0.0
    cells: list[tuple[int, float, float, float | None]] = field(default_factory=list)

    def add(self, count: int, cost: float, seconds: float, squares: float | None = None) -> None:
        """Count tasks of equal cost.

        Args:
            count: How many.
            cost: Expected seconds of each.
            seconds: Sum of what they took.
            squares: Sum of the squares of that, None where it is not known.
        """
        self.count += count
        self.seconds += seconds
        self.expected += count * cost
        self.cells.append((count, cost, seconds, squares))

    @property
    def mean(self) -> float:
        """Seconds of each."""
        return self.seconds / self.count if self.count else math.nan

    @property
    def scale(self) -> float:
        """What they took, divided by what was expected."""
        return self.seconds / self.expected if self.expected > 0 else 1.0

    def predicted(self, cost: float) -> float:
        """Seconds of something else that is expected to take ``cost``."""
        return cost * self.scale if self.expected > 0 else self.mean

    @property
    def factor(self) -> float:
        """How far off, either way, the mean of others may be: two standard errors."""
        if self.count < 2 or not self.seconds:  # noqa: PLR2004 - no spread of one
            spread = _SPREAD_OF_ONE**2
        else:
            spread = max(self._deviations(), 0.0) / (self.count - 1)
        found = 1 + 2 * math.sqrt(spread / max(self.count, 1))
        return min(max(found, _LEAST_FACTOR), TABLE_FACTOR)

    def _deviations(self) -> float:
        """Sum of squared relative deviations from ``scale`` times the cost."""
        total, mean = 0.0, self.mean
        for count, cost, seconds, squares in self.cells:
            wanted = self.scale * cost
            known = squares if squares is not None else seconds**2 / count
            total += known - 2 * wanted * seconds + count * wanted**2
        return total / mean**2


@dataclass(frozen=True)
class TimeEstimate:
    """How long some tasks will take on one core.

    Args:
        seconds: Best estimate.
        low: Lower end of what is likely.
        high: Upper end.
        measured: Share of ``seconds`` that rests on finished tasks of the same methods.
        observed: Number of finished tasks that were looked at.
        scale: What these took, divided by what was expected of them; 1 without any.
        is_table: Whether the rest is from a table of measured costs, rather than a guess.
        assumes: What is assumed of what is not known yet, as clauses.
    """

    seconds: float
    low: float
    high: float
    measured: float
    observed: int = 0
    scale: float = 1.0
    is_table: bool = True
    assumes: tuple[str, ...] = ()


class Costs:
    """Costs of the tasks of a selection.

    Args:
        tables: Its tasks.
        model: The pipeline's costs.
    """

    def __init__(self, tables: TaskTables, model: CostModel) -> None:
        self._tables = tables
        self._model = model
        pipeline, mask = tables.pipeline, tables.book.mask
        shared = shared_reads(tables)
        self.mask = mask({*model.reads, pipeline.method_parameter})
        """Bits of a code that its cost, or its method, is known by."""
        self.shared_mask = self.mask & mask(shared)
        """The same of what classifiers share."""
        self.whole_mask = mask(shared)
        """Bits of all parameters that what classifiers share depends on."""
        self._of_method = mask((pipeline.method_parameter,))
        self.method_mask = self.whole_mask & self._of_method
        self._methods: dict[int, str] = {}
        self._known: dict[tuple[str, int], float] = {}

    def of(self, classifier: str, code: int) -> float:
        """Seconds of a task without what it shares, or of that for ``SHARED``."""
        key = (classifier, code & (self.mask if classifier else self.shared_mask))
        if key not in self._known:
            name = classifier or self._tables.classifiers[0]
            cost = self._model.cost(name, self._values(classifier, key[1]))
            self._known[key] = cost.own if classifier else cost.shared
        return self._known[key]

    def group(self, classifier: str, code: int) -> Group:
        """Method and classifier of a task."""
        key = code & self._of_method
        if not key:
            return "", classifier  # no stage that is shared reads the method
        if key not in self._methods:
            name = self._tables.pipeline.method_parameter
            self._methods[key] = str(self._tables.book.values(key, (name,))[name])
        return self._methods[key], classifier

    def work(self, pending: Iterable[Pending]) -> Iterator[tuple[str, int, int]]:
        """What is to be computed: classifier or ``SHARED``, masked code, how often."""
        counts: dict[tuple[str, int], int] = {}
        for fold, times in _alike(pending):
            for classifier, code, count in self._of_fold(fold):
                counts[classifier, code] = counts.get((classifier, code), 0) + count * times
        for (classifier, code), count in counts.items():
            yield classifier, code, count

    def _of_fold(self, fold: Pending) -> Iterator[tuple[str, int, int]]:
        names = self._tables.pipeline.classifiers
        for number in np.unique(fold.classifiers):
            codes = fold.codes[fold.classifiers == number] & self.mask
            for code, count in _counted(codes):
                yield names[int(number)], code, count
        made = np.unique(fold.codes & self.whole_mask) & self.shared_mask
        for code, count in _counted(made):
            yield SHARED, code, count

    @cache  # noqa: B019 - lives as long as the object, which is short
    def _reads(self, classifier: str) -> tuple[str, ...]:
        pipeline = self._tables.pipeline
        reads = pipeline.classifier_reads(classifier) if classifier else shared_reads(self._tables)
        return tuple(name for name in self._model.reads if name in reads)

    def _values(self, classifier: str, code: int) -> Mapping[str, Value]:
        return self._tables.book.values(code, self._reads(classifier))

    @cached_property
    def is_table(self) -> bool:
        """Whether they rest on measured times."""
        return self._model.is_measured

    @property
    def assumes(self) -> tuple[str, ...]:
        """What is assumed of what is not known yet."""
        return tuple(self._model.assumes)


def _alike(pending: Iterable[Pending]) -> Iterator[tuple[Pending, int]]:
    """A fold of each stretch with the same tasks, and its folds: those of a new study all have."""
    fold: Pending | None = None
    times = 0
    for one in pending:
        if fold is not None and np.array_equal(fold.codes, one.codes):
            times += 1
            continue
        if fold is not None:
            yield fold, times
        fold, times = one, 1
    if fold is not None:
        yield fold, times


def _counted(codes: IntArray) -> Iterator[tuple[int, int]]:
    """Each code and how often it is there."""
    different, counts = np.unique(codes, return_counts=True)
    return zip(different.tolist(), counts.tolist(), strict=True)


def shared_reads(tables: TaskTables) -> tuple[str, ...]:
    """Parameters that the stages read whose results classifiers share."""
    names: dict[str, None] = {}
    for stage in tables.pipeline.stages:
        if stage.per_classifier:
            break
        names.update(dict.fromkeys(stage.reads))
    return tuple(names)


def estimate(
    costs: Costs, pending: Sequence[Pending], observed: Mapping[Group, Observed]
) -> TimeEstimate:
    """How long tasks will take, by their costs and by what others took.

    The costs of a method and classifier are multiplied by what its finished tasks took, divided by
    what was expected of them; those of others by the same ratio of all finished tasks.

    Args:
        costs: Of the selection.
        pending: The tasks.
        observed: Finished tasks by method and classifier.
    """
    expected = sum(one.expected for one in observed.values())
    overall = sum(one.seconds for one in observed.values()) / expected if expected > 0 else 1.0
    rough = TABLE_FACTOR if costs.is_table else GUESS_FACTOR
    seconds = low = high = measured = 0.0
    for classifier, code, count in costs.work(pending):
        cost, known = costs.of(classifier, code), observed.get(costs.group(classifier, code))
        factor = known.factor if known else rough
        total = count * (known.predicted(cost) if known else cost * overall)
        seconds, low, high = seconds + total, low + total / factor, high + total * factor
        measured += total if known else 0.0
    return TimeEstimate(
        seconds,
        low,
        high,
        measured / seconds if seconds else 0.0,
        sum(one.count for (_, classifier), one in observed.items() if classifier != SHARED),
        overall,
        costs.is_table,
        costs.assumes,
    )
