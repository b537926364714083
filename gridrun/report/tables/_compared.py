"""``results/comparison.csv``: each method against the reference, by each metric, with intervals.

The numbers are those of ``gridrun.report.statistics``; here is what it is given of a study.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gridrun.errors import counted
from gridrun.pipeline.comparison import FEWEST_OF_A_CLASS
from gridrun.report.comparison import comparison_of
from gridrun.report.tables._frame import Compared, write_frame
from gridrun.study.state import StudyState

if TYPE_CHECKING:
    import pandas as pd

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
    if comparison_of(study_state) is None:
        return []
    return [*_HEAD, *study_state.pipeline.summary_parameters, *_TAIL]


def compared_by(study_state: StudyState) -> list[Any]:
    """What the table depends on beside the results, as plain data."""
    comparison = comparison_of(study_state)
    return [] if comparison is None else comparison.data()


def write_comparison(compared: Compared) -> None:
    """Write the table.

    Args:
        compared: The parts of the study.
    """
    study_state = compared.known.study_state
    target = study_state.study.paths.comparison_csv
    write_frame(target, comparison_columns(study_state), _table(compared))


def _table(compared: Compared) -> pd.DataFrame:
    import pandas as pd

    from gridrun.report.statistics import Columns, View, differences

    comparison, by = compared.comparison, [*compared.summary_parameters, "classifier"]
    sizes, frame, found = compared.sizes, compared.frame, []
    for metric in comparison.scores if len(frame) else ():
        question = comparison.question(metric, sizes.ratio)
        columns = Columns(metric, by=tuple(by))
        found.append(differences(frame, columns, question, tuple(View)).assign(metric=metric))
    if not found:
        return pd.DataFrame(columns=comparison_columns(compared.known.study_state))
    table = pd.concat(found, ignore_index=True)
    table["fewest_of_a_class"] = _fewest(compared, table[by])
    table["sizes"] = sizes.source
    few = table["fewest_of_a_class"] < FEWEST_OF_A_CLASS
    table.loc[few & (table["note"] == ""), "note"] = TOO_FEW
    return table


def _fewest(compared: Compared, at: pd.DataFrame) -> list[int | None]:
    """Test rows of the rarest class in any fold, for each row of ``at``; None without counts."""
    import pyarrow.parquet as pq

    classes = compared.comparison.class_counts.values()
    columns = [*at.columns, *(name for names in classes for name in names)]
    file = compared.known.study_state.study.paths.results_parquet
    read = pq.read_table(file, columns=columns).to_pandas().dropna()
    read["rarest"] = np.min([read[list(names)].sum(axis=1) for names in classes], axis=0)
    keys = [read[name].astype(str) for name in at.columns]
    found = {key: int(value) for key, value in read["rarest"].groupby(keys).min().items()}
    places = at.astype(str).itertuples(index=False, name=None)
    return [found.get(place if len(place) > 1 else place[0]) for place in places]
