"""What all statistics of a report are computed from, each part made once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gridrun.report.comparison import Comparison
from gridrun.report.page import Known
from gridrun.report.tables._cells import cell, csv_table
from gridrun.report.tables._sizes import Sizes, sizes_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Compared:
    """The parts of a study, and what is asked of them.

    Args:
        known: The study; its final table is written.
        comparison: What its methods are compared by.
    """

    known: Known
    comparison: Comparison

    @cached_property
    def sizes(self) -> Sizes:
        """Rows of the folds of all parts."""
        return sizes_of(self.known, self.comparison)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The parts that were asked for, see ``part_frame``; nobody changes it."""
        return part_frame(self.known, self.sizes)

    @property
    def summary_parameters(self) -> tuple[str, ...]:
        """Parameters of which each value is compared by itself."""
        return tuple(self.known.study_state.pipeline.summary_parameters)


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
