"""``results/main_effects.csv`` and ``interactions.csv``: which parameter of the grid matters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gridrun.errors import counted
from gridrun.report.comparison import comparison_of
from gridrun.report.tables._frame import Compared, write_frame
from gridrun.store.paths import StudyPaths
from gridrun.study.state import StudyState

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = ("n", "failed", "folds", "effect", "lower", "upper", "range", "sizes", "note")

MAIN_COLUMNS = ("metric", "failures", "parameter", "value", *_NUMBERS)
"""Columns of the main effects."""

PAIR_COLUMNS = ("metric", "failures", "parameter", "value", "parameter_2", "value_2", *_NUMBERS)
"""Columns of the interactions."""


def effect_files(study_state: StudyState) -> dict[str, Path]:
    """Display name of each file to its path; none where the pipeline does not compare."""
    if comparison_of(study_state) is None:
        return {}
    paths: StudyPaths = study_state.study.paths
    return {"main effects": paths.main_effects_csv, "interactions": paths.interactions_csv}


def write_effects(compared: Compared) -> None:
    """Write both tables, of the leading metric; classifiers count as values of a parameter.

    Failures count in two ways: as the reference's value, and not at all. The worst value that a
    metric has would make an effect of how often a method fails.

    Args:
        compared: The parts of the study.
    """
    import pandas as pd

    from gridrun.report.statistics import (
        Design,
        View,
        fallen_back,
        interactions,
        is_lacking,
        main_effects,
    )

    known, metric = compared.known, compared.comparison.metric
    sizes, frame = compared.sizes, compared.frame
    ratios = (frame["test_rows"] / frame["training_rows"]).dropna()
    ratio = float(ratios.mean()) if len(ratios) else sizes.ratio
    design = Design((*known.grid, "classifier"), metric, ratio)
    paths = known.study_state.study.paths
    completed, left = fallen_back(frame, metric, compared.comparison.reference)
    beside = f"without {counted(left, 'part')} in which the reference has no value either"
    beside = beside if left else ""
    lacking = frame[is_lacking(frame, metric)]
    views = {View.FALLBACK: completed, View.SCORED: frame}
    is_same = completed[metric].equals(frame[metric])
    for file, names, effects in (
        (paths.main_effects_csv, MAIN_COLUMNS, main_effects),
        (paths.interactions_csv, PAIR_COLUMNS, interactions),
    ):
        tables: dict[str, pd.DataFrame] = {}
        for view, parts in views.items():
            is_known = is_same and tables
            tables[view] = tables[View.FALLBACK] if is_known else effects(parts, design)
        noted = tables[View.FALLBACK]["note"]
        tables[View.FALLBACK] = tables[View.FALLBACK].assign(note=noted.where(noted != "", beside))
        tables = {view: _with_failed(table, lacking) for view, table in tables.items()}
        whole = pd.concat([tables[view].assign(failures=str(view)) for view in views])
        write_frame(file, names, whole.assign(metric=metric, sizes=sizes.source))


def _with_failed(table: pd.DataFrame, lacking: pd.DataFrame) -> pd.DataFrame:
    """A table with how many parts of each of its rows failed, or have no value of the metric."""
    ends = [end for end in ("", "_2") if f"parameter{end}" in table]
    names = [f"parameter{end}" for end in ends]
    counts = {
        parameters: lacking.groupby(list(parameters), observed=True).size().to_dict()
        for parameters in set(table[names].itertuples(index=False, name=None))
    }
    values = table[[f"value{end}" for end in ends]].itertuples(index=False, name=None)
    failed = [
        counts[parameters].get(value if len(value) > 1 else value[0], 0)
        for parameters, value in zip(
            table[names].itertuples(index=False, name=None), values, strict=True
        )
    ]
    return table.assign(failed=failed)
