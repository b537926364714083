"""HyperDrive: sweeps are submitted and cancelled here; cluster.py runs them."""

from __future__ import annotations

import itertools
import json
import re
import uuid
from typing import Any

from . import cluster
from .messages import Request, Response, reply, timestamp
from .routes import route
from .state import Run, State, Sweep

_SCOPE = r"/hyperdrive/v1\.0{ws}/experiments/(?P<experiment>[^/]+)"
_LIMITS = {"max_total_jobs": 1000, "max_concurrent_jobs": 100, "max_duration_minutes": 43200}


def _refuse(status: int, message: str) -> Response:
    return reply({"code": status, "message": message}, status)


def combinations(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The values of every child, in the grid's order, the last parameter fastest."""
    space = config["generator_config"]["parameter_space"]
    axes = [[(name, value) for value in spec[1][0]] for name, spec in space.items()]
    wanted = [dict(one) for one in itertools.product(*axes)]
    return wanted[: config["max_total_jobs"]]


def _complaint(state: State, config: dict[str, Any], experiment: str) -> Response | None:
    """What is wrong with a submitted sweep; None if nothing is."""
    generator = config["generator_config"]
    definition = config["platform_config"]["Definition"]
    target = definition["Overrides"]["target"]
    text = None
    for name, most in _LIMITS.items():
        value = config.get(name)
        if not isinstance(value, int) or not 1 <= value <= most:
            text = text or str({name: [f"Must be between 1 and {most}."]})
    if generator["name"] != "GRID":
        state.journal.add_unknown(f"sampling {generator['name']}")
        text = "only grid sampling is known here"
    elif any(spec[0] != "choice" for spec in generator["parameter_space"].values()):
        text = "{'parameter_space': ['Grid sampling takes choices only.']}"
    elif experiment not in state.experiments:
        text = f"Experiment {experiment} was not found."
    elif definition["SnapshotId"] not in state.snapshots:
        text = f"Snapshot {definition['SnapshotId']} was not found."
    elif str(target).lower() not in state.computes:
        text = f"Unknown compute target '{target}'."
    return _refuse(400, text) if text else None


@route("POST", "api", _SCOPE + r"/runs")
def submit(state: State, request: Request, experiment: str) -> Response:
    """Start a sweep under an id of the service's choice."""
    return _start(state, request, experiment, f"HD_{uuid.uuid4()}")


@route("POST", "api", _SCOPE + r"/hdruns/(?P<run_id>[^/]+)")
def submit_under_id(state: State, request: Request, experiment: str, run_id: str) -> Response:
    """Start a sweep under the client's id, once."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}", run_id):
        return _refuse(400, f"The run id {run_id} holds other than letters, digits, - and _.")
    return _start(state, request, experiment, run_id)


def _start(state: State, request: Request, experiment: str, run_id: str) -> Response:
    text = request.form_field("config")
    if text is None:
        return _refuse(400, "{'config': ['Missing data for required field.']}")
    config = json.loads(text)
    with state.changed:
        if run_id in state.runs:
            return _refuse(409, f"A run with id {run_id} already exists")
        if complaint := _complaint(state, config, experiment):
            return complaint
        run = accept(state, config, experiment, run_id)
    result = {
        "hyperdrive_run_id": run_id,
        "experiment_id": run_id,
        "name": config.get("name"),
        "platform": "AML",
        "status": "PREPARING",
        "created": timestamp(run.created),
        "modified": timestamp(run.created),
        "created_by_user_id": 0,
        "study_id": 0,
        "all_jobs_generated": False,
        "cancellation_requested": False,
        **{key: value for key, value in config.items() if key != "name"},
    }
    result["platform_config"] = {**config["platform_config"], "ParentRunId": run_id}
    return reply({"code": 201, "result": result}, 201)


def accept(
    state: State,
    config: dict[str, Any],
    experiment: str,
    run_id: str,
    job: dict[str, Any] | None = None,
) -> Run:
    """Make a sweep known and start it; returns its parent.

    Args:
        state: The service's state.
        config: What HyperDrive was told.
        experiment: Name of the experiment.
        run_id: Id of the parent.
        job: What was sent to the resource manager, by clients of version 2.
    """
    with state.changed:
        run = _parent(state, config, experiment, run_id)
        run.job = job
        sweep = Sweep(run, config)
        state.sweeps[run_id] = sweep
        state.add_run(run)
    cluster.start(state, sweep, combinations(config))
    return run


def _parent(state: State, config: dict[str, Any], experiment: str, run_id: str) -> Run:
    tags = {
        f"_aml_system_{key}": json.dumps(config[key])
        for key in ("generator_config", "primary_metric_config", "policy_config", "platform_config")
    }
    tags |= {
        f"_aml_system_{key}": str(config[key])
        for key in ("max_total_jobs", "max_concurrent_jobs", "max_duration_minutes")
    }
    definition = config["platform_config"]["Definition"]
    properties = {
        "azureml.runsource": "hyperdrive",
        "runTemplate": "HyperDrive",
        "platform": "AML",
        "primary_metric_config": json.dumps(config["primary_metric_config"]),
        "ContentSnapshotId": definition["SnapshotId"],
    }
    return Run(
        run_id=run_id,
        number=state.next_number(experiment),
        experiment=experiment,
        run_type="hyperdrive",
        target=definition["Overrides"]["target"],
        definition={},
        tags=tags,
        properties=properties,
    )


@route("POST", "api", _SCOPE + r"/runs/(?P<run_id>[^/]+)/cancel")
def cancel(state: State, request: Request, experiment: str, run_id: str) -> Response:
    """Ask for the end of a sweep; its children are ended one by one afterwards."""
    sweep = state.sweeps.get(run_id)
    if sweep is None:
        return _refuse(404, f"Run {run_id} was not found.")
    cluster.cancel(state, sweep.run)
    return reply({"code": 200, "result": "Cancelled"})


@route(
    "POST",
    "api",
    r"/execution/v1\.0{ws}/experiments/(?P<experiment>[^/]+)/runId/(?P<run_id>[^/]+)/cancel",
)
def cancel_child(state: State, request: Request, experiment: str, run_id: str) -> Response:
    """Ask for the end of one child."""
    run = state.runs.get(run_id)
    if run is None:
        return _refuse(404, f"Run {run_id} was not found.")
    cluster.cancel(state, run)
    return reply({})
