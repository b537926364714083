"""Means of the final table by any parameters, with spread, failures and the reference beside.

Differences and intervals are those of ``gridrun.report.statistics``, as in ``comparison.csv``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridrun.errors import UserError, did_you_mean
from gridrun.pipeline import Column, Value, names_of
from gridrun.pipeline.comparison import FEWEST_OF_A_CLASS
from gridrun.plan.selection import positions_of
from gridrun.report.comparison import Comparison
from gridrun.report.page import Known
from gridrun.report.tables._compared import TOO_FEW
from gridrun.report.tables._frame import part_frame
from gridrun.report.tables._sizes import Sizes, sizes_of
from gridrun.report.tables._write import write_results
from gridrun.study.state import StudyState

if TYPE_CHECKING:
    import pandas as pd

GROUPED_COLUMNS = (
    Column("metric", "text"),
    Column("n", "integer"),
    Column("failed", "integer"),
    Column("undefined", "integer"),
    Column("waiting", "integer"),
    Column("mean", "number"),
    Column("sd", "number"),
    Column("reference", "text"),
    Column("folds", "integer"),
    Column("difference", "number"),
    Column("lower", "number"),
    Column("upper", "number"),
    Column("note", "text"),
)
"""Columns of means behind those that they are grouped by."""

_COMPARED = ("reference", "folds", "difference", "lower", "upper", "note")
"""Those of the comparison."""

NOTES = "notes"
"""Attribute of the frame: what its readers have to know."""


@dataclass(frozen=True)
class Grouping:
    """Which means are asked for; what is left out is chosen as the printed summary has it.

    Args:
        where: ``PARAMETER=VALUE[,VALUE...]`` each; ``classifier`` and ``fold`` count as parameters.
        by: Parameters, or ``classifier``, of which each combination has a mean of its own.
        metrics: Metrics of the final table.
        sort: A column of the answer; ``-`` before it for the largest first.
    """

    where: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    sort: str = ""


def is_reference(note: str) -> bool:
    """Whether a note says no more than that its row is the one that others are compared with."""
    if not note:
        return False
    from gridrun.report.statistics import IS_REFERENCE

    return note == IS_REFERENCE


def grouped(study_state: StudyState, asked: Grouping) -> pd.DataFrame:
    """Write the tables, and take means of the parts that are meant.

    Args:
        study_state: The study and which of its tasks are meant.
        asked: Which means.

    Returns:
        One row for each metric and group that has a part: the columns of ``by``, then those that
        docs/results.md explains. ``attrs["notes"]`` has sentences for readers.

    Raises:
        UserError: There is no such parameter, value, metric or column.
    """
    import pandas as pd

    pipeline = study_state.pipeline
    axes: dict[str, tuple[Value, ...]] = {
        **study_state.study.grid.allowed(),
        "classifier": tuple(study_state.study.classifiers),
    }
    folds = tuple(range(1, study_state.folds + 1))
    chosen = positions_of({**axes, "fold": folds}, asked.where, "--where")
    usual = (pipeline.method_parameter, *pipeline.summary_parameters, "classifier")
    by = list(dict.fromkeys(asked.by)) or list(usual)
    _refuse_unknown("--by", "parameter", by, axes)
    columns = [*by, *names_of(GROUPED_COLUMNS)]
    _refuse_unknown("--sort", "column", [asked.sort.removeprefix("-")][: len(asked.sort)], columns)
    known = Known(study_state, write_results(study_state))
    metrics = asked.metrics or (pipeline.leading_metric.column,)
    _refuse_unknown("--metric", "metric", metrics, [each.column for each in known.metrics])
    everything = _Frame(known, chosen)
    tables = []
    for metric in dict.fromkeys(metrics):
        table = everything.means(by, metric).assign(metric=metric)
        tables.append(_sorted(everything.compare(table, by, metric)[columns], asked.sort))
    found = pd.concat(tables, ignore_index=True)
    for name in by:
        values = axes[name]
        is_number = all(isinstance(value, int | float) for value in values)
        typed = [values[code] if is_number else str(values[code]) for code in found[name].cat.codes]
        found[name] = pd.Series(typed, found.index, dtype=None if typed else object)
    found.attrs[NOTES] = everything.notes(by)
    return found


class _Frame:
    """The parts that are meant, with what they are compared with.

    Args:
        known: The study; its tables are written.
        chosen: Parameter, ``classifier`` or ``fold`` to the positions that are meant.
    """

    def __init__(self, known: Known, chosen: Mapping[str, Iterable[int]]) -> None:
        self._known = known
        self._compares = known.comparison
        nothing = np.full(len(known.parts.fold), np.nan)
        unknown = Sizes(nothing, nothing, np.nan, "")
        self._sizes = sizes_of(known, self._compares) if self._compares else unknown
        frame = part_frame(known, self._sizes)
        if self._compares:
            frame["rarest"] = self._rarest(self._compares)[frame.index]
        for name, positions in chosen.items():
            if name == "fold":
                frame = frame[frame["fold"].isin([position + 1 for position in positions])]
            elif name != known.compared:
                frame = frame[frame[name].cat.codes.isin([*positions])]
        self._with_reference = frame
        codes = frame[known.compared].cat.codes
        self._asked = frame[codes.isin([*chosen.get(known.compared, codes.unique())])]

    def means(self, by: list[str], metric: str) -> pd.DataFrame:
        """A row for each group that has a part: counts, mean, and deviation between folds."""
        frame = self._asked[[*by, "fold", "state"]].assign(value=self._asked[metric])
        is_done = frame["state"] == "done"
        frame["value"] = frame["value"].where(is_done)
        frame["n"] = is_done
        frame["failed"] = frame["state"] == "failed"
        frame["waiting"] = frame["state"] == "waiting"
        frame["undefined"] = is_done & frame["value"].isna()
        groups = frame.groupby(by, observed=True)
        counts = groups[["n", "failed", "undefined", "waiting"]].sum().astype("int64")
        of_folds = frame.groupby([*by, "fold"], observed=True)["value"].mean()
        counts["mean"] = groups["value"].mean()
        counts["sd"] = of_folds.groupby(level=by, observed=True).std(ddof=1)
        return counts.reset_index()

    def compare(self, table: pd.DataFrame, by: list[str], metric: str) -> pd.DataFrame:
        """The same with the columns of the comparison, without values where there is none."""
        import pandas as pd

        compares, method = self._compares, self._known.compared
        if not compares or method not in by or metric not in compares.scores or table.empty:
            missing: dict[str, Any] = {"reference": "", "folds": pd.NA, "note": ""}
            missing |= dict.fromkeys(("difference", "lower", "upper"), np.nan)
            return table.assign(**missing).astype({"folds": "Int64"})
        from gridrun.report.statistics import Columns, differences

        frame, others = self._with_reference, [name for name in by if name != method]
        # other methods than those that are asked for would change nothing but take their time
        meant = {*self._asked[method].unique(), compares.reference}
        frame = frame[frame[method].isin(meant)]
        question = compares.question(metric, self._sizes.ratio)
        found = differences(frame, Columns(metric, by=tuple(others)), question)
        found[method] = found["method"]
        found["rarest"] = _least(frame, others, found)
        few = (found["rarest"] < FEWEST_OF_A_CLASS) & (found["note"] == "")
        found.loc[few, "note"] = TOO_FEW
        for name in by:
            found[name] = pd.Categorical(found[name].astype(str), table[name].cat.categories)
        joined = table.merge(found[[*by, *_COMPARED]], on=by, how="left")
        return joined.astype({"folds": "Int64"})

    def notes(self, by: Sequence[str]) -> list[str]:
        """What readers have to know of the columns that compare."""
        if not self._compares:
            return ["the pipeline names no reference, so nothing is compared"]
        if self._known.compared not in by:
            return [f"nothing is compared, as --by does not name {self._known.compared}"]
        return []

    def _rarest(self, compares: Comparison) -> Any:
        """Test rows of the rarer class, for each part; NaN where it has no counts."""
        import pyarrow.parquet as pq

        classes = compares.class_counts.values()
        part = ["combination", "classifier", "fold"]
        file = self._known.study_state.study.paths.results_parquet
        columns = [*part, *(name for names in classes for name in names)]
        read = pq.read_table(file, columns=columns).to_pandas().drop_duplicates(part)
        return np.min([read[list(names)].sum(axis=1, skipna=False) for names in classes], axis=0)


def _least(frame: pd.DataFrame, others: list[str], found: pd.DataFrame) -> Any:
    """Fewest test rows of a class in a group of the other parameters, for each row of found."""
    if not others:
        return frame["rarest"].min()
    least = frame.groupby(others, observed=True)["rarest"].min().rename("rarest").reset_index()
    keys = [least[name].astype(str) for name in others]
    at = dict(zip(zip(*keys, strict=True), least["rarest"], strict=True))
    return [at.get(row) for row in zip(*(found[n].astype(str) for n in others), strict=True)]


def _sorted(table: pd.DataFrame, sort: str) -> pd.DataFrame:
    """Sorted stably, by grid order for parameters; what has no value comes last."""
    if not sort:
        return table
    name = sort.removeprefix("-")
    return table.sort_values(name, ascending=name == sort, kind="stable", na_position="last")


def _refuse_unknown(option: str, noun: str, names: Iterable[str], known: Iterable[str]) -> None:
    there = list(known)
    for name in names:
        if name not in there:
            near = did_you_mean(name, there)
            raise UserError(
                f'unknown {noun} "{name}"',
                where=f"{option} {name}",
                todo=f"{near} known: {', '.join(there)}".strip(),
            )
