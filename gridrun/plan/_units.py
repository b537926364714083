"""Cutting pending tasks into units: subtrees of the prefix tree, minutes long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gridrun.codes import IntArray
from gridrun.pipeline import TaskSpec, Value
from gridrun.plan._tasks import Pending, TaskTables, values_of

LONGEST_SECONDS = 300.0
"""Units are cut at about this length, so that a lost one costs little."""

_UNITS_PER_WORKER = 6
"""Units are also kept short enough that every worker gets several, for balance."""

_SHORTEST_SECONDS = 2.0
_MOST_TASKS = 5000


@dataclass(frozen=True)
class Cut:
    """Tasks of one unit, before the block's artifact is known.

    Args:
        number: Counted from 1 in the order of the plan.
        block: Values of the block's parameters.
        tasks: In the order that shares most.
        seconds: Estimated.
    """

    number: int
    block: Mapping[str, Value]
    tasks: tuple[TaskSpec, ...]
    seconds: float


def cut_units(
    tables: TaskTables,
    pending: Sequence[Pending],
    context_ids: Sequence[int],
    seconds: IntArray | Sequence[float],
    workers: int,
) -> Iterator[Cut]:
    """Cut pending tasks into units, lazily, block by block and fold by fold.

    Tasks that share a prepared data set, or may turn out to, stay together;
    a group is only divided when it alone is longer than a unit may be.

    Args:
        tables: The selection's tasks.
        pending: What is left of each fold.
        context_ids: The ledger's number of each context.
        seconds: Estimated seconds of a task of each context.
        workers: How many units run at once.
    """
    per_context = np.asarray(seconds, np.float64)
    total = sum(float(per_context[fold.contexts].sum()) for fold in pending)
    share = total / max(1, workers * _UNITS_PER_WORKER)
    target = min(LONGEST_SECONDS, max(_SHORTEST_SECONDS, share))
    blocks = np.unique(np.concatenate([fold.codes & tables.block_mask for fold in pending]))
    number = 0
    for block in blocks:
        for fold in pending:
            keys = fold.codes & tables.block_mask
            low, high = np.searchsorted(keys, [block, block + 1])
            for start, end in _pieces(
                fold.codes[low:high] & tables.group_mask,
                per_context[fold.contexts[low:high]],
                target,
            ):
                number += 1
                chosen = range(low + start, low + end)
                tasks = tuple(_spec(tables, fold, row, context_ids) for row in chosen)
                values = {name: tasks[0].values[name] for name in tables.pipeline.block}
                length = float(per_context[fold.contexts[chosen.start : chosen.stop]].sum())
                yield Cut(number, values, tasks, length)


def _pieces(groups: IntArray, seconds: np.ndarray, target: float) -> Iterator[tuple[int, int]]:
    """Bounds of consecutive pieces of about ``target`` seconds, at group bounds if they fit."""
    if not len(groups):
        return
    bounds = [*np.flatnonzero(np.diff(groups)) + 1, len(groups)]
    start, group_start = 0, 0
    sums = np.concatenate([[0.0], np.cumsum(seconds)])
    for bound in map(int, bounds):
        if bound - start > _MOST_TASKS or sums[bound] - sums[start] > target:
            if group_start > start:
                yield start, group_start
                start = group_start
            while bound - start > _MOST_TASKS or sums[bound] - sums[start] > LONGEST_SECONDS:
                cut = int(np.searchsorted(sums, sums[start] + LONGEST_SECONDS, "right")) - 1
                cut = min(max(cut, start + 1), start + _MOST_TASKS, bound)
                if cut == bound:
                    break
                yield start, cut
                start = cut
        group_start = bound
    if start < len(groups):
        yield start, len(groups)


def _spec(tables: TaskTables, fold: Pending, row: int, context_ids: Sequence[int]) -> TaskSpec:
    classifier = tables.pipeline.classifiers[int(fold.classifiers[row])]
    code = int(fold.codes[row])
    return TaskSpec(
        context=context_ids[int(fold.contexts[row])],
        code=code,
        fold=fold.fold,
        classifier=classifier,
        values=values_of(tables, classifier, code),
    )
