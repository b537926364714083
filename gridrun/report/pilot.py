"""The pilot of a study: a few combinations of each method on one fold, to time what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gridrun.errors import UserError
from gridrun.plan.pilot import PilotCell, pilot_cells
from gridrun.plan.selection import RANDOM
from gridrun.study.state import StudyState


@dataclass(frozen=True)
class Pilot:
    """What a pilot runs.

    Args:
        cells: Its combinations, by method in the order of the grid.
        request: Options of the run that runs them, as keywords.
    """

    cells: tuple[PilotCell, ...]
    request: dict[str, Any]


def pilot_of(study_state: StudyState) -> Pilot:
    """The pilot of a selection.

    Args:
        study_state: The study and the request.

    Raises:
        UserError: Nothing of the selection is to be run.
    """
    cells = tuple(pilot_cells(study_state.tables, study_state.costs))
    if not cells:
        raise UserError(
            "no task of the selection is to be run, so there is nothing to time",
            todo="`gridrun plan` says why",
        )
    numbers = sorted({cell.index + 1 for cell in cells})
    request: dict[str, Any] = {
        "combinations": numbers,
        "rows": study_state.request.rows,
        "folds": 1,
    }
    if study_state.study.sample is not None or study_state.study.sample_blocks is not None:
        # else the study's own sample would be drawn of them
        request |= {"sample": len(numbers), "design": RANDOM, "blocks": False}
    return Pilot(cells, request)
