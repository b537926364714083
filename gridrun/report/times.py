"""How long what is left of a study will take, from its ledger and its pipeline's costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridrun.plan.tasks import Pending, TaskTables
from gridrun.plan.times import SHARED, Costs, Group, Observed, TimeEstimate, estimate
from gridrun.study.state import StudyState


def costs_of(study_state: StudyState) -> Costs:
    """Costs of the selection's tasks."""
    return Costs(study_state.tables, study_state.costs)


def observed_of(
    study_state: StudyState, costs: Costs, known: Sequence[int | None]
) -> dict[Group, Observed]:
    """What finished tasks took, by method and classifier; of what is still valid.

    Args:
        study_state: The study and the request.
        costs: Of its tasks.
        known: The ledger's number of each context.
    """
    found: dict[Group, Observed] = {}
    if study_state.view is None:
        return found
    timings = study_state.view.timings()
    classifiers = {
        ident: context.classifier
        for ident, context in zip(known, study_state.tables.contexts, strict=True)
        if ident is not None
    }
    for one in timings.by_code(costs.mask, list(classifiers)):
        name = classifiers[one.context]
        group = found.setdefault(costs.group(name, one.code), Observed())
        group.add(one.tasks, costs.of(name, one.code), one.own, one.own_squares)
    shared = timings.shared_by_code(costs.shared_mask, costs.whole_mask, list(classifiers))
    for code, needed, _, seconds in shared:
        group = found.setdefault(costs.group(SHARED, code), Observed())
        group.add(needed, costs.of(SHARED, code), seconds)
    return found


def time_of(
    study_state: StudyState, known: Sequence[int | None], pending: Sequence[Pending]
) -> TimeEstimate:
    """How long tasks will take.

    Args:
        study_state: The study and the request.
        known: The ledger's number of each context.
        pending: The tasks.
    """
    costs = costs_of(study_state)
    return estimate(costs, pending, observed_of(study_state, costs, known))


def shared_seconds(
    study_state: StudyState, costs: Costs, known: Sequence[int | None]
) -> dict[str, float]:
    """Method to the mean seconds of what its classifiers share, of each that was made.

    Args:
        study_state: The study and the request.
        costs: Of its tasks.
        known: The ledger's number of each context.
    """
    if study_state.view is None:
        return {}
    contexts = [ident for ident in known if ident is not None]
    timings = study_state.view.timings()
    return {
        costs.group(SHARED, code)[0]: seconds / made
        for code, _, made, seconds in timings.shared_by_code(
            costs.method_mask, costs.whole_mask, contexts
        )
    }


@dataclass(frozen=True)
class GridCost:
    """What a whole study asks for, before anything is known of it.

    Args:
        combinations: Of its grid, or of what it draws of that.
        folds: Folds of each.
        tasks: Tasks of all folds.
        time: How long they take on one core.
    """

    combinations: int
    folds: int
    tasks: int
    time: TimeEstimate


def grid_cost(study_state: StudyState) -> GridCost:
    """What a study costs by its pipeline's costs alone; its inputs need not be there.

    Args:
        study_state: The study and the request.
    """
    tables = TaskTables(
        study_state.pipeline,
        study_state.settings,
        grid=study_state.study.grid,
        indices=study_state.selection.indices(),
        classifiers=study_state.study.classifiers,
        book=study_state.book,
        inputs={},
        fingerprints=False,
    )
    none = np.zeros(0, np.int64)
    fold = tables.pending(1, [None] * len(tables.contexts), lambda *_: (none, none))
    return GridCost(
        len(study_state.selection),
        study_state.folds,
        len(tables) * study_state.folds,
        estimate(Costs(tables, study_state.costs), [fold] * study_state.folds, {}),
    )
