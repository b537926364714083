"""MLflow's own interface to runs, as azureml-mlflow and plain requests of trials use it."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from .messages import Request, Response, reply, timestamp
from .routes import route
from .state import Run, State

_API = r"/mlflow/v[12]\.0{ws}/api/2\.0/mlflow"
_STATES = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}


def _refuse(status: int, code: str, message: str) -> Response:
    return reply({"error_code": code, "message": message}, status)


def _missing(run_id: str | None) -> Response:
    return _refuse(404, "RESOURCE_DOES_NOT_EXIST", f"Run with id={run_id} not found")


def _run_of(state: State, request: Request) -> tuple[Run | None, dict[str, Any]]:
    body = request.json() or dict(request.query)
    return state.runs.get(body.get("run_id") or body.get("run_uuid") or ""), body


def _milliseconds(at: datetime | None) -> int | None:
    return round(at.timestamp() * 1000) if at else None


def _show(state: State, run: Run) -> dict[str, Any]:
    metrics = [
        {"key": name, "value": metric["value"][-1]["data"].get(name), "timestamp": 0, "step": 0}
        for name, metric in run.metrics.items()
        if name in metric["columns"]
    ]
    info = {
        "run_id": run.run_id,
        "run_uuid": run.run_id,
        "run_name": run.display_name or run.run_id,
        "experiment_id": state.experiments[run.experiment],
        "status": _STATES.get(run.status, "RUNNING"),
        "start_time": _milliseconds(run.started),
        "end_time": _milliseconds(run.ended),
        "artifact_uri": f"azureml://datastores/workspaceartifactstore/{run.container_id}",
        "lifecycle_stage": "active",
    }
    tags = [{"key": key, "value": value} for key, value in run.tags.items()]
    return {"run": {"info": info, "data": {"metrics": metrics, "params": [], "tags": tags}}}


def _log(run: Run, metric: dict[str, Any]) -> None:
    """Keep a value as version 1 keeps it, so that both read the same."""
    name = metric["key"]
    properties = {"uxMetricType": "azureml.v1.scalar"}
    known = run.metrics.setdefault(
        name, {"columns": {name: "double"}, "properties": properties, "value": []}
    )
    at = datetime.fromtimestamp((metric.get("timestamp") or time.time() * 1000) / 1000, UTC)
    known["value"].append(
        {
            "metricId": str(uuid.uuid4()),
            "createdUtc": timestamp(at),
            "step": metric.get("step") or 0,
            "data": {name: float(metric["value"])},
        }
    )


@route("GET", "api", _API + "/runs/get")
def get_run(state: State, request: Request) -> Response:
    """A run."""
    with state.changed:
        run, body = _run_of(state, request)
        return reply(_show(state, run)) if run else _missing(body.get("run_id"))


@route("POST", "api", _API + "/runs/log-metric")
@route("POST", "api", _API + "/runs/log-batch")
def log(state: State, request: Request) -> Response:
    """Append values to a run's metrics, and set tags; parameters are taken and not kept."""
    with state.changed:
        run, body = _run_of(state, request)
        if run is None:
            return _missing(body.get("run_id"))
        for metric in [body] if "key" in body else body.get("metrics") or []:
            _log(run, metric)
        run.tags.update({tag["key"]: tag["value"] for tag in body.get("tags") or []})
        state.changed.notify_all()
    return reply({})


@route("POST", "api", _API + "/runs/set-tag")
def set_tag(state: State, request: Request) -> Response:
    """Set one tag of a run."""
    with state.changed:
        run, body = _run_of(state, request)
        if run is None:
            return _missing(body.get("run_id"))
        run.tags[body["key"]] = body["value"]
    return reply({})


@route("POST", "api", _API + "/runs/log-parameter")
@route("POST", "api", _API + "/runs/update")
def take(state: State, request: Request) -> Response:
    """Things that are taken and change nothing that is read here."""
    with state.changed:
        run, _ = _run_of(state, request)
        return reply({"run_info": _show(state, run)["run"]["info"]} if run else {})


@route("GET", "api", _API + "/metrics/get-history")
def history(state: State, request: Request) -> Response:
    """Every value of one metric of a run."""
    with state.changed:
        run, body = _run_of(state, request)
        if run is None:
            return _missing(body.get("run_id"))
        name = body["metric_key"]
        values = run.metrics.get(name, {"value": []})["value"]
        shown = [
            {"key": name, "value": one["data"][name], "timestamp": 0, "step": at}
            for at, one in enumerate(values)
        ]
    return reply({"metrics": shown})


@route("GET", "api", _API + "/experiments/get-by-name")
@route("GET", "api", _API + "/experiments/get")
def experiment(state: State, request: Request) -> Response:
    """An experiment by name or id."""
    name, number = request.query.get("experiment_name"), request.query.get("experiment_id")
    for known, identifier in state.experiments.items():
        if known == name or identifier == number:
            shown = {
                "experiment_id": identifier,
                "name": known,
                "artifact_location": "",
                "lifecycle_stage": "active",
            }
            return reply({"experiment": shown})
    return _refuse(404, "RESOURCE_DOES_NOT_EXIST", "Could not find experiment")
