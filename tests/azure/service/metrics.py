"""Metrics of runs, version 2: logged in batches, listed by name, read one by one."""

from __future__ import annotations

from .messages import Request, Response, error, reply
from .routes import route
from .state import State

_RUN = r"/metric/v2\.0{ws}/runs/(?P<run_id>[^/]+)"


@route("POST", "api", _RUN + "/batch")
def log(state: State, request: Request, run_id: str) -> Response:
    """Append values to a run's metrics."""
    with state.changed:
        run = state.runs.get(run_id)
        if run is None:
            return error(404, "UserError", f"Run {run_id} was not found.")
        for metric in request.json()["values"]:
            known = run.metrics.setdefault(
                metric["name"],
                {
                    "columns": dict(metric["columns"]),
                    "properties": metric.get("properties"),
                    "value": [],
                },
            )
            known["columns"].update(metric["columns"])
            known["value"].extend(metric["value"])
        state.changed.notify_all()
    return reply({"errors": []})


@route("POST", "api", _RUN + "/list")
def list_metrics(state: State, request: Request, run_id: str) -> Response:
    """The names and columns of a run's metrics."""
    with state.changed:
        run = state.runs.get(run_id)
        if run is None:
            return error(404, "UserError", f"Run {run_id} was not found.")
        value = [
            {"metricKey": {"namespace": None, "name": name}, "columns": dict(metric["columns"])}
            for name, metric in run.metrics.items()
        ]
    return reply({"value": value, "continuationToken": None})


@route("POST", "api", _RUN + "/full")
def read_metric(state: State, request: Request, run_id: str) -> Response:
    """Every value of one metric."""
    name = request.json()["metricName"]
    with state.changed:
        run = state.runs.get(run_id)
        if run is None or name not in run.metrics:
            return error(404, "UserError", f"Metric {name} was not found.")
        metric = run.metrics[name]
        content = {
            "dataContainerId": run.container_id,
            "name": name,
            "namespace": None,
            "columns": dict(metric["columns"]),
            "properties": metric["properties"],
            "value": list(metric["value"]),
            "continuationToken": None,
        }
    return reply(content)
