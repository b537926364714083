"""The key ``azure`` of ``study.yaml``: what it may hold. No connection to anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from backends.azureml._settings_parts import (
    MAX_NODES,
    Reads,
    read_compute,
    read_data,
    read_policy,
    read_workspace,
    schemas_of_parts,
)
from gridrun.documents.tree import Node
from gridrun.errors import UserError
from gridrun.pipeline import InputRole
from gridrun.study import Section
from gridrun.study.backend_keys import BackendKey, BackendValue, settings_below
from gridrun.study.schema_parts import Schema, mapping, settings

SIGN_IN = ("auto", "cli", "service_principal", "managed_identity", "browser")
SDKS = ("v1", "v2")
SERVERLESS = "serverless"
"""Name of a cluster that is none: Azure gives nodes for each child (SDK v2)."""

MOST_AT_ONCE = {"v1": 100, "v2": 1000}
"""A sweep runs at most so many children at once, by SDK."""

MOST_SWEEP_HOURS = 720.0
"""HyperDrive's own limit, 43,200 minutes."""

_READ: Reads = {
    "sdk": partial(Section.word, known=SDKS),
    "sign_in": partial(Section.word, known=SIGN_IN),
    "image": Section.text,
    "dockerfile": Section.path,
    "experiment": Section.text,
    "max_concurrent": partial(Section.whole, least=1, most=MOST_AT_ONCE["v2"]),
    "shard_minutes": Section.number,
    "shard_hours": Section.number,
    "sweep_hours": partial(Section.number, most=MOST_SWEEP_HOURS),
    "silent_minutes": Section.number,
    "poll_seconds": Section.number,
    "tags": Section.texts,
    "policy": read_policy,
    "hourly_rate": Section.number,
}
_KEYS = ("workspace", "compute", *_READ, "data")


@dataclass(frozen=True)
class AzureData:
    """Inputs that are read where they are, in a datastore of the workspace.

    Args:
        datastore: Name the workspace knows it by.
        inputs: Role to path in the datastore.
        folder: Path in the datastore below which the prepared tables are kept.
    """

    datastore: str
    inputs: Mapping[str, str]
    folder: str = "gridrun"

    def place(self, role: str) -> str:
        """Display name of the place of an input."""
        return f"datastore {self.datastore}: {self.inputs[role]}"


@dataclass(frozen=True)
class AzureSettings:
    """Where and how a study runs on Azure ML.

    Args:
        config: Path of the workspace's config.json, or None.
        subscription: Id, with ``resource_group`` and ``workspace`` in place of ``config``.
        resource_group: Name.
        workspace: Name.
        compute: Name of the cluster, or ``SERVERLESS``.
        vm_size: Machines of the cluster; needed where it has to be created.
        cores: Processors of a node, where the size's name does not say.
        min_nodes: Nodes kept running when idle.
        max_nodes: Most nodes at once.
        low_priority: Cheaper nodes, which may be taken away.
        idle_seconds: Before an idle node is given back.
        image: Worker image, or empty.
        dockerfile: Path of a Dockerfile that the workspace builds from, or None.
        sdk: One of ``SDKS``; empty for what is installed.
        sign_in: One of ``SIGN_IN``.
        experiment: Name.
        max_concurrent: Children of a sweep at once; None for ``max_nodes``.
        shard_minutes: Length of a shard on one node; None to choose.
        shard_hours: Longest life of a child.
        sweep_hours: Longest life of a sweep.
        silent_minutes: A child without news for so long is given up; None to choose.
        poll_seconds: Between two looks at a sweep; None to choose.
        tags: Labels of the sweep in the portal.
        policy: Early termination, or None.
        hourly_rate: Price of a node for an hour, in whatever currency, or None.
        data: Inputs in a datastore, or None where they are here.
    """

    compute: str
    config: Path | None = None
    subscription: str = ""
    resource_group: str = ""
    workspace: str = ""
    vm_size: str = ""
    cores: int | None = None
    min_nodes: int = 0
    max_nodes: int = MAX_NODES
    low_priority: bool = False
    idle_seconds: int = 600
    image: str = ""
    dockerfile: Path | None = None
    sdk: str = ""
    sign_in: str = "auto"
    experiment: str = "gridrun"
    max_concurrent: int | None = None
    shard_minutes: float | None = None
    shard_hours: float = 24.0
    sweep_hours: float = 168.0
    silent_minutes: float | None = None
    poll_seconds: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    policy: Mapping[str, Any] | None = None
    hourly_rate: float | None = None
    data: AzureData | None = None


def read_azure(node: Node, file: Path, inputs: Mapping[str, InputRole]) -> BackendValue:
    """The settings behind the key ``azure``; see ``gridrun.study.backend_keys``.

    Raises:
        InputError: With every fault.
    """
    settings = settings_below("azure", node, file, _KEYS)
    found = read_data(settings, inputs)
    data = AzureData(**found) if found is not None else None
    values: dict[str, Any] = {
        **read_workspace(settings, node),
        **read_compute(settings, node),
        **settings.given(_READ),
        "data": data,
    }
    if ("image" in settings.nodes) == ("dockerfile" in settings.nodes):
        settings.reader.fault(
            'azure needs one of "image" and "dockerfile"',
            node,
            "image: REGISTRY/NAME:TAG, or dockerfile: PATH for the workspace to build one from",
        )
    _check_sdk(settings, values)
    notes = settings.reader.finish()
    places = {role: data.place(role) for role in data.inputs} if data is not None else {}
    return BackendValue(AzureSettings(**values), notes, places)


def _check_sdk(settings: Section, values: Mapping[str, Any]) -> None:
    """What SDK v1 has not, where a study asks for it."""
    most = MOST_AT_ONCE["v1"]
    todo = "write sdk: v2, and install it with: pip install 'gridrun[azure-v2]'"
    if (values.get("max_concurrent") or 0) > most and values.get("sdk") != "v2":
        text = f"max_concurrent {values['max_concurrent']} is more than the {most} of SDK v1"
        settings.reader.fault(text, settings.nodes["max_concurrent"], todo)
    if values.get("compute") == SERVERLESS and values.get("sdk") == "v1":
        text = "SDK v1 has no serverless compute"
        settings.reader.fault(text, settings.nodes["compute"], todo)


def _without_key(file: Path) -> AzureSettings:
    raise UserError(
        "the study does not name a place on Azure to run on",
        where=str(file),
        todo="add the key azure with workspace, compute and image; see docs/azure.md",
    )


def schema_of_azure(inputs: Mapping[str, InputRole]) -> Schema:
    """What :func:`read_azure` accepts, for editors."""
    plain = settings({name: read for name, read in _READ.items() if name != "policy"})
    one_place = [{"required": [name]} for name in ("image", "dockerfile")]
    is_newer = {"properties": {"sdk": {"const": "v2"}}, "required": ["sdk"]}
    within = {"properties": {"max_concurrent": {"maximum": MOST_AT_ONCE["v1"]}}}
    named = {"properties": {"name": {"const": SERVERLESS}}, "required": ["name"]}
    lacking = {
        "properties": {
            "sdk": {"const": "v1"},
            "compute": {"anyOf": [{"const": SERVERLESS}, {"type": "object", **named}]},
        },
        "required": ["sdk"],
    }
    return mapping(
        {**plain, **schemas_of_parts(inputs)},
        ["workspace", "compute"],
        oneOf=one_place,
        anyOf=[is_newer, within],
        **{"not": lacking},
    )


KEY = BackendKey(
    backend="azureml",
    description="Where and how the study runs on Azure ML.",
    read=read_azure,
    default=_without_key,
    inputs_key="data",
    command="gridrun azure",
    schema=schema_of_azure,
)
