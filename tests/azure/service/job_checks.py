"""What the resource manager's job service refuses of a job."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .assets import code_of, environment_of
from .messages import Response, arm_error
from .state import State
from .trials import placeholders

IMMUTABLE = (
    "A job with this name already exists. If you are trying to create a new job, use a different "
    "name. If you are trying to update an existing job, the existing job's {what} cannot be "
    "changed. Only description, tags, displayName, properties, and isArchived can be updated."
)
MOST_TRIALS = 1000
LONGEST_S = 60 * 24 * 3600
SHORTEST_S = 60
SERVERLESS = "serverless"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_PARAMETER = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*")
_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_TIERS = {"Spot", "Basic", "Standard", "Premium", "Null", None}


def seconds_of(duration: str | None) -> float | None:
    """Seconds of an ISO 8601 duration; None without one.

    The service takes less than a minute for 60 days.

    Raises:
        ValueError: It is none.
    """
    if duration is None:
        return None
    found = _DURATION.fullmatch(duration)
    if found is None or duration.endswith(("P", "T")):
        message = f"'{duration}' is no ISO 8601 duration"
        raise ValueError(message)
    parts = {name: float(value or 0) for name, value in found.groupdict().items()}
    seconds = (
        parts["days"] * 86400 + parts["hours"] * 3600 + parts["minutes"] * 60 + parts["seconds"]
    )
    return seconds if seconds >= SHORTEST_S else LONGEST_S


def compute_of(job: dict[str, Any]) -> str:
    """Name of the compute that a job names; ``serverless`` where it names none."""
    target = job.get("computeId")
    return str(target).removeprefix("azureml:").rpartition("/")[2] if target else SERVERLESS


def refusal(state: State, name: str, job: dict[str, Any]) -> Response | None:
    """What is wrong with a job; None if nothing is."""
    if name in state.runs:
        what = "searchSpace" if job.get("jobType") == "Sweep" else "command"
        text = IMMUTABLE.format(what=what)
        return arm_error(400, "UserError", text, "JobPropertyImmutable")
    first = next(_complaints(state, name, job), None)
    return arm_error(400, "UserError", first) if first else None


def _complaints(state: State, name: str, job: dict[str, Any]) -> Iterator[str]:
    """The first is what the client hears."""
    kind = job.get("jobType")
    if kind not in ("Sweep", "Command"):
        state.journal.add_unknown(f"job of type {kind}")
        yield "only sweep and command jobs are known here"
        return
    yield from _about_names(name, job)
    yield from _about_place(state, name, job)
    if kind == "Sweep":
        yield from _about_space(state, job)
        yield from _about_limits(job.get("limits") or {})
    yield from _about_work(state, job["trial"] if kind == "Sweep" else job, job)


def _about_names(name: str, job: dict[str, Any]) -> Iterator[str]:
    experiment = job.get("experimentName") or "Default"
    if not _NAME.fullmatch(name):
        yield f"The job name '{name}' holds other than letters, digits, - and _."
    if not _NAME.fullmatch(experiment):
        yield f"The experiment name '{experiment}' holds other than letters, digits, - and _."
    for where in ("tags", "properties"):
        for key, value in (job.get(where) or {}).items():
            if not isinstance(value, str):
                yield f"The value of {key} in {where} is no text."


def _about_place(state: State, name: str, job: dict[str, Any]) -> Iterator[str]:
    compute = compute_of(job)
    if compute == SERVERLESS and not (job.get("resources") or {}).get("instanceType"):
        yield "A job without a compute needs resources.instanceType."
    if compute != SERVERLESS and compute.lower() not in state.computes:
        yield f"{job.get('experimentName')}: Compute Not Found for run ID : {name}"
    tier = (job.get("queueSettings") or {}).get("jobTier")
    if tier not in _TIERS:
        yield f"The job tier '{tier}' is not known."


def _about_space(state: State, job: dict[str, Any]) -> Iterator[str]:
    space = job.get("searchSpace") or {}
    sampling = (job.get("samplingAlgorithm") or {}).get("samplingAlgorithmType")
    if sampling != "Grid":
        state.journal.add_unknown(f"sampling {sampling}")
        yield "only grid sampling is known here"
    if not space:
        yield "{'parameter_space': ['The search space is empty.']}"
    for name, spec in space.items():
        if not _PARAMETER.fullmatch(name):
            yield f"The parameter name '{name}' is not valid."
        if spec[0] != "choice":
            yield "{'parameter_space': ['Grid sampling takes choices only.']}"
        elif not spec[1] or not isinstance(spec[1][0], list) or not spec[1][0]:
            yield f"{{'parameter_space': ['{name} has no values.']}}"
    objective = job.get("objective") or {}
    if not objective.get("primaryMetric"):
        yield "The primary metric is missing."
    if str(objective.get("goal")).lower() not in ("maximize", "minimize"):
        yield f"The goal '{objective.get('goal')}' is not known."


def _about_limits(limits: dict[str, Any]) -> Iterator[str]:
    names = {"maxTotalTrials": "max_total_jobs", "maxConcurrentTrials": "max_concurrent_jobs"}
    for name, shown in names.items():
        value = limits.get(name)
        if value is not None and not (isinstance(value, int) and 1 <= value <= MOST_TRIALS):
            yield str({shown: [f"Must be between 1 and {MOST_TRIALS}."]})
    try:
        seconds_of(limits.get("trialTimeout"))
        timeout = seconds_of(limits.get("timeout"))
    except ValueError as error:
        yield str(error)
        return
    if timeout is not None and timeout > LONGEST_S:
        yield str({"max_duration_minutes": [f"Must be between 1 and {LONGEST_S // 60}."]})


def _about_work(state: State, trial: dict[str, Any], job: dict[str, Any]) -> Iterator[str]:
    """What is wrong with what is to be run."""
    command = trial.get("command") or ""
    if not command.strip():
        yield "The command is missing."
    if trial.get("codeId") and code_of(state, trial["codeId"]) is None:
        yield f"The code {trial['codeId']} was not found."
    if environment_of(state, trial.get("environmentId") or "") is None:
        yield f"The environment {trial.get('environmentId')} was not found."
    known = {
        "search_space": set(job.get("searchSpace") or {}),
        "inputs": set(job.get("inputs") or {}),
        "outputs": set(job.get("outputs") or {}),
    }
    for kind, name in sorted(placeholders(command)):
        if name not in known.get(kind, ()):
            yield f"The command's ${{{{{kind}.{name}}}}} stands for nothing in the job."
    nodes = [(one.get("resources") or {}).get("instanceCount") for one in (trial, job)]
    if any(count not in (None, 1) for count in nodes):
        state.journal.add_unknown("a job on several nodes")
        yield "jobs on one node only are known here"
