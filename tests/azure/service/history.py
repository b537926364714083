"""Run history: experiments and the records, details and tags of runs."""

from __future__ import annotations

import json
import random
import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from .messages import Request, Response, error, reply, timestamp
from .routes import route
from .signatures import signed_url
from .signin import make_run_token
from .state import ARTIFACT_CONTAINER, Run, State, artifact_blob

_HISTORY = r"/history/v1\.0{ws}"
_EXPERIMENT = _HISTORY + r"/experiments/(?P<experiment>[^/]+)"
_RUN = _EXPERIMENT + r"/runs/(?P<run_id>[^/:]+)"
_RUN_BY_ID = _HISTORY + r"/experimentids/(?P<experiment_id>[^/]+)/runs/(?P<run_id>[^/:]+)"
_LISTING = {"$orderby", "$top", "$continuationtoken", "api-version"}
_PATCHED = {"runId", "tags", "properties", "displayName", "description"}
_CLAUSE = re.compile(r"\(?\s*(\S+)\s+(eq|ne)\s+(\"[^\"]*\"|'[^']*'|[^\s()]+)\s*\)?")


def _experiment(state: State, name: str) -> dict[str, Any]:
    return {
        "experimentId": state.experiments[name],
        "name": name,
        "description": None,
        "createdUtc": timestamp(),
        "tags": {},
        "archivedTime": None,
        "latestModifiedRunUtc": timestamp(),
    }


def _time(at: datetime | None) -> str | None:
    return timestamp(at) if at else None


def error_of(run: Run) -> dict[str, Any] | None:
    """A failed run's error as the history shows it."""
    if run.error is None:
        return None
    return {"error": {"code": "UserError", "message": run.error}}


def record(state: State, run: Run) -> dict[str, Any]:
    """A run as the history shows it, or as it might."""
    shown, odd = _record(state, run), state.settings.odd
    if odd.status_of is not None:
        shown["status"] = odd.status_of(run)
    if odd.tags == "null":
        shown["tags"] = None
    elif odd.tags == "missing":
        del shown["tags"]
    elif odd.tags == "no hyperparameters" and run.parent_id is not None:
        shown["tags"] = {}
    elif odd.tags == "values as text" and run.parent_id is not None:
        values = json.loads(run.tags["hyperparameters"])
        text = json.dumps({name: str(value) for name, value in values.items()})
        shown["tags"] = {"hyperparameters": text}
    if odd.extra_fields:
        shown |= {"novelty": {"is": ["new"]}, "lastModifiedUtc": None, "queueingInfo": None}
    return shown


def _record(state: State, run: Run) -> dict[str, Any]:
    parent = run.parent_id
    cancel = f"https://{state.names.api_host}/execution/v1.0{state.names.arm_path}"
    return {
        "runId": run.run_id,
        "runNumber": run.number,
        "experimentId": state.experiments[run.experiment],
        "experimentName": run.experiment,
        "rootRunId": parent or run.run_id,
        "parentRunId": parent,
        "status": run.status,
        "runType": run.run_type,
        "target": run.target,
        "displayName": run.display_name or run.run_id,
        "name": None,
        "description": run.description,
        "hidden": False,
        "tags": dict(run.tags),
        "properties": dict(run.properties),
        "dataContainerId": None if state.settings.odd.null_containers else run.container_id,
        "createdUtc": timestamp(run.created),
        "startTimeUtc": _time(run.started),
        "endTimeUtc": _time(run.ended),
        "cancelUri": f"{cancel}/experiments/{run.experiment}/runId/{run.run_id}/cancel",
        "scriptName": run.definition.get("script"),
        "runDefinition": run.definition or None,
        "error": error_of(run),
        "warnings": [],
    }


def find_run(state: State, run_id: str, more_s: float = 0.0) -> Run | None:
    """A run, unless it is a sweep so young that it is not known yet."""
    run = state.runs.get(run_id)
    if run is None or run.parent_id is not None:
        return run
    age_s = (datetime.now(UTC) - run.created).total_seconds()
    return None if age_s < state.settings.visible_after_s + more_s else run


def _find(state: State, run_id: str) -> Run | None:
    return find_run(state, run_id, state.settings.odd.history_after_s)


def _missing(run_id: str) -> Response:
    return error(404, "UserError", f"Run {run_id} was not found.")


@route("GET", "api", _EXPERIMENT)
def get_experiment(state: State, request: Request, experiment: str) -> Response:
    """An experiment by name."""
    if experiment not in state.experiments:
        return error(404, "UserError", f"Experiment {experiment} was not found.")
    return reply(_experiment(state, experiment))


@route("POST", "api", _EXPERIMENT)
def create_experiment(state: State, request: Request, experiment: str) -> Response:
    """Make an experiment; one that exists is answered."""
    with state.changed:
        state.experiments.setdefault(experiment, str(uuid.uuid4()))
    return reply(_experiment(state, experiment))


@route("GET", "api", _HISTORY + r"/experimentids/(?P<experiment_id>[^/]+)")
def get_experiment_by_id(state: State, request: Request, experiment_id: str) -> Response:
    """An experiment by id."""
    for name, known in state.experiments.items():
        if known == experiment_id:
            return reply(_experiment(state, name))
    return error(404, "UserError", f"Experiment {experiment_id} was not found.")


@route("GET", "api", _HISTORY + r"/runs/(?P<run_id>[^/:]+)")
@route("GET", "api", _RUN)
@route("GET", "api", _RUN_BY_ID)
def get_run(state: State, request: Request, run_id: str, **_: str) -> Response:
    """A run."""
    with state.changed:
        run = _find(state, run_id)
        return reply(record(state, run)) if run else _missing(run_id)


@route("PATCH", "api", _RUN)
@route("PATCH", "api", _RUN_BY_ID)
def patch_run(state: State, request: Request, run_id: str, **_: str) -> Response:
    """Add tags and properties to a run, as its owner or as the child itself."""
    with state.changed:
        run = state.runs.get(run_id)
        if run is None:
            return _missing(run_id)
        body = request.json()
        for key in sorted(set(body) - _PATCHED):
            if body[key] is not None:
                state.journal.add_unknown(f"PATCH of a run's {key}")
        run.display_name = body.get("displayName") or run.display_name
        run.description = body.get("description") or run.description
        run.tags.update(body.get("tags") or {})
        run.properties.update(body.get("properties") or {})
        return reply(record(state, run))


@route("POST", "api", _HISTORY + "/rundata")
def run_data(state: State, request: Request) -> Response:
    """A run's record and where its files are, as version 2 asks for them."""
    run_id = request.json()["runId"]
    with state.changed:
        run = _find(state, run_id)
        if run is None:
            return _missing(run_id)
        place = f"ExperimentRun/{run.container_id}"
        uri = f"azureml://datastores/workspaceartifactstore/{place}"
        outputs = {"default": {"assetId": uri, "type": "UriFolder"}}
        shown = {**record(state, run), "outputs": outputs}
        definition = run.definition or None
    return reply({"runMetadata": shown, "runDefinition": definition, "jobSpecification": None})


@route("GET", "api", _HISTORY + r"/runs/(?P<run_id>[^/:]+)/details")
@route("GET", "api", _RUN + "/details")
@route("GET", "api", _RUN_BY_ID + "/details")
def details(state: State, request: Request, run_id: str, **_: str) -> Response:
    """A run's details: definition, error and addresses of its logs."""
    with state.changed:
        run = _find(state, run_id)
        if run is None:
            return _missing(run_id)
        logs = {
            path: signed_url(state, ARTIFACT_CONTAINER, artifact_blob(run.container_id, path))
            for path in state.artifacts.get(run.container_id, {})
            if path.startswith(("user_logs/", "logs/", "azureml-logs/"))
        }
        shown = record(state, run)
    kept = ("runId", "target", "status", "startTimeUtc", "endTimeUtc", "error", "warnings")
    kept += ("properties", "runDefinition")
    return reply(
        {
            **{key: shown[key] for key in kept},
            "services": {},
            "inputDatasets": [],
            "outputDatasets": [],
            "logFiles": logs,
        }
    )


@route("GET", "api", _RUN_BY_ID + "/token")
@route("GET", "api", _RUN + "/token")
def run_token(state: State, request: Request, run_id: str, **_: str) -> Response:
    """A new token for a child whose token is about to expire."""
    token, expires = make_run_token(state, state.settings.token_s)
    return reply({"token": token, "expiryTimeUtc": timestamp(datetime.fromtimestamp(expires, UTC))})


@route("GET", "api", _RUN + "/metricsingest/wait")
@route("GET", "api", _RUN_BY_ID + "/metricsingest/wait")
def wait_for_metrics(state: State, request: Request, **_: str) -> Response:
    """Return when a child's metrics are stored, which is at once."""
    return reply({})


@route("GET", "api", _HISTORY + r"/runs/(?P<run_id>[^/:]+)/children")
@route("GET", "api", _RUN + "/children")
@route("GET", "api", _RUN_BY_ID + "/children")
def children(state: State, request: Request, run_id: str, **found: str) -> Response:
    """The children of a run, in pages, the last started first."""
    if _find(state, run_id) is None:
        return _missing(run_id)
    for name in sorted(set(request.query) - _LISTING):
        state.journal.add_unknown(f"listing of children with {name}={request.query[name]}")
    token = request.query.get("$continuationtoken")
    top = int(request.query.get("$top") or state.settings.page_size)
    # version 1 reads the token only, under the experiment's path
    where = None if found else f"https://{request.host}{request.raw_path}"
    if where and state.settings.odd.page_links == "other host":
        where = where.replace(state.names.api_host, f"other.{state.names.api_host}")
    known_after_s = state.settings.odd.children_after_s
    now = datetime.now(UTC)

    def is_known(run: Run) -> bool:
        age_s = (now - run.created).total_seconds()
        return run.parent_id == run_id and age_s >= known_after_s

    return _page(state, token, top, where, is_known)


@route("POST", "api", _EXPERIMENT + r"/runs:query")
def query_runs(state: State, request: Request, experiment: str) -> Response:
    """The runs of an experiment that meet a filter, in pages."""
    body = request.json()
    clauses = _parse_filter(state, body.get("filter") or "")
    top = int(body.get("top") or state.settings.page_size)
    return _page(
        state,
        body.get("continuationToken"),
        top,
        None,
        lambda run: (
            run.experiment == experiment
            and _find(state, run.run_id) is not None
            and all(_meets(state, run, *clause) for clause in clauses)
        ),
    )


def _parse_filter(state: State, text: str) -> list[tuple[str, str, str]]:
    clauses = _CLAUSE.findall(text)
    rest = re.sub(r"\band\b|[\s()]", "", _CLAUSE.sub("", text))
    if rest:
        state.journal.add_unknown(f"filter {text}")
    return clauses


def _meets(state: State, run: Run, field: str, operator: str, value: str) -> bool:
    field = field.lstrip("(")
    wanted = None if value == "null" else value.strip("\"'")
    if field.startswith("Tags/"):
        actual = run.tags.get(field.removeprefix("Tags/"))
    else:
        shown = {name.lower(): one for name, one in record(state, run).items()}
        if field.lower() not in shown:
            state.journal.add_unknown(f"filter by {field}")
        actual = shown.get(field.lower())
    return (actual == wanted) == (operator == "eq")


def _page(state: State, token: str | None, top: int, where: str | None, wanted: Any) -> Response:
    """One page; the first fixes the order of all, so that growth in between moves nothing."""
    with state.changed:
        if token is None:
            runs = [run for run in state.runs.values() if wanted(run)]
            runs.sort(key=lambda run: (run.started or run.created, run.number), reverse=True)
            identifiers = _disorder(state, [run.run_id for run in runs])
        elif token in state.pages:
            identifiers = state.pages[token]
        else:
            return error(400, "UserError", "The continuation token is not valid.")
        size = min(top, state.settings.page_size)
        if state.settings.empty_pages and token is None:
            size = 0  # the service may give a page without a record, and more behind it
        page, rest = identifiers[:size], identifiers[size:]
        following = None
        if rest:
            following = uuid.uuid4().hex
            state.pages[following] = rest
        value = [record(state, state.runs[run_id]) for run_id in page]
    link = None
    if following and where and state.settings.odd.page_links != "token":
        # the names of the query come in whatever order and spelling the service likes
        link = f"{where}?%24continuationToken={following}&api-version=v1.0&$top={top}"
    if state.settings.odd.page_links == "link":
        following = None
    shown = value or None if state.settings.odd.null_pages else value
    return reply({"value": shown, "continuationToken": following, "nextLink": link})


def _disorder(state: State, identifiers: list[str]) -> list[str]:
    chance = random.Random(time.time_ns())
    if state.settings.repeat_records and identifiers:
        again = chance.choices(identifiers, k=max(1, len(identifiers) // 4))
        for run_id in again:
            identifiers.insert(chance.randrange(len(identifiers) + 1), run_id)
    if state.settings.shuffle_records:
        chance.shuffle(identifiers)
    return identifiers
