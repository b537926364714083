"""Cutting pending tasks into units: subtrees of the prefix tree, minutes long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridrun.pipeline import TaskSpec, Value
from gridrun.plan.task_encoding import IntArray
from gridrun.plan.tasks import Pending, TaskTables, values_of

LONGEST_SECONDS = 300.0
"""Units are cut at about this length, so that a lost one costs little."""

_SHORTEST_SECONDS = 2.0

_PARTS_PER_WORKER = 4
"""A unit is at most this part of a worker's share of what is left: long units first, short
ones last, so that workers end together (guided self-scheduling, Polychronopoulos 1987)."""

_MOST_TASKS = 5000

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class UnitPlan:
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
    *,
    most_tasks: int | None = None,
) -> Iterator[UnitPlan]:
    """Cut pending tasks into units, lazily, block by block and fold by fold.

    Tasks of one method on one drawn sample stay together: they may turn out to
    share a prepared data set, or a whole result. Only what alone is longer than
    a unit may be is divided.

    Args:
        tables: The selection's tasks.
        pending: What is left of each fold.
        context_ids: The ledger's number of each context.
        seconds: Estimated seconds of a task of each context.
        workers: How many units run at once.
        most_tasks: Most tasks of a unit; None for thousands.
    """
    most = min(most_tasks or _MOST_TASKS, _MOST_TASKS)
    per_context = np.asarray(seconds, np.float64)
    left = sum(float(per_context[fold.contexts].sum()) for fold in pending)
    keys = [fold.codes & tables.block_mask for fold in pending]
    number = 0
    for block in np.unique(np.concatenate(keys)):
        for fold, blocks in zip(pending, keys, strict=True):
            # pending tasks are sorted by block first, so those of a block are one stretch of each
            # fold; the next block's key is at least ``block + 1``
            start, end = map(int, np.searchsorted(blocks, [block, block + 1]))
            sums = np.cumsum(per_context[fold.contexts[start:end]])
            atoms = fold.codes[start:end] & tables.atom_mask
            bounds = np.append(np.flatnonzero(np.diff(atoms)) + 1, end - start)
            done = 0
            while start + done < end:
                before = float(sums[done - 1]) if done else 0.0
                # the share shrinks with what is left: large units at first, for little overhead,
                # small ones at the end, so that no worker waits long for the last of the others
                share = left / (workers * _PARTS_PER_WORKER)
                longest = min(LONGEST_SECONDS, max(_SHORTEST_SECONDS, share))
                stop = _stop(sums, bounds, done, before + longest, before + LONGEST_SECONDS, most)
                number += 1
                length = float(sums[stop - 1]) - before
                left -= length
                rows = range(start + done, start + stop)
                tasks = tuple(_spec(tables, fold, row, context_ids) for row in rows)
                values = {name: tasks[0].values[name] for name in tables.pipeline.block}
                yield UnitPlan(number, values, tasks, length)
                done = stop


def _stop(  # noqa: PLR0917 - the loop's state, private to it
    sums: FloatArray, bounds: IntArray, done: int, wanted: float, most: float, most_tasks: int
) -> int:
    """Where a unit that begins at ``done`` ends.

    Args:
        sums: Running sum of the tasks' seconds.
        bounds: Where atoms end, ascending.
        done: Tasks before the unit.
        wanted: Sum of seconds at which it should end, at the bound of an atom.
        most: Sum of seconds at which it is ended inside an atom.
        most_tasks: Number of tasks at which it is ended inside an atom.
    """
    first = int(np.searchsorted(bounds, done, "right"))
    fits = int(np.searchsorted(sums, wanted, "right"))
    last = int(np.searchsorted(bounds, min(fits, done + most_tasks), "right")) - 1
    # whole atoms as far as they fit, and the first one even if it does not: in two units its
    # tasks would compute twice what they share
    stop = int(bounds[max(first, last)])
    # only an atom longer than a unit may be is cut inside, after one task at least
    if sums[stop - 1] > most or stop - done > most_tasks:
        within = int(np.searchsorted(sums, most, "right"))
        stop = min(stop, max(within, done + 1), done + most_tasks)
    return stop


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
