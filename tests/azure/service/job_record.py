"""Jobs as the resource manager shows them, whoever sent them: sweeps, trials, command jobs."""

from __future__ import annotations

import copy
from typing import Any

from .assets import system_data
from .messages import timestamp
from .state import Run, State

_TYPE = "Microsoft.MachineLearningServices/workspaces/jobs"


def job_record(state: State, run: Run) -> dict[str, Any]:
    """A run as the resource manager's job service shows it."""
    names, odd = state.names, state.settings.odd
    job = run.job or _from_version_1(state, run)
    shown = {
        "description": run.description,
        "tags": dict(run.tags),
        "properties": dict(run.properties),
        "displayName": run.display_name or run.run_id,
        "status": odd.status_of(run) if odd.status_of else run.status,
        "experimentName": run.experiment,
        "services": _services(state, run),
        "computeId": job.get("computeId"),
        "isArchived": False,
        "identity": None,
        "componentId": None,
        "notificationSetting": None,
        **_own(state, job),
        "inputs": copy.deepcopy(job.get("inputs") or {}),
        "outputs": {**copy.deepcopy(job.get("outputs") or {}), "default": _default_output(run)},
        "queueSettings": job.get("queueSettings"),
    }
    if job["jobType"] == "Sweep" and job.get("resources"):
        shown["resources"] = _resources(job["resources"])
    if odd.tags == "null":
        shown["tags"] = None
    elif odd.tags == "missing":
        del shown["tags"]
    if odd.extra_fields:
        shown |= {"parentJobName": run.parent_id, "novelty": {"is": ["new"]}, "lastUpdated": None}
    made = {**system_data(), "createdAt": timestamp(run.created)}
    return {
        "id": f"{names.arm_path}/jobs/{run.run_id}",
        "name": run.run_id,
        "type": _TYPE,
        "properties": shown,
        "systemData": made,
    }


def _services(state: State, run: Run) -> dict[str, Any]:
    names = state.names
    where = (
        f"/subscriptions/{names.subscription_id}/resourcegroups/{names.resource_group}"
        f"/workspaces/{names.name}"
    )
    studio = {
        "jobServiceType": "Studio",
        "port": None,
        "endpoint": f"https://ml.azure.com/runs/{run.run_id}?wsid={where}",
        "status": None,
        "errorMessage": None,
        "properties": None,
        "nodes": None,
    }
    return {"Studio": studio}


def _default_output(run: Run) -> dict[str, Any]:
    return {
        "description": None,
        "uri": f"azureml://datastores/workspaceartifactstore/ExperimentRun/{run.container_id}",
        "assetName": None,
        "assetVersion": None,
        "mode": "ReadWriteMount",
        "jobOutputType": "uri_folder",
    }


def _own(state: State, job: dict[str, Any]) -> dict[str, Any]:
    """What only jobs of this type have."""
    if job["jobType"] == "Command":
        return {
            "jobType": "Command",
            "codeId": job.get("codeId"),
            "command": job["command"],
            "environmentId": _full_id(state, job["environmentId"]),
            "environmentVariables": job.get("environmentVariables") or {},
            "distribution": None,
            "limits": {"jobLimitsType": "Command", "timeout": None, **(job.get("limits") or {})},
            "resources": _resources(job.get("resources")),
            "parameters": {},
        }
    sampling = {"seed": None, "logbase": None, "rule": None, **job["samplingAlgorithm"]}
    objective = job["objective"]
    limits = {"trialTimeout": None, "timeout": None, **(job.get("limits") or {})}
    trial = job["trial"]
    return {
        "jobType": "Sweep",
        "searchSpace": job["searchSpace"],
        "samplingAlgorithm": sampling,
        "limits": limits,
        "earlyTermination": job.get("earlyTermination"),
        "objective": {**objective, "goal": str(objective["goal"]).capitalize()},
        "trial": {
            "codeId": trial.get("codeId"),
            "command": trial["command"],
            "environmentId": _full_id(state, trial["environmentId"]),
            "environmentVariables": trial.get("environmentVariables") or {},
            "distribution": None,
            "resources": _resources(trial.get("resources")),
        },
    }


def _full_id(state: State, environment_id: str) -> str:
    """The resource manager's id of an environment that was named by a short one."""
    if environment_id.startswith("/"):
        return environment_id
    name, _, version = environment_id.removeprefix("azureml:").rpartition(":")
    return f"{state.names.arm_path}/environments/{name}/versions/{version}"


def _resources(wanted: dict[str, Any] | None) -> dict[str, Any]:
    nothing = {
        "instanceCount": 1,
        "instanceType": None,
        "locations": None,
        "properties": None,
        "dockerArgs": None,
    }
    return {**nothing, **(wanted or {})}


def _from_version_1(state: State, run: Run) -> dict[str, Any]:
    """The job that a run of version 1 would be: a sweep, or the trial of one."""
    sweep = state.sweeps[run.parent_id or run.run_id]
    config, overrides = sweep.config, sweep.overrides
    words = overrides.get("command") or ["python", overrides.get("script")]
    if isinstance(words, str):
        words = [words]
    arguments = overrides.get("arguments") or []
    environment = overrides.get("environment") or {}
    trial = {
        "codeId": f"{state.names.arm_path}/codes/{sweep.snapshot_id}/versions/1",
        "command": " ".join(str(word) for word in [*words, *arguments]),
        "environmentId": f"azureml:{environment.get('name') or 'unnamed'}:Autosave",
        "environmentVariables": overrides.get("environmentVariables") or {},
    }
    common = {"computeId": f"{state.names.arm_path}/computes/{run.target}"}
    if run.parent_id is not None:
        command = " ".join([*map(str, words), *run.arguments])
        return {"jobType": "Command", **common, **trial, "command": command}
    metric = config["primary_metric_config"]
    return {
        "jobType": "Sweep",
        **common,
        "searchSpace": config["generator_config"]["parameter_space"],
        "samplingAlgorithm": {"samplingAlgorithmType": "Grid"},
        "limits": {
            "jobLimitsType": "Sweep",
            "maxTotalTrials": config["max_total_jobs"],
            "maxConcurrentTrials": config["max_concurrent_jobs"],
            "timeout": f"PT{config['max_duration_minutes']}M",
        },
        "objective": {"primaryMetric": metric["name"], "goal": metric["goal"]},
        "trial": trial,
    }
