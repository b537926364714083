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
from gridrun.report.page import FALLBACK, SAID, SCORED, WORST, Known, Viewed
from gridrun.report.tables._compared import TOO_FEW
from gridrun.report.tables._frame import part_frame
from gridrun.report.tables._null_models import best_null_models
from gridrun.report.tables._pivot import pivoted
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

FAILURES = {"scored": SCORED, "fallback": FALLBACK, "worst": WORST}
"""What may be asked of failures, to the view that ``comparison.csv`` has."""

_REFUSED = "the reference has no value in a part that would fall back on it"

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
        failures: What parts that failed count as in all numbers, one of ``FAILURES``; without it
            means leave them out, and differences take the reference's value.
        pivot: Parameter whose values are columns, with the mean in each.
    """

    where: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    sort: str = ""
    failures: str = ""
    pivot: str = ""


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
    if asked.pivot:
        by = [*(name for name in by if name != asked.pivot), asked.pivot]
    _refuse_unknown("--by", "parameter", by[: len(by) - bool(asked.pivot)], axes)
    _refuse_unknown("--pivot", "parameter", [asked.pivot][: len(asked.pivot)], axes)
    _refuse_unknown("--failures", "view", [asked.failures][: len(asked.failures)], FAILURES)
    columns = [*by, *names_of(GROUPED_COLUMNS)]
    sort = [asked.sort.removeprefix("-")][: len(asked.sort)]
    if not asked.pivot:
        _refuse_unknown("--sort", "column", sort, columns)
    known = Known(study_state, write_results(study_state))
    metrics = tuple(dict.fromkeys(asked.metrics or (pipeline.leading_metric.column,)))
    _refuse_unknown("--metric", "metric", metrics, [each.column for each in known.metrics])
    if asked.failures:
        scores = known.comparison.scores if known.comparison is not None else {}
        _refuse_unknown("--metric", "metric of which failures have a value", metrics, scores)
    everything = _Frame(known, chosen, FAILURES.get(asked.failures))
    tables = []
    for metric in metrics:
        table = everything.means(by, metric).assign(metric=metric)
        table = everything.compare(table, by, metric)[columns]
        tables.append(table if asked.pivot else _sorted(table, asked.sort))
    found = pd.concat(tables, ignore_index=True)
    for name in by:
        values = axes[name]
        is_number = all(isinstance(value, int | float) for value in values)
        typed = [values[code] if is_number else str(values[code]) for code in found[name].cat.codes]
        found[name] = pd.Series(typed, found.index, dtype=None if typed else object)
    notes = [*best_null_models(known, chosen, metrics), *everything.notes(by)]
    if asked.pivot:
        names = [str(value) for value in axes[asked.pivot]]
        found = pivoted(found, by[:-1], asked.pivot, names, notes)
        _refuse_unknown("--sort", "column", sort, [str(name) for name in found.columns])
        attrs = found.attrs
        found = _sorted(found, asked.sort)
        found.attrs.update(attrs)
    found.attrs[NOTES] = notes
    return found


class _Frame:
    """The parts that are meant, with what they are compared with.

    Args:
        known: The study; its tables are written.
        chosen: Parameter, ``classifier`` or ``fold`` to the positions that are meant.
        view: What failures count as in all numbers, or None for the usual ones.
    """

    def __init__(
        self, known: Known, chosen: Mapping[str, Iterable[int]], view: str | None = None
    ) -> None:
        self._known = known
        self._view = view
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
        undefined = is_done & frame["value"].isna()
        refused = None
        if self._view in {FALLBACK, WORST}:
            values, lacks = Viewed(self._known).under(str(self._view), metric)
            frame["value"], frame["refused"] = values[frame.index], lacks[frame.index]
            refused = frame.groupby(by, observed=True)["refused"].any()
        frame["n"] = is_done
        frame["failed"] = frame["state"] == "failed"
        frame["waiting"] = frame["state"] == "waiting"
        frame["undefined"] = undefined
        groups = frame.groupby(by, observed=True)
        counts = groups[["n", "failed", "undefined", "waiting"]].sum().astype("int64")
        of_folds = frame.groupby([*by, "fold"], observed=True)["value"].mean()
        counts["mean"] = groups["value"].mean()
        counts["sd"] = of_folds.groupby(level=by, observed=True).std(ddof=1)
        if refused is not None:
            counts.loc[refused, ["mean", "sd"]] = np.nan
            counts["refused"] = refused
        return counts.reset_index()

    def compare(self, table: pd.DataFrame, by: list[str], metric: str) -> pd.DataFrame:
        """The same with the columns of the comparison, without values where there is none."""
        import pandas as pd

        compares, method = self._compares, self._known.compared
        if not compares or method not in by or metric not in compares.scores or table.empty:
            missing: dict[str, Any] = {"reference": "", "folds": pd.NA, "note": ""}
            missing |= dict.fromkeys(("difference", "lower", "upper"), np.nan)
            if "refused" in table:
                missing["note"] = np.where(table["refused"], _REFUSED, "")
            return table.assign(**missing).astype({"folds": "Int64"})
        from gridrun.report.statistics import Columns, View, differences

        frame, others = self._with_reference, [name for name in by if name != method]
        # other methods than those that are asked for would change nothing but take their time
        meant = {*self._asked[method].unique(), compares.reference}
        frame = frame[frame[method].isin(meant)]
        question = compares.question(metric, self._sizes.ratio)
        view = View(self._view) if self._view is not None else View.FALLBACK
        found = differences(frame, Columns(metric, by=tuple(others)), question, (view,))
        found[method] = found["method"]
        found["rarest"] = _least(frame, others, found)
        few = (found["rarest"] < FEWEST_OF_A_CLASS) & (found["note"] == "")
        found.loc[few, "note"] = TOO_FEW
        for name in by:
            found[name] = pd.Categorical(found[name].astype(str), table[name].cat.categories)
        joined = table.merge(found[[*by, *_COMPARED]], on=by, how="left")
        return joined.astype({"folds": "Int64"})

    def notes(self, by: Sequence[str]) -> list[str]:
        """What readers have to know of the columns that compare, and of failures."""
        found = [] if self._view is None else [f"parts that failed count as: {SAID[self._view]}"]
        if not self._compares:
            return [*found, "the pipeline names no reference, so nothing is compared"]
        if self._known.compared not in by:
            found.append(f"nothing is compared, as --by does not name {self._known.compared}")
        return found

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
