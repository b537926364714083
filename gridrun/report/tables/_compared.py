"""``results/comparison.csv``: each method against the reference, by each metric, with intervals.

The numbers are those of ``gridrun.report.statistics``; here is what it is given of a study.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gridrun.errors import counted
from gridrun.pipeline.comparison import ComparesMethods
from gridrun.report.page import Known
from gridrun.report.tables._cells import cell, csv_table
from gridrun.report.tables._sizes import Sizes, sizes_of
from gridrun.study.state import StudyState

if TYPE_CHECKING:
    import pandas as pd

FEWEST_OF_A_CLASS = 10
"""Test rows of a class below which a fold's metric is too coarse for an interval to mean much: a
single row moves its sensitivity or specificity by more than a tenth. A convention, no theorem."""

TOO_FEW = (
    f"a class has fewer than {counted(FEWEST_OF_A_CLASS, 'row')} in a test part: the interval is "
    "of little use"
)

_HEAD = ("metric", "failures", "method")
_TAIL = (
    "classifier",
    "reference",
    "n",
    "failed",
    "undefined",
    "mean",
    "folds",
    "pairs",
    "difference",
    "lower",
    "upper",
    "p_value",
    "p_holm",
    "family",
    "p_worse",
    "p_equivalent",
    "p_better",
    "variance_factor",
    "sizes",
    "fewest_of_a_class",
    "note",
)


def comparison_columns(study_state: StudyState) -> list[str]:
    """Columns of the table, in order; empty where the pipeline compares with no reference."""
    pipeline = study_state.pipeline
    if not isinstance(pipeline, ComparesMethods):
        return []
    return [*_HEAD, *pipeline.summary_parameters, *_TAIL]


def compared_by(study_state: StudyState) -> list[Any]:
    """What the table depends on beside the results, as plain data."""
    pipeline = study_state.pipeline
    if not isinstance(pipeline, ComparesMethods):
        return []
    scores = [[name, *astuple(score)] for name, score in pipeline.scores.items()]
    classes = [[name, *columns] for name, columns in pipeline.class_counts.items()]
    share = pipeline.test_share(study_state.settings)
    return [pipeline.reference_method, share, scores, classes]


def write_comparison(known: Known) -> None:
    """Write the table, if the pipeline compares its methods with one of them.

    Args:
        known: The study; its final table is written.
    """
    pipeline = known.study_state.pipeline
    if not isinstance(pipeline, ComparesMethods):
        return
    names = comparison_columns(known.study_state)
    table = _table(known, pipeline)
    write_frame(known.study_state.study.paths.comparison_csv, names, table)


def _table(known: Known, compared: ComparesMethods) -> pd.DataFrame:
    import pandas as pd

    from gridrun.report.statistics import Columns, Question, Scale, View, differences

    by = [*known.study_state.pipeline.summary_parameters, "classifier"]
    sizes = sizes_of(known, compared)
    frame, found = part_frame(known, sizes), []
    for metric, score in compared.scores.items() if len(frame) else ():
        question = Question(
            str(compared.reference_method),
            Scale(score.worst, score.best),
            ratio=sizes.ratio,
            equivalence=score.equivalent,
        )
        columns = Columns(metric, by=tuple(by))
        found.append(differences(frame, columns, question, tuple(View)).assign(metric=metric))
    if not found:
        return pd.DataFrame(columns=comparison_columns(known.study_state))
    table = pd.concat(found, ignore_index=True)
    table["fewest_of_a_class"] = _fewest(known, compared, table[by])
    table["sizes"] = sizes.source
    few = table["fewest_of_a_class"] < FEWEST_OF_A_CLASS
    table.loc[few & (table["note"] == ""), "note"] = TOO_FEW
    return table


def _fewest(known: Known, compared: ComparesMethods, at: pd.DataFrame) -> list[int | None]:
    """Test rows of the rarest class in any fold, for each row of ``at``; None without counts."""
    import pyarrow.parquet as pq

    classes = compared.class_counts.values()
    columns = [*at.columns, *(name for names in classes for name in names)]
    file = known.study_state.study.paths.results_parquet
    read = pq.read_table(file, columns=columns).to_pandas().dropna()
    read["rarest"] = np.min([read[list(names)].sum(axis=1) for names in classes], axis=0)
    keys = [read[name].astype(str) for name in at.columns]
    found = {key: int(value) for key, value in read["rarest"].groupby(keys).min().items()}
    places = at.astype(str).itertuples(index=False, name=None)
    return [found.get(place if len(place) > 1 else place[0]) for place in places]


def part_frame(known: Known, rows: Sizes) -> pd.DataFrame:
    """The parts that were asked for, as the long frame that statistics are computed from.

    Args:
        known: The study; its final table is written.
        rows: Of its folds.

    Returns:
        A row for each part: the parameters, ``classifier``, ``cell`` (number of what a part is but
        its method and fold), ``method``, ``fold``, ``state``, ``training_rows``, ``test_rows`` and
        the report's metrics.
    """
    import pandas as pd

    parts = known.parts
    codes = {**known.codes(parts.combination), "classifier": parts.classifier}
    values = {name: [*map(str, those)] for name, those in known.grid.items()}
    values["classifier"] = list(known.classifiers)
    others = [name for name in codes if name != known.compared]
    sizes = [len(values[name]) for name in others]
    columns = {
        name: pd.Categorical.from_codes(codes[name], pd.Index(values[name])) for name in codes
    }
    state = np.where(parts.is_done, 1, np.where(parts.is_failed, 2, 0))
    frame = pd.DataFrame(
        {
            **columns,
            "cell": np.ravel_multi_index([codes[name] for name in others], sizes),
            "method": columns[known.compared],
            "fold": parts.fold,
            "training_rows": rows.training_rows,
            "test_rows": rows.test_rows,
            "state": pd.Categorical.from_codes(state, pd.Index(["waiting", "done", "failed"])),
            **parts.values,  # noqa: PD011 - a mapping of arrays, no frame
        }
    )
    return frame[~parts.is_skipped]


def write_frame(target: Path, columns: Sequence[str], frame: pd.DataFrame) -> None:
    """Write a table of statistics.

    Args:
        target: The file.
        columns: Those that are written, in order.
        frame: It has them; a number that could not be computed becomes NA.
    """
    with csv_table(target, columns) as table:
        for row in frame[list(columns)].itertuples(index=False, name=None):
            table.writerow([_number_cell(value) for value in row])


def _number_cell(value: Any) -> str:
    return cell(None if isinstance(value, float) and math.isnan(value) else value)
