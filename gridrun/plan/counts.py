"""How often each stage runs, and what sharing saves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gridrun.pipeline import Stage, stage_parts, stage_prefix
from gridrun.plan.tasks import TaskTables


@dataclass(frozen=True)
class StageCount:
    """How often a stage runs for a selection.

    Args:
        stage: Its name.
        tasks: Distinct tasks of one fold, or in all where it does not run per fold.
        per_fold: Whether ``tasks`` is to be multiplied by the folds.
        unshared: Runs of one fold if nothing were shared: once per combination
            (and asked classifier).
        impossible: Tasks among ``tasks`` that are known to be impossible and
            are recorded as failed without running.
    """

    stage: str
    tasks: int
    per_fold: bool
    unshared: int
    impossible: int = 0


def stage_counts(tables: TaskTables) -> list[StageCount]:
    """Tasks of every stage for the selection of ``tables``."""
    counts = []
    for stage in tables.pipeline.stages:
        if stage.per_classifier:
            asked = [tables.is_asked(table) for table in tables.tables]
            run = [tables.is_run(table) for table in tables.tables]
            tasks = sum(int(mask.sum()) for mask in asked)
            impossible = tasks - sum(int(mask.sum()) for mask in run)
            unshared = sum(_asked_rows(tables, position) for position in range(len(asked)))
            counts.append(StageCount(stage.name, tasks, stage.per_fold, unshared, impossible))
            continue
        tasks = _distinct(tables, stage)
        counts.append(StageCount(stage.name, tasks, stage.per_fold, len(tables.indices)))
    return counts


def _distinct(tables: TaskTables, stage: Stage) -> int:
    """Distinct tasks of a stage that runs once for all classifiers."""
    grid, indices = tables.grid, tables.indices
    prefix = stage_prefix(tables.pipeline, stage)
    parts = stage_parts(tables.pipeline, stage, tables.settings)
    allowed = grid.allowed()
    # of a whole grid the number follows from the sizes, so millions of codes need not be made
    if len(indices) == len(grid):
        whole = math.prod(len(allowed[name]) for name in prefix)
        return whole * math.prod(
            len({part[value] for value in allowed[name]}) for name, part in parts.items()
        )
    columns = [tables.book.codes(grid, indices, prefix)]
    digits = np.unravel_index(indices, grid.sizes)
    for name, part in parts.items():
        labels = np.unique([part[value] for value in allowed[name]], return_inverse=True)[1]
        columns.append(labels[digits[grid.names.index(name)]])
    return len(np.unique(np.stack(columns), axis=1).T)


def _asked_rows(tables: TaskTables, position: int) -> int:
    """Combinations whose task of this classifier is asked for."""
    table = tables.tables[position]
    codes = tables.book.codes(tables.grid, tables.indices, table.reads)
    return int(tables.is_asked(table)[np.searchsorted(table.codes, codes)].sum())
