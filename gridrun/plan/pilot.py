"""Which combinations tell most of the time that a study takes: a few of each method. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gridrun.pipeline import Value
from gridrun.pipeline.costs import CostModel
from gridrun.plan.tasks import TaskTables
from gridrun.plan.units import State

CHEAPEST, DEAREST, FRAGILE = "cheapest", "dearest", "most fragile"


@dataclass(frozen=True)
class PilotCell:
    """A combination that a pilot runs.

    Args:
        method: Value of the compared parameter.
        why: What it is among the combinations of its method: cheapest, dearest, most fragile.
        index: Of the combination, counted from 0.
        seconds: Expected of all its tasks of one fold, on one core.
    """

    method: str
    why: tuple[str, ...]
    index: int
    seconds: float


def pilot_cells(tables: TaskTables, model: CostModel) -> list[PilotCell]:
    """The cheapest, the dearest and the most fragile combination of each method.

    The first in grid order of those that are equally so; one that is both is named once.

    Args:
        tables: Tasks of the selection.
        model: The pipeline's costs.
    """
    name = tables.pipeline.method_parameter
    found: dict[Value, list[tuple[float, float, int]]] = {}
    for index, values, seconds in _distinct(tables, model):
        found.setdefault(values[name], []).append((seconds, model.fragility(values), index))
    cells = []
    for method in tables.grid.allowed()[name]:
        these = found.get(method, [])
        if not these:
            continue
        chosen: dict[int, list[str]] = {}
        chosen.setdefault(min(these)[2], []).append(CHEAPEST)
        chosen.setdefault(max(these, key=lambda one: one[0])[2], []).append(DEAREST)
        if len({fragility for _, fragility, _ in these}) > 1:
            chosen.setdefault(max(these, key=lambda one: one[1])[2], []).append(FRAGILE)
        seconds_of = {index: seconds for seconds, _, index in these}
        cells += [
            PilotCell(str(method), tuple(why), index, seconds_of[index])
            for index, why in chosen.items()
        ]
    return cells


def _distinct(
    tables: TaskTables, model: CostModel
) -> Iterator[tuple[int, dict[str, Value], float]]:
    """The first combination of each cost, its values and seconds; none of which nothing is run."""
    pipeline, book = tables.pipeline, tables.book
    decisive = {*model.reads, *pipeline.disposition_reads, pipeline.method_parameter}
    names = [name for name in tables.grid.names if name in decisive]
    codes = book.codes(tables.grid, tables.indices, names)
    for at in np.unique(codes, return_index=True)[1].tolist():
        index = int(tables.indices[at])
        values = tables.grid.combination(index)
        own, shared = 0.0, 0.0
        for classifier in tables.classifiers:
            reads = pipeline.classifier_reads(classifier)
            disposition = tables.disposition_of(classifier, book.code(values, reads))
            if tables.dispositions[disposition].state == State.WAITING:
                cost = model.cost(classifier, values)
                own, shared = own + cost.own, cost.shared
        if own + shared > 0:
            yield index, values, own + shared
