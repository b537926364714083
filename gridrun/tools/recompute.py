"""Finished tasks run once more, their numbers held against those that the ledger has."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrun.pipeline import Column, TaskFailure, TaskResult, TaskSpec
from gridrun.plan.fingerprint import digest_of_bytes
from gridrun.plan.tasks import values_of
from gridrun.plan.units import Job, TaskDone, TaskFailed, Unit
from gridrun.run import Artifacts
from gridrun.store.ledger import StoredResult
from gridrun.study.state import StudyState
from gridrun.worker import Supervisor

_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Recomputed:
    """A finished task that was run once more.

    Args:
        task: Which task.
        difference: How its result differs, or why there is none; empty where it is the same.
    """

    task: TaskSpec
    difference: str


def finished_tasks(study_state: StudyState) -> list[TaskSpec]:
    """Done tasks of the selection, whose code and inputs are today's."""
    view, tables = study_state.view, study_state.tables
    if view is None:
        return []
    return [
        TaskSpec(ident, code, fold, context.classifier, values_of(tables, context.classifier, code))
        for context, ident in zip(tables.contexts, study_state.known_context_ids(), strict=True)
        if ident is not None
        for fold in range(1, study_state.folds + 1)
        for code in view.finished(ident, fold)[0].tolist()
    ]


def recompute(study_state: StudyState, count: int) -> Iterator[Recomputed]:
    """Run a random sample of finished tasks again, each in a process as a worker's.

    Args:
        study_state: The study and which of its tasks are meant; nothing of it is written.
        count: How many.

    Raises:
        GridrunError: The inputs cannot be read, or no process can be started.
    """
    view = study_state.view
    done = finished_tasks(study_state) if count else []
    if view is None or not done:
        return
    chosen = random.SystemRandom().sample(done, min(count, len(done)))
    source = study_state.open_source()
    artifacts = Artifacts(lambda: source, lambda _: None)
    job = Job(study_state.pipeline_name, study_state.settings, study_state.study.limits)
    with tempfile.TemporaryDirectory(prefix="gridrun-again-") as name:
        supervisor = Supervisor(job, artifacts.read, Path(name) / "worker")
        try:
            for task in chosen:
                stored = view.result(task.context, task.fold, task.code)
                if stored is None or not stored.is_whole:
                    yield Recomputed(task, "the ledger does not have what was recorded")
                    continue
                yield Recomputed(task, _again(study_state, task, stored, artifacts, supervisor))
        finally:
            supervisor.close()


def _again(
    study_state: StudyState,
    task: TaskSpec,
    stored: StoredResult,
    artifacts: Artifacts,
    supervisor: Supervisor,
) -> str:
    block = {name: task.values[name] for name in study_state.pipeline.block if name in task.values}
    try:
        artifact, checksum = artifacts.make(block)
    except TaskFailure as failure:
        return f"it fails now: {failure.message}"
    supervisor.start(Unit(f"again {task.code}", artifact, (task,), checksum=checksum))
    found: TaskDone | TaskFailed | None = None
    while not supervisor.is_idle:
        for event in supervisor.poll(_POLL_SECONDS):
            if isinstance(event, TaskDone | TaskFailed):
                found = event
    if not isinstance(found, TaskDone):
        return f"it fails now: {found.reason if found is not None else 'no outcome'}"
    columns = study_state.pipeline.result_columns
    return _difference(_plain_stored(stored, columns), _plain(found.result, columns))


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    names = [name for name in old if json.dumps(old[name]) != json.dumps(new[name])]
    if not names:
        return ""
    return (
        f"other {', '.join(names)}: {_short(old[names[0]])} recorded, {_short(new[names[0]])} now"
    )


def _short(data: Any) -> str:
    return json.dumps(data)[:200]


def _plain_stored(stored: StoredResult, columns: Sequence[Column]) -> dict[str, Any]:
    return {
        "rows": _unmeasured(json.loads(stored.rows), columns),
        "rows per consequence": _unmeasured(json.loads(stored.details), columns),
        "pooled row": json.loads(stored.pooled),
        "payloads": json.loads(stored.payloads),
    }


def _plain(result: TaskResult, columns: Sequence[Column]) -> dict[str, Any]:
    payloads = {name: digest_of_bytes(data) for name, data in result.payloads.items()}
    return {
        "rows": _unmeasured(result.rows, columns),
        "rows per consequence": _unmeasured(result.details, columns),
        "pooled row": dict(result.pooled),
        "payloads": payloads,
    }


def _unmeasured(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]
) -> list[dict[str, Any]]:
    measured = {column.name for column in columns if column.measured}
    return [{name: row[name] for name in row if name not in measured} for row in rows]
