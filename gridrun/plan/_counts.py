"""How often each stage runs, and what sharing saves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridrun.pipeline import stage_prefix
from gridrun.plan._tasks import TaskTables


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
    book, grid, indices = tables.book, tables.grid, tables.indices
    complete = len(indices) == len(grid)
    for stage in tables.pipeline.stages:
        prefix = stage_prefix(tables.pipeline, stage)
        if stage.per_classifier:
            asked = [tables.is_asked(table) for table in tables.tables]
            run = [tables.is_run(table) for table in tables.tables]
            tasks = sum(int(mask.sum()) for mask in asked)
            impossible = tasks - sum(int(mask.sum()) for mask in run)
            unshared = sum(_asked_rows(tables, position) for position in range(len(asked)))
            counts.append(StageCount(stage.name, tasks, stage.per_fold, unshared, impossible))
            continue
        if complete:
            sizes = dict(zip(grid.names, grid.sizes, strict=True))
            tasks = int(np.prod([sizes[name] for name in prefix], dtype=object)) if prefix else 1
        else:
            tasks = len(np.unique(book.codes(grid, indices, prefix))) if prefix else 1
        counts.append(StageCount(stage.name, tasks, stage.per_fold, len(indices)))
    return counts


def _asked_rows(tables: TaskTables, position: int) -> int:
    """Combinations whose task of this classifier is asked for."""
    table = tables.tables[position]
    codes = tables.book.codes(tables.grid, tables.indices, table.reads)
    return int(tables.is_asked(table)[np.searchsorted(table.codes, codes)].sum())
