"""Datastores as version 2 sees them, and the signatures that open them."""

from __future__ import annotations

import base64
from typing import Any

from .assets import system_data
from .messages import Request, Response, arm_error, reply
from .node_data import container_of
from .routes import route
from .signatures import container_sas
from .state import DEFAULT_DATASTORE, State

_STORE = r"{ws}/datastores/(?P<name>[^/]+)"
ARTIFACT_STORE = "workspaceartifactstore"


def _show(state: State, name: str) -> dict[str, Any]:
    kind = "None" if state.settings.odd.identity_storage else "AccountKey"
    return {
        "id": f"{state.names.arm_path}/datastores/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/datastores",
        "properties": {
            "description": None,
            "tags": {},
            "properties": None,
            "isDefault": name == DEFAULT_DATASTORE,
            "datastoreType": "AzureBlob",
            "credentials": {"credentialsType": kind},
            "subscriptionId": state.names.subscription_id,
            "resourceGroup": state.names.resource_group,
            "accountName": state.names.account,
            "containerName": container_of(state, name),
            "endpoint": "core.windows.net",
            "protocol": "https",
            "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
        },
        "systemData": system_data(),
    }


def _missing(name: str) -> Response:
    return arm_error(404, "UserError", f"Could not find datastore with name {name}")


@route("GET", "arm", r"{ws}/datastores")
def list_datastores(state: State, request: Request) -> Response:
    """The datastores, or the default one."""
    names = [*state.datastores, ARTIFACT_STORE]
    if request.query.get("isdefault", "").lower() == "true":
        names = [DEFAULT_DATASTORE]
    return reply({"value": [_show(state, name) for name in names]})


@route("GET", "arm", _STORE)
def get_datastore(state: State, request: Request, name: str) -> Response:
    """A datastore."""
    return reply(_show(state, name)) if container_of(state, name) else _missing(name)


@route("POST", "arm", _STORE + "/listSecrets")
def list_secrets(state: State, request: Request, name: str) -> Response:
    """What opens a datastore: a signature that lasts for a while, or the account's key."""
    container = container_of(state, name)
    if container is None:
        return _missing(name)
    if state.settings.odd.identity_storage:
        return arm_error(400, "UserError", f"The datastore {name} has no credentials.")
    if (request.json() or {}).get("expirableSecret"):
        sas = container_sas(state, container, "racwdl", state.settings.sas_s)
        return reply({"secretsType": "Sas", "sasToken": sas})
    key = base64.b64encode(state.account_key).decode()
    return reply({"secretsType": "AccountKey", "key": key})
