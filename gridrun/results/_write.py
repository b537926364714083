"""Writing the tables: CSV and Parquet, aside and renamed, only when something changed."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gridrun.cache import with_replacement
from gridrun.errors import Fault
from gridrun.fingerprint import digest_of
from gridrun.ledger import LedgerView, cannot_write
from gridrun.paths import StudyPaths
from gridrun.results._cells import cell
from gridrun.results._parquet import ParquetFile
from gridrun.results._rows import Part, parts
from gridrun.results._summary import Group, Summary
from gridrun.workspace import Workspace

_STAMP = "stamp"


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
    groups: dict[tuple[str, str], Group] = {}
    reasons: dict[tuple[str, str], int] = {}
    try:
        with _alone(paths), _Tables(workspace) as tables:
            for part in parts(workspace, view):
                method = str(part.values[workspace.pipeline.method_parameter])
                group = groups.setdefault((method, part.classifier), Group(method, part.classifier))
                group.add(part)
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
        with_replacement(
            paths.results_stamp, lambda path: _put(path, json.dumps(kept, ensure_ascii=False))
        )
    except OSError as error:
        raise cannot_write(paths.results, error) from error
    return summary


def columns_of(workspace: Workspace) -> list[str]:
    """Columns of the final table, in order."""
    names = [
        *workspace.study.grid.names,
        "protocol",
        "classifier",
        "fold",
        "method",
        *workspace.pipeline.result_columns,
        "state",
        "reason",
        "combination",
        "shared_with",
    ]
    return [*names, "rows"] if workspace.settings.rows is not None else names


class _Tables(contextlib.AbstractContextManager["_Tables"]):
    """The three large tables, written in one pass."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._columns = columns_of(workspace)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        paths = self._workspace.study.paths
        self._final = self._csv(paths.results_csv, self._columns)
        self._parquet = self._stack.enter_context(
            ParquetFile(paths.results_parquet, self._workspace, self._columns)
        )
        leading = [name for name in self._columns if name not in ("state", "reason")]
        self._consequence_columns = [*leading, "consequence"]
        self._consequence = self._csv(paths.per_consequence_csv, self._consequence_columns)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, part: Part) -> None:
        """Add the rows of a part to each table."""
        head = _head(self._workspace, part)
        for row in part.rows:
            record = {**head, **row}
            values = [record.get(name) for name in self._columns]
            self._final.writerow([cell(value) for value in values])
            self._parquet.write(values)
        for row in part.details:
            record = {**head, **row}
            self._consequence.writerow(
                [cell(record.get(name)) for name in self._consequence_columns]
            )

    def _csv(self, target: Path, columns: Sequence[str]) -> Any:
        handle = self._stack.enter_context(_replacing(target))
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        return writer


def _head(workspace: Workspace, part: Part) -> dict[str, Any]:
    head: dict[str, Any] = {
        **part.values,
        "protocol": workspace.study.protocol,
        "classifier": part.classifier,
        "fold": part.fold,
        "method": part.values[workspace.pipeline.method_parameter],
        "state": str(part.state),
        "reason": f"{part.kind}: {part.reason}" if part.kind else part.reason,
        "combination": part.combination,
        "shared_with": part.shared_with if part.shared_with is not None else "",
    }
    if workspace.settings.rows is not None:
        head["rows"] = workspace.settings.rows
    return head


@contextlib.contextmanager
def _alone(paths: StudyPaths) -> Iterator[None]:
    """Wait until nobody else writes the tables; a killed writer holds no lock."""
    paths.state.mkdir(parents=True, exist_ok=True)
    with paths.results_lock.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Any]:
    """A text file that takes the place of ``target`` when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.new")
    try:
        with aside.open("w", encoding="utf-8", newline="") as handle:
            yield handle
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


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
            "columns": columns_of(workspace),
        }
    )


def _all_there(workspace: Workspace) -> bool:
    paths = workspace.study.paths
    return all(
        path.exists()
        for path in (
            paths.results_csv,
            paths.results_parquet,
            paths.per_consequence_csv,
            paths.summary_csv,
        )
    )


def _read_stamp(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        # not there, or cut short by something else than us: the tables are written anew
        return None


def _restore(workspace: Workspace, kept: dict[str, Any]) -> Summary:
    groups = []
    for data in kept["groups"]:
        group = Group(**{name: data[name] for name in data if not name.startswith("_")})
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
    paths = workspace.study.paths
    return Summary(
        groups=tuple(groups),
        reasons=reasons,
        files={
            "final table": paths.results_csv,
            "the same as Parquet": paths.results_parquet,
            "per consequence": paths.per_consequence_csv,
            "this summary": paths.summary_csv,
        },
        combinations=len(workspace.selection),
        folds=workspace.folds,
        protocol=workspace.study.protocol,
        rows_note=workspace.rows_note,
    )


def _ordered(workspace: Workspace, groups: dict[tuple[str, str], Group]) -> list[Group]:
    methods = [str(v) for v in workspace.study.grid.allowed()[workspace.pipeline.method_parameter]]
    classifiers = list(workspace.pipeline.classifiers)
    return sorted(
        groups.values(),
        key=lambda group: (methods.index(group.method), classifiers.index(group.classifier)),
    )


def _add_seconds(
    workspace: Workspace, view: LedgerView | None, groups: dict[tuple[str, str], Group]
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
        with _replacing(paths.notes_txt) as handle:
            handle.write("\n".join(texts) + "\n")
    except OSError as error:
        raise cannot_write(paths.results, error) from error


def _write_summary(workspace: Workspace, summary: Summary) -> None:
    paths = workspace.study.paths
    records = summary.records()
    columns = list(records[0]) if records else []
    if summary.rows_note:
        columns.append("rows")
        records = [{**record, "rows": workspace.settings.rows} for record in records]
    with _replacing(paths.summary_csv) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([[cell(record[name]) for name in columns] for record in records])


def _put(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
