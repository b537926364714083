"""Pending tasks cut into units."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from toystudies import SMALL_GRID

from gridrun.plan.cutting import LONGEST_SECONDS, _stop, cut_units


def cuts_of(study, seconds: float, workers: int):
    workspace = study.state()
    tables = workspace.tables
    ids = list(range(len(tables.contexts)))
    pending = list(workspace.pending([None] * len(ids), None))
    return list(cut_units(tables, pending, ids, [seconds] * len(ids), workers))


GRID = {
    **SMALL_GRID,
    "twin_check": ["on", "off"],
    "thinning": [1, 4],
    "row_share": [0.33, 0.66, 1.0],
}


@pytest.mark.parametrize(("seconds", "workers"), [(0.001, 1), (1.0, 2), (10.0, 16), (400.0, 2)])
def test_every_task_is_in_exactly_one_unit(toy_study, seconds, workers):
    """Whatever the lengths, nothing is lost and nothing is cut in twice."""
    study = toy_study(grid=GRID)
    cuts = cuts_of(study, seconds, workers)
    tasks = Counter((t.context, t.fold, t.code) for cut in cuts for t in cut.tasks)
    assert set(tasks.values()) == {1}
    assert len(tasks) == study.plan().pending
    assert [cut.number for cut in cuts] == list(range(1, len(cuts) + 1))


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_a_unit_is_one_block_and_fold_and_keeps_equal_samples_together(toy_study, workers):
    """What may share a result (same sample and method) is not spread over units."""
    study = toy_study(grid=GRID)
    pipeline = study.state().pipeline
    atom = (*pipeline.block, *pipeline.affinity, "smoothing")
    home = {}
    for cut in cuts_of(study, 1.0, workers):
        assert len({t.fold for t in cut.tasks}) == 1
        for task in cut.tasks:
            assert {n: task.values[n] for n in pipeline.block} == cut.block
            key = (task.fold, *(task.values[n] for n in atom))
            assert home.setdefault(key, cut.number) == cut.number


def test_units_are_bounded_and_become_shorter(toy_study):
    """No unit is longer than the bound; the last ones are short, so that workers end together."""
    study = toy_study(grid=GRID)
    cuts = cuts_of(study, 20.0, 2)
    assert max(cut.seconds for cut in cuts) <= LONGEST_SECONDS
    lengths = [cut.seconds for cut in cuts]
    assert np.mean(lengths[:3]) > np.mean(lengths[-3:])


def test_an_atom_longer_than_a_unit_is_divided():
    """One task may be longer than the bound; it is a unit of its own."""
    sums = np.cumsum([10.0, 400.0, 10.0, 10.0])
    bounds = np.array([4])
    stops = [0]
    while stops[-1] < 4:
        done = stops[-1]
        before = float(sums[done - 1]) if done else 0.0
        stops.append(_stop(sums, bounds, done, before + 5, before + LONGEST_SECONDS, 5000))
    assert [b - a for a, b in itertools.pairwise(stops)] == [1, 1, 2]
