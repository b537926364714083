"""``results/main_effects.csv`` and ``interactions.csv``: which parameter of the grid matters."""

from __future__ import annotations

from pathlib import Path

from gridrun.report.comparison import comparison_of
from gridrun.report.tables._frame import Compared, write_frame
from gridrun.store.paths import StudyPaths
from gridrun.study.state import StudyState

_NUMBERS = ("n", "folds", "effect", "lower", "upper", "range", "sizes", "note")

MAIN_COLUMNS = ("metric", "parameter", "value", *_NUMBERS)
"""Columns of the main effects."""

PAIR_COLUMNS = ("metric", "parameter", "value", "parameter_2", "value_2", *_NUMBERS)
"""Columns of the interactions."""


def effect_files(study_state: StudyState) -> dict[str, Path]:
    """Display name of each file to its path; none where the pipeline does not compare."""
    if comparison_of(study_state) is None:
        return {}
    paths: StudyPaths = study_state.study.paths
    return {"main effects": paths.main_effects_csv, "interactions": paths.interactions_csv}


def write_effects(compared: Compared) -> None:
    """Write both tables, of the leading metric; classifiers count as values of a parameter.

    Args:
        compared: The parts of the study.
    """
    from gridrun.report.statistics import Design, interactions, main_effects

    known, metric = compared.known, compared.comparison.metric
    sizes, frame = compared.sizes, compared.frame
    ratios = (frame["test_rows"] / frame["training_rows"]).dropna()
    ratio = float(ratios.mean()) if len(ratios) else sizes.ratio
    design = Design((*known.grid, "classifier"), metric, ratio)
    paths = known.study_state.study.paths
    for file, names, table in (
        (paths.main_effects_csv, MAIN_COLUMNS, main_effects(frame, design)),
        (paths.interactions_csv, PAIR_COLUMNS, interactions(frame, design)),
    ):
        write_frame(file, names, table.assign(metric=metric, sizes=sizes.source))
