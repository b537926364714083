"""Units and events as JSON text; a context goes by its digest, as numbers are a ledger's own."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import Settings, TaskResult, TaskSpec
from gridrun.plan.limits import Limits
from gridrun.plan.units import (
    Attempt,
    Event,
    FoundAtFault,
    Job,
    Kind,
    PeakMeasured,
    TaskDone,
    TaskFailed,
    Unit,
    UnitFinished,
    UnitStarted,
    WorkerReady,
)

DigestOf = Callable[[int], str]
"""Digest of a context by the number it has here."""

NumberOf = Callable[[str], int]
"""Number that a context has here, by its digest."""

NOT_AS_WRITTEN = (ValueError, LookupError, TypeError, AttributeError, RuntimeError)
"""What reading other text than that which was written may raise."""

_MOST_SHOWN = 80
"""Letters of an outcome that a message shows."""

_PLAIN = {kind.__name__: kind for kind in (WorkerReady, UnitStarted, UnitFinished, FoundAtFault)}


def dump(data: Any) -> str:
    """Plain data as one line; NaN stays NaN, numbers come back as they were."""
    # escaped, so that R output with bytes of no encoding cannot make it unwritable
    return json.dumps(data, separators=(",", ":"), default=dict)


def job_data(job: Job) -> dict[str, Any]:
    """A job as plain data, without the paths of the inputs: a worker never opens them."""
    return {
        "pipeline": job.pipeline,
        "protocol": job.settings.protocol,
        "seed": job.settings.seed,
        "rows": job.settings.rows,
        "options": dict(job.settings.options),
        "limits": asdict(job.limits),
        **({"needs": list(job.settings.needs)} if job.settings.needs else {}),
        **({"peaks": dict(job.peaks)} if job.peaks else {}),
    }


def job_from(data: Mapping[str, Any]) -> Job:
    """The job that ``job_data`` wrote."""
    if not isinstance(data["pipeline"], str):
        raise TypeError("the name of the pipeline is no text")
    needs = tuple(data.get("needs", ()))
    settings = Settings(
        {}, data["protocol"], data["seed"], data["rows"], data["options"], needs=needs
    )
    limits = Limits.from_data(data["limits"])
    return Job(data["pipeline"], settings, limits, data.get("peaks", {}))


def unit_text(unit: Unit, digest_of: DigestOf) -> str:
    """A unit as one line."""
    tasks = [_task_data(task, digest_of) for task in unit.tasks]
    head = {name: getattr(unit, name) for name in ("artifact", "checksum", "seconds")}
    return dump({"unit": unit.id, **head, "tasks": tasks})


def unit_from(text: str, number_of: NumberOf) -> Unit:
    """The unit that ``unit_text`` wrote."""
    data = json.loads(text)
    tasks = tuple(_task_from(task, number_of) for task in data["tasks"])
    return Unit(data["unit"], data["artifact"], tasks, data["seconds"], data["checksum"])


def event_text(event: Event, digest_of: DigestOf) -> str:
    """An event as one line."""
    kind = type(event).__name__
    if isinstance(event, TaskDone | TaskFailed):
        data = {name: value for name, value in vars(event).items() if name not in _NESTED}
        data["task"] = _task_data(event.task, digest_of)
        data["attempt"] = asdict(event.attempt)
        if isinstance(event, TaskDone):
            data["result"] = _result_data(event.result)
        return dump({"event": kind, **data})
    data = asdict(event)
    if isinstance(event, PeakMeasured):
        data["context"] = digest_of(event.context)
    return dump({"event": kind, **data})


def event_from(text: str, number_of: NumberOf) -> Event:
    """The event that ``event_text`` wrote.

    Raises:
        EnvironmentFault: It is none, though the segment it stands in is whole.
    """
    try:
        return _event_from(json.loads(text), number_of)
    except NOT_AS_WRITTEN as error:
        raise EnvironmentFault(
            f"an outcome cannot be read ({type(error).__name__}: {error}): {text[:_MOST_SHOWN]}",
            todo="another version of gridrun wrote it: use that one, or let the shard run again",
        ) from error


def _event_from(data: dict[str, Any], number_of: NumberOf) -> Event:
    kind = data.pop("event")
    if kind in _PLAIN:
        event: Event = _PLAIN[kind](**data)
        return event
    if kind == PeakMeasured.__name__:
        return PeakMeasured(number_of(data["context"]), data["stage"], int(data["used"]))
    if kind not in (TaskDone.__name__, TaskFailed.__name__):
        raise ValueError(f"nothing is known of {kind!r}")
    task = _task_from(data.pop("task"), number_of)
    attempt = Attempt(**data.pop("attempt"))
    if kind == TaskDone.__name__:
        return TaskDone(task, attempt, _result_from(data["result"]), data["log"])
    return TaskFailed(task, attempt, Kind(data.pop("kind")), **data)


_NESTED = ("task", "attempt", "result")


def _task_data(task: TaskSpec, digest_of: DigestOf) -> list[Any]:
    return [digest_of(task.context), task.code, task.fold, task.classifier, dict(task.values)]


def _task_from(data: list[Any], number_of: NumberOf) -> TaskSpec:
    context, code, fold, classifier, values = data
    return TaskSpec(number_of(context), code, fold, classifier, dict(values))


def _result_from(data: dict[str, Any]) -> TaskResult:
    for name in ("rows", "details", "notes"):
        data[name] = tuple(data[name])
    for name, text in data["payloads"].items():
        data["payloads"][name] = base64.b64decode(text)
    return TaskResult(**data)


def _result_data(result: TaskResult) -> dict[str, Any]:
    payloads = {name: base64.b64encode(data).decode() for name, data in result.payloads.items()}
    return {**vars(result), "payloads": payloads}
