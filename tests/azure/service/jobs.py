"""Jobs of version 2: sent, shown and cancelled through the resource manager.

A sweep of version 2 is a HyperDrive run: what is sent here becomes what HyperDrive is told.
"""

from __future__ import annotations

import copy
import json
import math
import uuid
from typing import Any

from . import cluster, hyperdrive
from .assets import code_of, environment_of, snapshot_of
from .history import find_run
from .job_checks import LONGEST_S, MOST_TRIALS, SERVERLESS, compute_of, refusal, seconds_of
from .job_record import job_record
from .messages import Request, Response, arm_error, reply
from .routes import route
from .state import Compute, Run, State, Sweep

_JOB = r"{ws}/jobs/(?P<name>[^/]+)"


def _not_found(name: str) -> Response:
    return arm_error(404, "UserError", f"Run {name} was not found.")


@route("PUT", "arm", _JOB)
def put_job(state: State, request: Request, name: str) -> Response:
    """Take a job and start it, once."""
    job = request.json()["properties"]
    with state.changed:
        if refused := refusal(state, name, job):
            return refused
        experiment = job.get("experimentName") or "Default"
        state.experiments.setdefault(experiment, str(uuid.uuid4()))
        if compute_of(job) == SERVERLESS:
            _make_serverless(state)
        run = (_sweep if job["jobType"] == "Sweep" else _alone)(state, name, experiment, job)
        run.display_name = job.get("displayName")
        run.description = job.get("description")
        run.tags.update(job.get("tags") or {})
        run.properties.update(job.get("properties") or {})
        state.set_status(run, "Running" if job["jobType"] == "Sweep" else "Starting")
        shown = job_record(state, run)
    where = f"https://{request.host}{request.path}?api-version={request.query.get('api-version')}"
    return reply(shown, 201, Location=where)


def _make_serverless(state: State) -> None:
    scale = {"minNodeCount": 0, "maxNodeCount": state.settings.serverless_nodes}
    state.computes.setdefault(
        SERVERLESS, Compute(SERVERLESS, {"vmSize": "", "scaleSettings": scale})
    )


def _definition(state: State, job: dict[str, Any], trial: dict[str, Any]) -> dict[str, Any]:
    """The run definition that HyperDrive and the history have."""
    environment = environment_of(state, trial["environmentId"]) or {}
    limits = job.get("limits") or {}
    kind = "trialTimeout" if job["jobType"] == "Sweep" else "timeout"
    return {
        "script": None,
        "command": trial["command"],
        "arguments": [],
        "target": compute_of(job),
        "environment": {
            "name": trial["environmentId"],
            "docker": {"baseImage": environment.get("image")},
            "environmentVariables": {},
        },
        "environmentVariables": dict(trial.get("environmentVariables") or {}),
        "maxRunDurationSeconds": seconds_of(limits.get(kind)),
        "nodeCount": 1,
        "history": {"outputCollection": True, "directoriesToWatch": ["logs"]},
    }


def _platform(state: State, job: dict[str, Any], name: str, experiment: str) -> dict[str, Any]:
    code = code_of(state, job["trial"]["codeId"]) if job["trial"].get("codeId") else None
    return {
        "ServiceAddress": f"https://{state.names.api_host}",
        "SubscriptionId": state.names.subscription_id,
        "ResourceGroupName": state.names.resource_group,
        "WorkspaceName": state.names.name,
        "ExperimentName": experiment,
        "Definition": {
            "Overrides": _definition(state, job, job["trial"]),
            "SnapshotId": snapshot_of(state, code),
            "DisplayName": job.get("displayName"),
        },
        "ParentRunId": name,
    }


def _capitalised(content: Any) -> Any:
    """Keys as Azure's tags have them: with a capital letter in front."""
    if isinstance(content, dict):
        return {key[:1].upper() + key[1:]: _capitalised(value) for key, value in content.items()}
    return content


def _sweep(state: State, name: str, experiment: str, job: dict[str, Any]) -> Run:
    limits = job.get("limits") or {}
    most = limits.get("maxTotalTrials") or MOST_TRIALS
    objective = job["objective"]
    config = {
        "name": name,
        "platform": "AML",
        "generator_config": {
            "name": "GRID",
            "parameter_space": copy.deepcopy(job["searchSpace"]),
            "properties": None,
        },
        "primary_metric_config": {
            "name": objective["primaryMetric"],
            "goal": str(objective["goal"]).lower(),
        },
        "policy_config": {"name": "Default", "properties": {}},
        "platform_config": _platform(state, job, name, experiment),
        "max_total_jobs": most,
        "max_concurrent_jobs": limits.get("maxConcurrentTrials") or most,
        "max_duration_minutes": math.ceil((seconds_of(limits.get("timeout")) or LONGEST_S) / 60),
    }
    run = hyperdrive.accept(state, config, experiment, name, job)
    shown = copy.deepcopy(config["platform_config"])
    shown["Definition"]["Overrides"] = _capitalised(shown["Definition"]["Overrides"])
    run.tags |= {
        "_aml_system_platform_config": json.dumps(shown),
        "_aml_system_resume_child_runs": "null",
        "_aml_system_all_jobs_generated": "false",
        "_aml_system_cancellation_requested": "false",
    }
    run.properties |= {"resume_from": "null", "user_agent": "managementfrontend/loopback"}
    return run


def _alone(state: State, name: str, experiment: str, job: dict[str, Any]) -> Run:
    definition = _definition(state, job, job)
    code = code_of(state, job["codeId"]) if job.get("codeId") else None
    snapshot_id = snapshot_of(state, code)
    run = Run(
        run_id=name,
        number=state.next_number(experiment),
        experiment=experiment,
        run_type="azureml.scriptrun",
        target=definition["target"],
        definition=definition,
        properties={"ContentSnapshotId": snapshot_id, "azureml.runsource": "job"},
        job=job,
    )
    state.add_run(run)
    config = {"platform_config": {"Definition": {"SnapshotId": snapshot_id, "Overrides": {}}}}
    cluster.start_alone(state, Sweep(run, config, children=[run]))
    return run


@route("GET", "arm", _JOB)
def get_job(state: State, request: Request, name: str) -> Response:
    """A job: a sweep of either version, a trial of one, or a command job."""
    with state.changed:
        run = find_run(state, name)
        if run is None or (run.parent_id and not state.settings.odd.trials_as_jobs):
            return _not_found(name)
        return reply(job_record(state, run))


@route("POST", "arm", _JOB + "/cancel")
def cancel_job(state: State, request: Request, name: str) -> Response:
    """Ask for the end of a job or trial; says where to ask how far that is."""
    with state.changed:
        run = state.runs.get(name)
        if run is None or (run.parent_id and not state.settings.odd.trials_as_jobs):
            return _not_found(name)
        if run.is_over and state.settings.odd.refuses_cancel_of_ended:
            text = f"Run {name} has ended already and cannot be cancelled."
            return arm_error(400, "UserError", text)
        cluster.cancel(state, run)
        operation = uuid.uuid4().hex
        state.operations[operation] = state.settings.cancel_polls
    where = (
        f"https://management.azure.com/subscriptions/{state.names.subscription_id}/providers"
        f"/Microsoft.MachineLearningServices/locations/{state.names.region}"
        f"/mfeOperationResults/jc:{state.names.workspace_id}:{operation}"
        f"?api-version={request.query.get('api-version')}"
    )
    return Response(202, headers={"Location": where, "Retry-After": "1"})


@route(
    "GET",
    "arm",
    r"/subscriptions/[^/]+/providers/Microsoft\.MachineLearningServices/locations/[^/]+"
    r"/mfeOperationResults/jc:[^:]+:(?P<operation>[0-9a-f]+)",
)
def operation_result(state: State, request: Request, operation: str) -> Response:
    """How far a cancel is: 202 until it is done."""
    with state.changed:
        if operation not in state.operations:
            return arm_error(404, "UserError", f"Operation {operation} was not found.")
        if state.operations[operation] > 0:
            state.operations[operation] -= 1
            where = f"https://{request.host}{request.path}"
            return Response(202, headers={"Location": where, "Retry-After": "1"})
    return Response(200)
