"""Writing the tables and their sums, only when something has changed."""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from gridrun.errors import Fault
from gridrun.pipeline import HasBlockTable, HasNullModels
from gridrun.plan.fingerprint import digest_of, digest_of_file, python_code
from gridrun.report.batches import batches
from gridrun.report.page import Known, fingerprint, write_page
from gridrun.report.summary import NullModelMean, Summary
from gridrun.report.summary_group import SummaryGroup
from gridrun.report.tables._calibration import calibration_files, write_calibration
from gridrun.report.tables._cells import cell, csv_table
from gridrun.report.tables._compared import compared_by, comparison_columns, write_comparison
from gridrun.report.tables._effects import effect_files, write_effects
from gridrun.report.tables._frame import Compared
from gridrun.report.tables._group_bootstrap import bootstrap_files, write_bootstrap
from gridrun.report.tables._groups import write_groups
from gridrun.report.tables._notes import (
    all_notes,
    is_other,
    standing_notes,
    warnings_of,
    write_notes,
)
from gridrun.report.tables._null_models import RowTables
from gridrun.report.tables._predicted import KeptPredictions
from gridrun.report.tables._seconds import add_seconds
from gridrun.report.tables._summed import Summed
from gridrun.report.tables._tables import Tables, alone, columns_of, pooled_columns_of
from gridrun.report.tables._written import (
    NOTES,
    STAMP,
    STANDING,
    altered,
    has_file,
    keep_written,
    read_written,
)
from gridrun.store.ledger import LedgerView, cannot_write
from gridrun.study.state import StudyState

_REPORT = "gridrun.report"
_TABLES = f"{_REPORT}.tables"

_DESCRIBED = "described"


def write_results(
    study_state: StudyState,
    notes: Sequence[Fault | str] | None = None,
    *,
    page: bool = False,
) -> Summary:
    """Write all tables of a study and sum them up.

    Args:
        study_state: The study and which of its tasks are meant.
        notes: Notes on the inputs, kept beside the tables; None when the inputs were not
            read, so that earlier notes stay.
        page: Whether the report is asked for; one that is there is kept up to date.

    Raises:
        UserError: The results cannot be written (permission, no space).
    """
    paths = study_state.study.paths
    found = _found(study_state, notes, page=page)
    previous, texts = found.previous, found.texts
    rewritten = [file for file in found.altered if file.exists()]
    said = {NOTES: texts, STANDING: standing_notes(study_state)}
    try:
        if notes is None and is_other(paths.notes_txt, previous.get(NOTES)):
            rewritten.append(paths.notes_txt)
        write_notes(paths, texts)
        if not found.stale:
            if texts != previous.get(NOTES):
                keep_written(paths.results_stamp, {**previous, **said}, paths.results)
            summary = _restore(study_state, previous)
        else:
            kept = {**said, _DESCRIBED: found.described}
            summary = _write(study_state, found.stamp, kept, with_page=found.with_page)
    except OSError as error:
        raise cannot_write(paths.results, error) from error
    return replace(summary, rewritten=tuple(rewritten))


def known_of(study_state: StudyState) -> Known:
    """Write all tables and the report of a study; what a page of several studies is made of.

    Raises:
        UserError: As for ``write_results``.
    """
    summary = write_results(study_state, page=True)
    notes = read_written(study_state.study.paths.results_stamp).get(NOTES) or ()
    return Known(study_state, summary, notes)


def stale_files(study_state: StudyState) -> list[Path]:
    """Files that would be made anew now: there is more to say since, or they were changed."""
    found = _found(study_state, None, page=False)
    paths = study_state.study.paths
    notes = [paths.notes_txt] if is_other(paths.notes_txt, found.previous.get(NOTES)) else []
    return [*found.stale, *(file for file in notes if file not in found.stale)]


@dataclass(frozen=True)
class _Found:
    """What was written before, held against what would be written now.

    Args:
        previous: What was kept of it.
        stamp: Of the tables as they would be.
        with_page: Whether the report is among the files.
        texts: Notes as they would be.
        described: What the report would show beside results; None without a report.
        altered: Files that are not what was written, where the tables are those of now.
        stale: Files that are not what would be written.
    """

    previous: dict[str, Any]
    stamp: str
    with_page: bool
    texts: list[str] | None
    described: list[str] | None
    altered: list[Path]
    stale: list[Path]


def _found(study_state: StudyState, notes: Sequence[Fault | str] | None, *, page: bool) -> _Found:
    """Look at what there is; this alone decides whether tables and report are current."""
    paths = study_state.study.paths
    previous = read_written(paths.results_stamp)
    with_page = page or _has_page(study_state, previous)
    stamp = digest_of(_stamp(study_state, study_state.view))
    # notes are no part of the stamp: a run may have new ones though no table changes
    texts = all_notes(study_state, previous, notes)
    described = _described(study_state) if with_page else None
    changed: list[Path] = []
    if previous.get(STAMP) != stamp:
        stale = list(_files(study_state, with_page=with_page).values())
    else:
        stale = changed = altered(previous, paths.results)
        is_other_page = (
            texts != previous.get(NOTES)
            or described != previous.get(_DESCRIBED)
            or not has_file(previous, paths.report_html)
        )
        if with_page and is_other_page and paths.report_html not in stale:
            stale = [*stale, paths.report_html]
    return _Found(previous, stamp, with_page, texts, described, changed, stale)


def altered_files(study_state: StudyState) -> list[Path]:
    """Files that are not what was written when they were written last, or are not there."""
    paths = study_state.study.paths
    previous = read_written(paths.results_stamp)
    notes = [paths.notes_txt] if is_other(paths.notes_txt, previous.get(NOTES)) else []
    return [*altered(previous, paths.results), *notes]


def _described(study_state: StudyState) -> list[str]:
    """What the report shows beside results: tables of the description, and people's own text."""
    study = study_state.study
    files = [*sorted(study.paths.description_csv("any").parent.glob("*.csv")), study.report_text]
    return [f"{file.name} {digest_of_file(file)}" for file in files if file.is_file()]


def _has_page(study_state: StudyState, previous: Mapping[str, Any]) -> bool:
    """Whether somebody asked for the report before: it is then kept up to date with the tables."""
    page = study_state.study.paths.report_html
    return page.exists() or has_file(previous, page)


def _write(
    study_state: StudyState,
    stamp: str,
    said: Mapping[str, list[str] | None],
    *,
    with_page: bool,
) -> Summary:
    """Write every table."""
    paths, view = study_state.study.paths, study_state.view
    summed = Summed(study_state)
    of_rows, kept = RowTables(study_state, view), KeptPredictions(study_state, view)
    with alone(paths), _no_search_for_cycles(), Tables(study_state, view) as tables:
        for batch in batches(study_state, view):
            tables.write(batch)
            summed.add(batch)
            of_rows.add(batch)
            if with_page:
                kept.add(batch)
        null_models = of_rows.write()
    add_seconds(study_state, view, summed.groups)
    ordered, reasons, damaged = summed.ordered(), summed.reasons, summed.damaged
    summary = _summary(study_state, ordered, reasons, null_models, with_page=with_page)
    summary = replace(summary, damaged=damaged)
    _write_summary(study_state, summary)
    if with_page:
        known = Known(study_state, summary, said[NOTES] or ())
        if known.comparison is not None:
            compared = Compared(known, known.comparison)
            for write in (write_comparison, write_groups, write_effects):
                write(compared)
        write_calibration(known, kept)
        write_bootstrap(known, kept)
        write_page([known], paths.report_html)
    said_of = {
        # what was made from a damaged ledger is not kept as made from this one
        STAMP: "" if damaged else stamp,
        **said,
        "groups": [_plain(group) for group in ordered],
        "reasons": [[kind, reason, count] for (kind, reason), count in reasons.items()],
        "null_models": [astuple(mean) for mean in null_models],
    }
    keep_written(paths.results_stamp, said_of, paths.results, summary.files.values())
    return summary


@contextlib.contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Rows make no reference cycles, and looking for some takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _stamp(study_state: StudyState, view: LedgerView | None) -> dict[str, Any]:
    """Data that change whenever a table would."""
    return {
        "code": [python_code(_TABLES, _REPORT), fingerprint()],
        "ledger": view.version() if view is not None else 0,
        "contexts": [context.digest for context in study_state.tables.contexts],
        "grid": [
            list(study_state.study.grid.names),
            [list(v) for v in study_state.study.grid.values],
        ],
        "selection": hashlib.sha256(study_state.tables.indices.tobytes()).hexdigest(),
        "folds": study_state.folds,
        "classifiers": list(study_state.study.classifiers),
        "columns": [
            [astuple(column) for column in columns]
            for columns in (
                columns_of(study_state),
                pooled_columns_of(study_state),
                study_state.pipeline.prediction_columns(study_state.settings),
                RowTables(study_state, None).columns,
            )
        ],
        "summary": list(study_state.pipeline.summary_parameters),
        "comparison": [comparison_columns(study_state), compared_by(study_state)],
        "protocol": study_state.protocol_label,
        "caveats": [
            [one.cell, one.message, one.todo, [[n, list(v)] for n, v in one.concerns.items()]]
            for one in study_state.caveats
        ],
    }


def _files(study_state: StudyState, *, with_page: bool) -> dict[str, Path]:
    """Display name of each file that is written, to its path."""
    paths, pipeline = study_state.study.paths, study_state.pipeline
    files = {
        "final table": paths.results_csv,
        "the same as Parquet": paths.results_parquet,
        "per consequence": paths.per_consequence_csv,
    }
    if pipeline.pooled_columns:
        files["pooled over test tables"] = paths.pooled_csv
        files["the same pooled as Parquet"] = paths.pooled_parquet
    if pipeline.prediction_columns(study_state.settings):
        files["predictions"] = paths.predictions
    if isinstance(pipeline, HasNullModels):
        files["null models"] = paths.null_models_csv
        files["the same null models as Parquet"] = paths.null_models_parquet
    if isinstance(pipeline, HasBlockTable):
        name = pipeline.block_table
        files[name] = paths.block_table(name, "csv")
        files[f"the same {name} as Parquet"] = paths.block_table(name, "parquet")
    files["this summary"] = paths.summary_csv
    if with_page and comparison_columns(study_state):
        files |= {
            "differences to the reference": paths.comparison_csv,
            "groups of methods": paths.method_groups_csv,
            **effect_files(study_state),
        }
    if with_page:
        files |= calibration_files(study_state) | bootstrap_files(study_state)
        files["report"] = paths.report_html
    return files


def _restore(study_state: StudyState, kept: dict[str, Any]) -> Summary:
    groups = []
    for data in kept["groups"]:
        known = {name: data[name] for name in data if not name.startswith("_")}
        group = SummaryGroup(**{**known, "metrics": tuple(data["metrics"])})
        group._sums.update(data["_sums"])  # noqa: SLF001 - its own plain form
        group._counts.update(data["_counts"])  # noqa: SLF001
        groups.append(group)
    reasons = {(kind, reason): count for kind, reason, count in kept["reasons"]}
    null_models = [NullModelMean(*mean) for mean in kept["null_models"]]
    has_page = has_file(kept, study_state.study.paths.report_html)
    return _summary(study_state, groups, reasons, null_models, with_page=has_page)


def _plain(group: SummaryGroup) -> dict[str, Any]:
    return dict(vars(group))


def _summary(
    study_state: StudyState,
    groups: Sequence[SummaryGroup],
    reasons: dict[tuple[str, str], int],
    null_models: Sequence[NullModelMean],
    *,
    with_page: bool,
) -> Summary:
    return Summary(
        groups=tuple(groups),
        reasons=reasons,
        files=_files(study_state, with_page=with_page),
        combinations=len(study_state.selection),
        folds=study_state.folds,
        protocol=study_state.protocol_label,
        method_parameter=study_state.pipeline.method_parameter,
        rows_note=study_state.rows_note,
        input_warnings=warnings_of(study_state),
        null_models=tuple(null_models),
    )


def _write_summary(study_state: StudyState, summary: Summary) -> None:
    paths = study_state.study.paths
    records = summary.records()
    columns = list(records[0]) if records else []
    if summary.rows_note:
        columns.append("rows")
        records = [{**record, "rows": study_state.settings.rows} for record in records]
    with csv_table(paths.summary_csv, columns) as table:
        table.writerows([[cell(record[name]) for name in columns] for record in records])
