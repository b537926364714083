"""Writing the tables and their sums, only when something has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gridrun.cache import replacing
from gridrun.errors import Fault
from gridrun.fingerprint import digest_of
from gridrun.ledger import LedgerView, cannot_write
from gridrun.paths import StudyPaths
from gridrun.pipeline import Value
from gridrun.results._cells import cell, csv_table
from gridrun.results._rows import Part, parts
from gridrun.results._summary import Group, Summary
from gridrun.results._tables import Tables, alone, columns_of, pooled_columns_of
from gridrun.workspace import Workspace

_STAMP = "stamp"

_GroupKey = tuple[str, tuple[Value, ...], str]
"""Method, values of further parameters, classifier."""


def write_results(workspace: Workspace, notes: Sequence[Fault | str] | None = None) -> Summary:
    """Write all tables of a workspace and sum them up.

    Args:
        workspace: The study and which of its tasks are meant.
        notes: What was worth saying about the inputs, kept beside the tables; None
            when they were not read, so that what was said before still stands.

    Raises:
        UserError: The results cannot be written (permission, no space).
    """
    paths = workspace.study.paths
    view = workspace.view
    stamp = _stamp(workspace, view)
    if notes is not None:
        _write_notes(paths, notes)
    previous = _read_stamp(paths.results_stamp)
    if previous is not None and previous.get(_STAMP) == stamp and _all_there(workspace):
        return _restore(workspace, previous)
    groups: dict[_GroupKey, Group] = {}
    reasons: dict[tuple[str, str], int] = {}
    try:
        with alone(paths), Tables(workspace, view) as tables:
            for part in parts(workspace, view):
                _group_of(workspace, part, groups).add(part)
                if part.kind:
                    key = (part.kind, part.reason)
                    reasons[key] = reasons.get(key, 0) + 1
                tables.write(part)
        _add_seconds(workspace, view, groups)
        ordered = _ordered(workspace, groups)
        summary = _summary(workspace, ordered, reasons)
        _write_summary(workspace, summary)
        kept = {
            _STAMP: stamp,
            "groups": [_plain(group) for group in ordered],
            "reasons": [[kind, reason, count] for (kind, reason), count in reasons.items()],
        }
        with replacing(paths.results_stamp) as aside:
            aside.write_text(json.dumps(kept, ensure_ascii=False), "utf-8")
    except OSError as error:
        raise cannot_write(paths.results, error) from error
    return summary


def _stamp(workspace: Workspace, view: LedgerView | None) -> str:
    """Changes whenever a table would."""
    return digest_of(
        {
            "ledger": view.version() if view is not None else 0,
            "contexts": [context.digest for context in workspace.tables.contexts],
            "grid": [
                list(workspace.study.grid.names),
                [list(v) for v in workspace.study.grid.values],
            ],
            "selection": hashlib.sha256(workspace.tables.indices.tobytes()).hexdigest(),
            "folds": workspace.folds,
            "classifiers": list(workspace.study.classifiers),
            "columns": [columns_of(workspace), pooled_columns_of(workspace)],
            "predictions": dict(workspace.pipeline.prediction_columns(workspace.settings)),
            "summary": [
                *workspace.pipeline.headline_columns,
                *workspace.pipeline.summary_parameters,
            ],
            "protocol": workspace.protocol_label,
        }
    )


def _all_there(workspace: Workspace) -> bool:
    return all(path.exists() for path in _files(workspace).values())


def _files(workspace: Workspace) -> dict[str, Path]:
    """What is written, by what it is called."""
    paths, pipeline = workspace.study.paths, workspace.pipeline
    files = {
        "final table": paths.results_csv,
        "the same as Parquet": paths.results_parquet,
        "per consequence": paths.per_consequence_csv,
    }
    if pipeline.pooled_columns:
        files["pooled over completions"] = paths.pooled_csv
        files["the same pooled as Parquet"] = paths.pooled_parquet
    if pipeline.prediction_columns(workspace.settings):
        files["predictions"] = paths.predictions
    files["this summary"] = paths.summary_csv
    return files


def _read_stamp(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        # not there, or cut short by something else than us: the tables are written anew
        return None


def _restore(workspace: Workspace, kept: dict[str, Any]) -> Summary:
    groups = []
    for data in kept["groups"]:
        known = {name: data[name] for name in data if not name.startswith("_")}
        group = Group(**{**known, "metrics": tuple(data["metrics"])})
        group._sums.update(data["_sums"])  # noqa: SLF001 - its own plain form
        group._counts.update(data["_counts"])  # noqa: SLF001
        groups.append(group)
    reasons = {(kind, reason): count for kind, reason, count in kept["reasons"]}
    return _summary(workspace, groups, reasons)


def _plain(group: Group) -> dict[str, Any]:
    return {name: value for name, value in vars(group).items() if name != "contexts"}


def _summary(
    workspace: Workspace, groups: Sequence[Group], reasons: dict[tuple[str, str], int]
) -> Summary:
    return Summary(
        groups=tuple(groups),
        reasons=reasons,
        files=_files(workspace),
        combinations=len(workspace.selection),
        folds=workspace.folds,
        protocol=workspace.protocol_label,
        rows_note=workspace.rows_note,
    )


def _group_of(workspace: Workspace, part: Part, groups: dict[_GroupKey, Group]) -> Group:
    """The group of a part, new or known."""
    pipeline = workspace.pipeline
    method = str(part.values[pipeline.method_parameter])
    at = {name: part.values[name] for name in pipeline.summary_parameters}
    key = (method, tuple(at.values()), part.classifier)
    if key not in groups:
        groups[key] = Group(method, part.classifier, pipeline.headline_columns, at)
    return groups[key]


def _ordered(workspace: Workspace, groups: dict[_GroupKey, Group]) -> list[Group]:
    """By method, then further parameters, then classifier, each in table order."""
    allowed, pipeline = workspace.study.grid.allowed(), workspace.pipeline
    methods = [str(v) for v in allowed[pipeline.method_parameter]]
    classifiers = list(pipeline.classifiers)
    return sorted(
        groups.values(),
        key=lambda group: (
            methods.index(group.method),
            [allowed[name].index(value) for name, value in group.at.items()],
            classifiers.index(group.classifier),
        ),
    )


def _add_seconds(
    workspace: Workspace, view: LedgerView | None, groups: dict[_GroupKey, Group]
) -> None:
    if view is None:
        return
    known = workspace.known_context_ids()
    means = view.mean_seconds()
    for group in groups.values():
        found = [means[ident] for at in group.contexts if (ident := known[at]) in means and ident]
        if found:
            group.seconds = sum(found) / len(found)


def _write_notes(paths: StudyPaths, notes: Sequence[Fault | str]) -> None:
    texts = [note if isinstance(note, str) else note.text() for note in notes]
    try:
        if not texts:
            paths.notes_txt.unlink(missing_ok=True)
            return
        with replacing(paths.notes_txt) as aside:
            aside.write_text("\n".join(texts) + "\n", "utf-8")
    except OSError as error:
        raise cannot_write(paths.results, error) from error


def _write_summary(workspace: Workspace, summary: Summary) -> None:
    paths = workspace.study.paths
    records = summary.records()
    columns = list(records[0]) if records else []
    if summary.rows_note:
        columns.append("rows")
        records = [{**record, "rows": workspace.settings.rows} for record in records]
    with csv_table(paths.summary_csv, columns) as table:
        table.writerows([[cell(record[name]) for name in columns] for record in records])
