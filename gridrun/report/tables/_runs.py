"""Which part of the final table came from which run elsewhere, beside the table."""

from __future__ import annotations

from pathlib import Path

from gridrun.report.rows import parts
from gridrun.report.tables._cells import csv_table
from gridrun.store.ledger import LedgerView, cannot_write
from gridrun.study.state import StudyState

_COLUMNS = ("combination", "classifier", "fold", "state", "parent_run_id", "child_run_id")


def write_runs(study_state: StudyState) -> Path | None:
    """Write ``runs.csv``, one row for each part whose outcome came from a sweep.

    Returns:
        Its path; None where no outcome came from a sweep.

    Raises:
        UserError: It cannot be written.
    """
    view = study_state.view
    sweeps = {sweep.name for sweep in view.sweeps()} if view is not None else set()
    if view is None or not sweeps:
        return None
    known = study_state.known_context_ids()
    places = _places(view)
    rows = []
    for part in parts(study_state, view):
        if part.context is None:
            continue
        code = study_state.book.code(
            part.values, study_state.pipeline.classifier_reads(part.classifier)
        )
        child = places.get((known[part.context], part.fold, code), "")
        parent = child.rpartition("_")[0]
        if parent in sweeps:
            head = (part.combination, part.classifier, part.fold, str(part.state))
            rows.append((*head, parent, child))
    target = study_state.study.paths.runs_csv
    try:
        with csv_table(target, _COLUMNS) as table:
            table.writerows(rows)
    except OSError as error:
        raise cannot_write(target, error) from error
    return target


def _places(view: LedgerView) -> dict[tuple[int | None, int, int], str]:
    """Where each task's latest final attempt ran: the first part of its worker's name."""
    rows = view.db.execute(
        "SELECT context, fold, code, worker FROM attempt WHERE final = 1 ORDER BY id"
    )
    return {(context, fold, code): worker.partition("/")[0] for context, fold, code, worker in rows}
