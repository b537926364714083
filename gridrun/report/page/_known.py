"""What sections are made of: a study, what its tables say, and the rows of its final table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridrun.errors import InputError
from gridrun.pipeline import Value
from gridrun.pipeline.reports import ReportMetric, report_metrics_of
from gridrun.plan.units import State
from gridrun.report.comparison import Comparison, comparison_of
from gridrun.report.summary import Summary
from gridrun.study.state import StudyState

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

STATES = (State.DONE, State.FAILED, State.SKIPPED, State.WAITING)


@dataclass(frozen=True)
class PartTable:
    """The final table with one row for each part, by column; each of shape ``(parts,)``.

    Args:
        combination: Counted from 0.
        classifier: Position among the study's classifiers.
        fold: Counted from 1.
        state: Position in ``STATES``.
        values: Metric to its mean over the test tables of the part in which it is a number.
        seconds: Sum of the times that the pipeline measures; NaN where none.
    """

    combination: IntArray
    classifier: IntArray
    fold: IntArray
    state: IntArray
    values: Mapping[str, FloatArray]
    seconds: FloatArray

    @property
    def is_done(self) -> BoolArray:
        """Which parts are done."""
        return np.equal(self.state, STATES.index(State.DONE))

    @property
    def is_skipped(self) -> BoolArray:
        """Which parts were not asked for."""
        return np.equal(self.state, STATES.index(State.SKIPPED))

    @property
    def is_failed(self) -> BoolArray:
        """Which parts failed."""
        return np.equal(self.state, STATES.index(State.FAILED))


@dataclass(frozen=True)
class Known:
    """A study as its report knows it.

    Args:
        study_state: The study.
        summary: What its tables say.
        notes: Of its last run.
    """

    study_state: StudyState
    summary: Summary
    notes: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Name of the study's directory."""
        return self.study_state.study.paths.directory.name

    @property
    def compared(self) -> str:
        """The parameter that is compared."""
        return self.study_state.pipeline.method_parameter

    @property
    def grid(self) -> Mapping[str, tuple[Value, ...]]:
        """Parameter to its values."""
        return self.study_state.study.grid.allowed()

    @property
    def classifiers(self) -> tuple[str, ...]:
        """Those of the study."""
        return tuple(self.study_state.study.classifiers)

    @cached_property
    def inputs(self) -> list[tuple[str, str, str]]:
        """Role, name of the file and digest of its text, for each input."""
        study = self.study_state.study
        try:
            digests = self.study_state.input_digests
        except InputError:  # tables of a study whose inputs are gone are written all the same
            digests = {}
        names = {role: path.name for role, path in study.inputs.items()}
        roles = [*names, *(role for role in digests if role not in names)]
        return [
            (role, names.get(role, "elsewhere"), digests.get(role, "not known")) for role in roles
        ]

    @cached_property
    def metrics(self) -> tuple[ReportMetric, ...]:
        """What is shown, the leading metric first."""
        return report_metrics_of(self.study_state.pipeline)

    @cached_property
    def comparison(self) -> Comparison | None:
        """What its methods are compared by, or None where they are not."""
        return comparison_of(self.study_state)

    @cached_property
    def parts(self) -> PartTable:
        """The rows of the final table, as it was written just now."""
        import pyarrow.parquet as pq

        metrics = [metric.column for metric in self.metrics]
        measured = [c.name for c in self.study_state.pipeline.result_columns if c.measured]
        texts = ["classifier", "state"]
        table = pq.read_table(
            self.study_state.study.paths.results_parquet,
            columns=["combination", "fold", *texts, *metrics, *measured],
            read_dictionary=texts,
        )
        combination = table["combination"].to_numpy() - 1
        fold = table["fold"].to_numpy()
        classifier = _codes(table["classifier"], self.classifiers)
        state = _codes(table["state"], tuple(map(str, STATES)))
        # rows of a part stand together
        is_first = np.ones(len(fold), bool)
        is_first[1:] = (
            (np.diff(combination) != 0) | (np.diff(classifier) != 0) | (np.diff(fold) != 0)
        )
        start = np.flatnonzero(is_first)
        values = {name: _means(_numbers(table[name]), start) for name in metrics}
        times = [_sums(_numbers(table[name]), start) for name in measured]
        seconds = np.sum(times, axis=0) if times else np.full(len(start), np.nan)
        return PartTable(
            combination[start], classifier[start], fold[start], state[start], values, seconds
        )

    def codes(self, combinations: IntArray) -> dict[str, IntArray]:
        """Parameter to the position of its value in each of some combinations."""
        grid = self.study_state.study.grid
        digits = np.unravel_index(combinations, grid.sizes)
        return dict(zip(grid.names, digits, strict=True))


def _codes(column: Any, known: Sequence[str]) -> IntArray:
    """Position of each text among those that are known."""
    whole = column.combine_chunks()
    at = np.array([known.index(text) for text in whole.dictionary.to_pylist()], np.int64)
    found: IntArray = at[whole.indices.to_numpy()]
    return found


def _numbers(column: Any) -> FloatArray:
    """NaN where there is no value or none that is finite."""
    values = np.array(column.to_numpy(), np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def _sums(values: FloatArray, start: IntArray) -> FloatArray:
    return np.add.reduceat(values, start) if len(start) else np.empty(0)


def _means(values: FloatArray, start: IntArray) -> FloatArray:
    """Mean of each run of rows over those that are numbers, NaN where none is."""
    if len(start) == len(values):
        return values
    known = ~np.isnan(values)
    count = np.add.reduceat(known.astype(np.int64), start)
    total = np.add.reduceat(np.where(known, values, 0.0), start)
    mean: FloatArray = np.divide(total, count, out=np.full(len(start), np.nan), where=count > 0)
    return mean


def spread(
    values: FloatArray, groups: IntArray, size: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Numbers, means and standard errors of groups; what is no number is left out.

    Args:
        values: Shape ``(rows,)``.
        groups: Of which group each is; shape ``(rows,)``.
        size: Number of groups.

    Returns:
        Three of shape ``(size,)``; NaN for means of none, and for standard errors of fewer than
        two.
    """
    known = ~np.isnan(values)
    at, numbers = groups[known], values[known]
    count = np.bincount(at, minlength=size)
    nothing = np.full(size, np.nan)
    total = np.bincount(at, numbers, size)
    mean = np.divide(total, count, out=nothing.copy(), where=count > 0)
    squares = np.bincount(at, np.square(numbers - mean[at]), size)
    variance = np.divide(squares, count - 1, out=nothing.copy(), where=count > 1)
    error = np.sqrt(np.divide(variance, count, out=nothing.copy(), where=count > 1))
    return count, mean, error
