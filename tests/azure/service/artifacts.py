"""Artifacts of runs and datastores: what exists, and signed addresses of it."""

from __future__ import annotations

import base64
from typing import Any

from .messages import Request, Response, error, reply, timestamp
from .routes import route
from .signatures import signed_url
from .state import ARTIFACT_CONTAINER, DEFAULT_DATASTORE, State, artifact_blob

_ARTIFACTS = r"/artifact/v2\.0{ws}/artifacts"
_CONTAINER = r"/ExperimentRun/(?P<container>[^/]+)"


def _content(state: State, container: str, path: str, permissions: str = "r") -> dict[str, Any]:
    url = signed_url(state, ARTIFACT_CONTAINER, artifact_blob(container, path), permissions)
    return {"contentUri": url, "origin": "ExperimentRun", "container": container, "path": path}


def _describe(container: str, path: str) -> dict[str, Any]:
    return {
        "artifactId": f"ExperimentRun/{container}/{path}",
        "origin": "ExperimentRun",
        "container": container,
        "path": path,
        "etag": None,
        "createdTime": timestamp(),
        "dataPath": {"dataStoreName": "workspaceartifactstore", "relativePath": path},
    }


def _paths(state: State, container: str, prefix: str = "") -> list[str]:
    with state.changed:
        known = list(state.artifacts.get(container, {}))
    return [path for path in known if path.startswith(prefix)]


def _all(value: list[dict[str, Any]]) -> Response:
    return reply({"value": value, "continuationToken": None, "nextLink": None})


@route("GET", "api", _ARTIFACTS + _CONTAINER)
def list_artifacts(state: State, request: Request, container: str) -> Response:
    """The names of a run's files."""
    return _all([_describe(container, path) for path in _paths(state, container)])


@route("GET", "api", _ARTIFACTS + "/contentinfo" + _CONTAINER + "/(?P<path>.+)")
def content_of(state: State, request: Request, container: str, path: str) -> Response:
    """Where one file is."""
    known = _paths(state, container)
    if path not in known:
        names = ", ".join(known)
        return error(404, "UserError", f"File {path} was not found. Existing files: {names}")
    return reply(_content(state, container, path))


@route("GET", "api", _ARTIFACTS + "/prefix/contentinfo" + _CONTAINER + "/(?P<prefix>.*)")
def content_of_prefix(state: State, request: Request, container: str, prefix: str) -> Response:
    """Where the files are whose names begin so."""
    return _all([_content(state, container, path) for path in _paths(state, container, prefix)])


@route("POST", "api", _ARTIFACTS + "/batch/metadata" + _CONTAINER)
def create_artifacts(state: State, request: Request, container: str) -> Response:
    """Make files known that are about to be uploaded, and say where to."""
    paths = [one["path"] for one in request.json()["paths"]]
    with state.changed:
        state.artifacts.setdefault(container, {}).update(dict.fromkeys(paths))
    return reply(
        {
            "artifacts": {path: _describe(container, path) for path in paths},
            "artifactContentInformation": {
                path: _content(state, container, path, "rcw") for path in paths
            },
            "errors": {},
        }
    )


@route("DELETE", "api", _ARTIFACTS + "/metadata" + _CONTAINER + "/(?P<path>.+)")
def delete_artifact(state: State, request: Request, container: str, path: str) -> Response:
    """Forget a file of a run; with `hardDelete` its content goes, too."""
    if not state.settings.deletes_artifacts:
        return error(405, "UserError", "Artifacts cannot be deleted.")
    with state.changed:
        if state.artifacts.get(container, {}).pop(path, "none") == "none":
            return error(404, "UserError", f"File {path} was not found.")
        if request.query.get("harddelete", "").lower() == "true":
            state.blobs.pop((ARTIFACT_CONTAINER, artifact_blob(container, path)), None)
    return reply({})


@route("GET", "api", r"/datastore/v1\.0{ws}/default")
@route("GET", "api", r"/datastore/v1\.0{ws}/datastores/(?P<name>[^/]+)")
def datastore(state: State, request: Request, name: str = DEFAULT_DATASTORE) -> Response:
    """A blob store of the workspace, reached with the account's key."""
    container = state.datastores.get(name)
    if container is None:
        return error(404, "UserError", f"Could not find datastore with name {name}")
    key = base64.b64encode(state.account_key).decode()
    return reply(
        {
            "name": name,
            "dataStoreType": "AzureBlob",
            "hasBeenValidated": True,
            "tags": {},
            "azureStorageSection": {
                "accountName": state.names.account,
                "containerName": container,
                "endpoint": "core.windows.net",
                "protocol": "https",
                "credentialType": "AccountKey",
                "credential": key,
                "accountKey": key,
                "isSas": False,
                "sasToken": None,
            },
        }
    )
