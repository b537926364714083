"""Versions of code and environments, as version 2 makes them before a job."""

from __future__ import annotations

import re
import uuid
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from .messages import Request, Response, arm_error, reply, timestamp
from .routes import route
from .signatures import container_sas
from .state import Code, Snapshot, State

_CODE = r"{ws}/codes/(?P<name>[^/]+)/versions"
_ENVIRONMENT = r"{ws}/environments/(?P<name>[^/]+)/versions/(?P<version>[^/]+)"
_CODE_ID = re.compile(r"(?:azureml:)?(?:.*/codes/)?(?P<name>[^/:]+)(?:/versions/|:)(?P<version>.+)")
_ENVIRONMENT_ID = re.compile(
    r"(?:azureml:)?(?:.*/environments/)?(?P<name>[^/:]+)(?:/versions/|:)(?P<version>.+)"
)


def system_data() -> dict[str, Any]:
    """Who made and changed a resource, and when."""
    now = timestamp()
    made = {"createdAt": now, "createdBy": "loopback", "createdByType": "User"}
    changed = {key.replace("created", "lastModified"): value for key, value in made.items()}
    return made | changed


def _show_code(state: State, code: Code) -> dict[str, Any]:
    return {
        "id": f"{state.names.arm_path}/codes/{code.name}/versions/{code.version}",
        "name": code.version,
        "type": "Microsoft.MachineLearningServices/workspaces/codes/versions",
        "properties": {
            "description": None,
            "tags": {},
            "isArchived": False,
            "isAnonymous": False,
            "provisioningState": "Succeeded",
            **code.properties,
        },
        "systemData": system_data(),
    }


@route("GET", "arm", _CODE)
def list_codes(state: State, request: Request, name: str) -> Response:
    """The versions with a hash, under whatever name; without one those of a name."""
    wanted = request.query.get("hash")
    with state.changed:
        found = [
            _show_code(state, code)
            for code in state.codes.values()
            if (wanted is None and code.name == name)
            or (
                wanted is not None
                and (code.properties.get("properties") or {}).get("hash_sha256") == wanted
            )
        ]
    return reply({"value": found})


@route("POST", "arm", _CODE + r"/(?P<version>[^/]+)/startPendingUpload")
def start_upload(state: State, request: Request, name: str, version: str) -> Response:
    """A container of its own for the files of a version."""
    container = f"{state.names.workspace_id[:8]}-{uuid.uuid4().hex}"
    uri = f"https://{state.names.blob_host}/{container}"
    sas = container_sas(state, container, "racwl", state.settings.sas_s)
    return reply(
        {
            "pendingUploadId": str(uuid.uuid4()),
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": state.names.storage_id,
                "credential": {"credentialType": "SAS", "sasUri": f"{uri}?{sas}"},
            },
        }
    )


@route("PUT", "arm", _CODE + r"/(?P<version>[^/]+)")
def put_code(state: State, request: Request, name: str, version: str) -> Response:
    """Make a version known; its files stay where they were uploaded to."""
    properties = request.json()["properties"]
    with state.changed:
        before = state.codes.get((name, version))
        if before is not None and before.properties["codeUri"] != properties["codeUri"]:
            text = f"The code {name} has a version {version} with other content."
            return arm_error(409, "Conflict", text)
        code = Code(name, version, properties)
        state.codes[name, version] = code
    return reply(_show_code(state, code), 200 if before else 201)


@route("GET", "arm", _CODE + r"/(?P<version>[^/]+)")
def get_code(state: State, request: Request, name: str, version: str) -> Response:
    """A version."""
    code = state.codes.get((name, version))
    if code is None:
        return arm_error(404, "UserError", f"The code {name}, version {version}, was not found.")
    return reply(_show_code(state, code))


def code_of(state: State, code_id: str) -> Code | None:
    """The version that a job names; None if there is none."""
    found = _CODE_ID.fullmatch(code_id)
    return state.codes.get((found["name"], found["version"])) if found else None


def snapshot_of(state: State, code: Code | None) -> str:
    """Make a snapshot of a version's files, as HyperDrive keeps them; its id."""
    files: dict[str, bytes] = {}
    if code is not None:
        path = unquote(urlsplit(code.properties["codeUri"]).path).strip("/")
        container, _, folder = path.partition("/")
        with state.changed:
            for (where, name), blob in state.blobs.items():
                if where == container and name.startswith(f"{folder}/" if folder else ""):
                    files[name[len(folder) :].lstrip("/")] = blob.content
                elif where == container and name == folder:
                    files[PurePosixPath(name).name] = blob.content
    snapshot_id = str(uuid.uuid4())
    tree = {"name": "", "hash": None, "type": "Directory", "timestamp": timestamp(), "children": {}}
    with state.changed:
        state.snapshots[snapshot_id] = Snapshot(tree, files)
    return snapshot_id


def _show_environment(state: State, name: str, version: str) -> dict[str, Any]:
    return {
        "id": f"{state.names.arm_path}/environments/{name}/versions/{version}",
        "name": version,
        "type": "Microsoft.MachineLearningServices/workspaces/environments/versions",
        "properties": {
            "description": None,
            "tags": {},
            "properties": {},
            "osType": "Linux",
            "environmentType": "UserCreated",
            "autoRebuild": "Disabled",
            "provisioningState": "Succeeded",
            **state.environments[name, version],
        },
        "systemData": system_data(),
    }


@route("PUT", "arm", _ENVIRONMENT)
def put_environment(state: State, request: Request, name: str, version: str) -> Response:
    """Make a version of an environment known; the same again is taken."""
    with state.changed:
        known = (name, version) in state.environments
        state.environments[name, version] = request.json()["properties"]
        shown = _show_environment(state, name, version)
    return reply(shown, 200 if known else 201)


@route("GET", "arm", _ENVIRONMENT)
def get_environment(state: State, request: Request, name: str, version: str) -> Response:
    """A version of an environment."""
    with state.changed:
        if (name, version) not in state.environments:
            text = f"The environment {name}, version {version}, was not found."
            return arm_error(404, "UserError", text)
        return reply(_show_environment(state, name, version))


def environment_of(state: State, environment_id: str) -> dict[str, Any] | None:
    """The properties of the environment that a job names; None if there is none.

    Those that Microsoft keeps (``AzureML-...`` and registries) are taken as they are.
    """
    if environment_id.startswith(("azureml:AzureML-", "azureml://registries/")):
        return {"image": environment_id}
    found = _ENVIRONMENT_ID.fullmatch(environment_id)
    return state.environments.get((found["name"], found["version"])) if found else None
