"""The settings of ``azure`` that are objects of their own: workspace, compute, policy, data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gridrun.documents.tree import Entries, Leaf, Node, kind_of
from gridrun.errors import Fault
from gridrun.study import KeyReader, Section

POLICIES: Mapping[str, Mapping[str, type]] = {
    "bandit": {
        "evaluation_interval": int,
        "delay_evaluation": int,
        "slack_factor": float,
        "slack_amount": float,
    },
    "median_stopping": {"evaluation_interval": int, "delay_evaluation": int},
    "truncation_selection": {
        "evaluation_interval": int,
        "delay_evaluation": int,
        "truncation_percentage": int,
    },
}
_WORKSPACE = ("config", "subscription", "resource_group", "name")
_DATA = ("datastore", "folder")
_COMPUTE = (
    "name",
    "vm_size",
    "cores",
    "min_nodes",
    "max_nodes",
    "low_priority",
    "idle_seconds",
)


def read_workspace(reader: KeyReader, settings: Section, node: Node) -> dict[str, Any]:
    """The workspace, by file or by names."""
    advice = (
        "workspace: PATH of the config.json that the portal offers, or "
        "workspace: {subscription: ID, resource_group: NAME, name: NAME}"
    )
    if not settings.has("workspace"):
        reader.fault('azure setting "workspace" is missing', node, advice)
        return {}
    value = settings.at("workspace")
    if isinstance(value, Leaf):
        return {"config": settings.path("workspace")}
    if not isinstance(value, Entries):
        reader.fault(f'azure setting "workspace" has {kind_of(value)}', value, advice)
        return {}
    inner = Section(reader, value, _WORKSPACE, "workspace setting")
    if inner.has("config"):
        return {"config": inner.path("config")}
    missing = [name for name in _WORKSPACE[1:] if not inner.has(name)]
    if missing:
        reader.fault(f"the workspace lacks {', '.join(missing)}", value, advice)
    return {
        "subscription": inner.text("subscription", ""),
        "resource_group": inner.text("resource_group", ""),
        "workspace": inner.text("name", ""),
    }


def read_compute(reader: KeyReader, settings: Section, node: Node) -> dict[str, Any]:
    """The cluster, by name or with what it takes to create it."""
    advice = (
        "compute: NAME of a cluster, or compute: {name: NAME, vm_size: SIZE, max_nodes: N} "
        "to have it created"
    )
    if not settings.has("compute"):
        reader.fault('azure setting "compute" is missing', node, advice)
        return {}
    value = settings.at("compute")
    if isinstance(value, Leaf):
        return {"compute": settings.text("compute", "")}
    if not isinstance(value, Entries):
        reader.fault(f'azure setting "compute" has {kind_of(value)}', value, advice)
        return {}
    inner = Section(reader, value, _COMPUTE, "compute setting")
    if not inner.has("name"):
        reader.fault('compute setting "name" is missing', value, advice)
    most = inner.whole("max_nodes", 4, 1)
    least = inner.whole("min_nodes", 0, 0)
    if most is not None and least is not None and least > most:
        reader.fault(f"min_nodes {least} is more than max_nodes {most}", inner.at("min_nodes"))
    return {
        "compute": inner.text("name", ""),
        "vm_size": inner.text("vm_size", ""),
        "cores": inner.whole("cores", None, 1),
        "min_nodes": least,
        "max_nodes": most,
        "low_priority": inner.switch("low_priority"),
        "idle_seconds": inner.whole("idle_seconds", 600, 1),
    }


def read_policy(reader: KeyReader, settings: Section) -> Mapping[str, Any] | None:
    """Early termination, with a note on what it costs."""
    if not settings.has("policy"):
        return None
    value = settings.at("policy")
    if not isinstance(value, Entries):
        reader.fault(
            f'azure setting "policy" has {kind_of(value)}, expected settings',
            value,
            f"policy: {{name: NAME, ...}}; known names: {', '.join(POLICIES)}",
        )
        return None
    names = sorted({"name", *(key for keys in POLICIES.values() for key in keys)})
    inner = Section(reader, value, names, "policy setting")
    name = inner.word("name", tuple(POLICIES), None)
    if not inner.has("name"):
        reader.fault('policy setting "name" is missing', value, f"known: {', '.join(POLICIES)}")
    if name is None:
        return None
    policy: dict[str, Any] = {"name": name}
    for key in names:
        if key == "name" or not inner.has(key):
            continue
        kind = POLICIES[name].get(key)
        if kind is None:
            known = ", ".join(POLICIES[name])
            reader.fault(f'policy {name} has no setting "{key}"', inner.at(key), f"known: {known}")
        else:
            policy[key] = inner.whole(key, None, 0) if kind is int else inner.number(key, None)
    text = "an early termination policy may end shards before they have all their outcomes"
    reader.notes.append(Fault(reader.file, text, value.line))
    return policy


def read_data(reader: KeyReader, settings: Section, roles: Sequence[str]) -> dict[str, Any] | None:
    """Inputs in a datastore: its name, a path for each role, a folder for what is made."""
    if not settings.has("data"):
        return None
    value = settings.at("data")
    advice = "data: {datastore: NAME, " + ", ".join(f"{role}: PATH" for role in roles) + "}"
    if not isinstance(value, Entries):
        reader.fault(f'azure setting "data" has {kind_of(value)}', value, advice)
        return None
    inner = Section(reader, value, (*_DATA, *roles), "data setting")
    missing = [name for name in ("datastore", *roles) if not inner.has(name)]
    if missing:
        reader.fault(f"data lacks {', '.join(missing)}", value, advice)
    paths = {name: inner.text(name, "") for name in (*roles, "folder") if inner.has(name)}
    for name, path in paths.items():
        if path.startswith(("/", "~")) or ".." in path.split("/") or "://" in path:
            reader.fault(
                f'data setting "{name}" has "{path}"',
                inner.at(name),
                "allowed: a path within the datastore, with neither a leading / nor ..",
            )
    folder = paths.pop("folder", "gridrun").strip("/")
    return {"datastore": inner.text("datastore", ""), "inputs": paths, "folder": folder}
