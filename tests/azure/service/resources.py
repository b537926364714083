"""The resource manager and the region's discovery: subscriptions, workspace, clusters."""

from __future__ import annotations

import secrets
from typing import Any

from .messages import Request, Response, error, reply, timestamp
from .routes import route
from .state import Compute, State

API_VERSION = "2020-02-02"


@route("GET", "arm", r"/metadata/endpoints", open_=True)
def clouds(state: State, request: Request) -> Response:
    """Other clouds: none, the SDK knows the public one."""
    return reply([])


@route("GET", "arm", r"/subscriptions")
def subscriptions(state: State, request: Request) -> Response:
    """The one subscription that the signed-in identity may use."""
    names = state.names
    one = {
        "id": f"/subscriptions/{names.subscription_id}",
        "subscriptionId": names.subscription_id,
        "displayName": "loopback",
        "state": "Enabled",
        "tenantId": names.tenant_id,
    }
    return reply({"value": [one]})


@route("GET", "arm", r"{ws}")
def workspace(state: State, request: Request) -> Response:
    """The workspace."""
    names = state.names
    group = f"/subscriptions/{names.subscription_id}/resourceGroups/{names.resource_group}"
    providers = f"{group}/providers/Microsoft"
    return reply(
        {
            "id": names.arm_path,
            "name": names.name,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "location": names.region,
            "tags": {},
            "sku": {"name": "Basic", "tier": "Basic"},
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "friendlyName": names.name,
                "description": "",
                "workspaceId": names.workspace_id,
                "storageAccount": names.storage_id,
                "keyVault": f"{providers}.KeyVault/vaults/loopback",
                "applicationInsights": f"{providers}.Insights/components/loopback",
                "provisioningState": "Succeeded",
                "hbiWorkspace": False,
                "v1LegacyMode": state.settings.odd.v1_legacy_mode,
                "discoveryUrl": f"https://{names.api_host}/discovery",
            },
        }
    )


@route("GET", "api", r"/discovery", open_=True)
def discovery(state: State, request: Request) -> Response:
    """Which host serves what."""
    api = f"https://{state.names.api_host}"
    keys = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "pipelines")
    return reply({**dict.fromkeys(keys, api), "studio": "https://ml.azure.com"})


def _errors(message: str | None) -> list[dict[str, Any]] | None:
    if message is None:
        return None
    return [{"error": {"code": "ClusterError", "message": message}}]


def _describe(state: State, compute: Compute) -> dict[str, Any]:
    nodes = {
        "idleNodeCount": 0,
        "leavingNodeCount": 0,
        "preemptedNodeCount": 0,
        "preparingNodeCount": 0,
        "runningNodeCount": compute.busy,
        "unusableNodeCount": 0,
    }
    return {
        "id": f"{state.names.arm_path}/computes/{compute.name}",
        "name": compute.name,
        "location": state.names.region,
        "tags": compute.tags,
        "type": "Microsoft.MachineLearningServices/workspaces/computes",
        "properties": {
            "description": None,
            "computeType": "AmlCompute",
            "computeLocation": state.names.region,
            "resourceId": None,
            "provisioningErrors": None,
            "provisioningState": "Succeeded",
            "isAttachedCompute": False,
            "properties": {
                "subnet": None,
                **compute.properties,
                "currentNodeCount": compute.busy,
                "targetNodeCount": compute.busy + len(compute.waiting),
                "allocationState": "Resizing" if compute.waiting else "Steady",
                "allocationStateTransitionTime": timestamp(),
                "errors": _errors(compute.error),
                "nodeStateCounts": nodes,
            },
        },
    }


@route("GET", "api", r"/rp/workspaces{ws}")
def workspace_of_region(state: State, request: Request) -> Response:
    """The workspace again, as a child without the discovery variable asks for it."""
    return workspace(state, request)


@route("GET", "api", r"/rp/workspaces{ws}/computes/(?P<name>[^/]+)")
def get_compute(state: State, request: Request, name: str) -> Response:
    """A cluster."""
    compute = state.computes.get(name.lower())
    if compute is None:
        return error(404, "ResourceNotFound", f"The compute {name} was not found.")
    return reply(_describe(state, compute))


@route("GET", "arm", r"{ws}/computes/(?P<name>[^/]+)")
def get_compute_of_manager(state: State, request: Request, name: str) -> Response:
    """A cluster, as version 2 asks for it."""
    return get_compute(state, request, name)


@route("PUT", "arm", r"{ws}/computes/(?P<name>[^/]+)")
def put_compute(state: State, request: Request, name: str) -> Response:
    """Create a cluster; finished at once, but the client has to ask for that."""
    body = request.json()
    if body["properties"].get("computeType") != "AmlCompute":
        state.journal.add_unknown(f"compute type {body['properties'].get('computeType')}")
        return error(400, "BadRequest", "only AmlCompute is known here")
    compute = Compute(name, body["properties"]["properties"], body.get("tags"))
    with state.changed:
        created = name.lower() not in state.computes
        state.computes[name.lower()] = compute
        state.changed.notify_all()
    operation = (
        f"https://management.azure.com/subscriptions/{state.names.subscription_id}/providers"
        f"/Microsoft.MachineLearningServices/locations/{state.names.region}"
        f"/computeOperationsStatus/{secrets.token_hex(16)}?api-version={API_VERSION}"
    )
    status = 201 if created else 200
    return reply(_describe(state, compute), status, Azure_AsyncOperation=operation)


@route(
    "GET", "arm", r"/subscriptions/[^/]+/providers/[^/]+/locations/[^/]+/computeOperationsStatus/.+"
)
def compute_operation(state: State, request: Request) -> Response:
    """How far the making of a cluster is."""
    message = state.settings.compute_error
    if message is not None:
        return reply({"status": "Failed", "error": {"code": "BadRequest", "message": message}})
    return reply({"status": "Succeeded"})
