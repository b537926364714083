"""What would be written now, held against what was: whether tables and report are current."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from gridrun.errors import Fault
from gridrun.pipeline import HasBlockTable, HasNullModels
from gridrun.plan.fingerprint import digest_of, digest_of_file, python_code
from gridrun.report.page import fingerprint
from gridrun.report.tables._calibration import calibration_files
from gridrun.report.tables._compared import compared_by, comparison_columns
from gridrun.report.tables._effects import effect_files
from gridrun.report.tables._group_bootstrap import bootstrap_files
from gridrun.report.tables._notes import all_notes, is_other
from gridrun.report.tables._null_models import RowTables
from gridrun.report.tables._tables import columns_of, pooled_columns_of
from gridrun.report.tables._written import NOTES, STAMP, altered, has_file, read_written
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState

_REPORT = "gridrun.report"
_TABLES = f"{_REPORT}.tables"

DESCRIBED = "described"
"""Key of what the report shows beside results."""


@dataclass(frozen=True)
class Found:
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


def found_of(study_state: StudyState, notes: Sequence[Fault | str] | None, *, page: bool) -> Found:
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
        stale = list(files_of(study_state, with_page=with_page).values())
    else:
        stale = changed = altered(previous, paths.results)
        is_other_page = (
            texts != previous.get(NOTES)
            or described != previous.get(DESCRIBED)
            or not has_file(previous, paths.report_html)
        )
        if with_page and is_other_page and paths.report_html not in stale:
            stale = [*stale, paths.report_html]
    return Found(previous, stamp, with_page, texts, described, changed, stale)


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


def stale_files(study_state: StudyState) -> list[Path]:
    """Files that would be made anew now: there is more to say since, or they were changed."""
    found = found_of(study_state, None, page=False)
    paths = study_state.study.paths
    notes = [paths.notes_txt] if is_other(paths.notes_txt, found.previous.get(NOTES)) else []
    return [*found.stale, *(file for file in notes if file not in found.stale)]


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


def files_of(study_state: StudyState, *, with_page: bool) -> dict[str, Path]:
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
