"""Writing the tables and their sums, only when something has changed."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

from gridrun.errors import Fault
from gridrun.report.batches import batches
from gridrun.report.page import Known, write_page
from gridrun.report.summary import NullModelMean, Summary
from gridrun.report.summary_group import SummaryGroup
from gridrun.report.sums import summable
from gridrun.report.tables._calibration import write_calibration
from gridrun.report.tables._cells import cell, csv_table
from gridrun.report.tables._compared import write_comparison
from gridrun.report.tables._current import DESCRIBED, files_of, found_of
from gridrun.report.tables._effects import write_effects
from gridrun.report.tables._frame import Compared
from gridrun.report.tables._group_bootstrap import write_bootstrap
from gridrun.report.tables._groups import write_groups
from gridrun.report.tables._notes import is_other, standing_notes, warnings_of, write_notes
from gridrun.report.tables._null_models import RowTables
from gridrun.report.tables._predicted import KeptPredictions
from gridrun.report.tables._summed import Summed, add_seconds
from gridrun.report.tables._tables import Tables, alone
from gridrun.report.tables._written import (
    NOTES,
    STAMP,
    STANDING,
    has_file,
    keep_written,
    read_written,
)
from gridrun.store.ledger import cannot_write
from gridrun.study.state import StudyState


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
    found = found_of(study_state, notes, page=page)
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
            kept = {**said, DESCRIBED: found.described}
            summary = _write(study_state, found.stamp, kept, with_page=found.with_page)
    except OSError as error:
        raise cannot_write(paths.results, error) from error
    return replace(summary, rewritten=tuple(rewritten))


def sum_up(study_state: StudyState) -> Summary:
    """Sum the tables up without writing any.

    What no earlier call has read is, and is held against its digest, as for tables.
    """
    found = found_of(study_state, None, page=False)
    if not found.stale:
        return replace(_restore(study_state, found.previous), files={})
    summed, of_rows = Summed(study_state), RowTables(study_state, study_state.view)
    with _no_search_for_cycles():
        for batch in summable(study_state, study_state.view, summed.metrics, of_rows.payloads):
            summed.add(batch)
            of_rows.add(batch)
    summary = _summed_up(study_state, summed, of_rows.means(), with_page=False)
    return replace(summary, files={}, unwritten=tuple(found.stale))


def known_of(study_state: StudyState) -> Known:
    """Write all tables and the report of a study; what a page of several studies is made of.

    Raises:
        UserError: As for ``write_results``.
    """
    summary = write_results(study_state, page=True)
    notes = read_written(study_state.study.paths.results_stamp).get(NOTES) or ()
    return Known(study_state, summary, notes)


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
    summary = _summed_up(study_state, summed, null_models, with_page=with_page)
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
        STAMP: "" if summary.damaged else stamp,
        **said,
        "groups": [_plain(group) for group in summary.groups],
        "reasons": [[kind, reason, count] for (kind, reason), count in summary.reasons.items()],
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


def _summed_up(
    study_state: StudyState,
    summed: Summed,
    null_models: Sequence[NullModelMean],
    *,
    with_page: bool,
) -> Summary:
    add_seconds(study_state, study_state.view, summed.groups)
    groups, reasons = summed.ordered(), summed.reasons
    summary = _summary(study_state, groups, reasons, null_models, with_page=with_page)
    return replace(summary, damaged=summed.damaged)


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
        files=files_of(study_state, with_page=with_page),
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
