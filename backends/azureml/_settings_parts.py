"""The settings of ``azure`` that are mappings of their own: workspace, compute, policy, data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from gridrun.documents.tree import Leaf, Node
from gridrun.pipeline import InputRole, inputs_lacking
from gridrun.study import Section
from gridrun.study.schema_parts import (
    TEXT,
    Schema,
    input_files,
    inputs_together,
    mapping,
    settings,
)

Reads = Mapping[str, Callable[[Section, str], Any]]
"""Setting to how it is read."""

_WHOLE: Callable[[Section, str], Any] = partial(Section.whole, least=0)
_INTERVALS: Reads = {"evaluation_interval": _WHOLE, "delay_evaluation": _WHOLE}
POLICIES: Mapping[str, Reads] = {
    "bandit": {**_INTERVALS, "slack_factor": Section.number, "slack_amount": Section.number},
    "median_stopping": _INTERVALS,
    "truncation_selection": {**_INTERVALS, "truncation_percentage": _WHOLE},
}
_WORKSPACE = ("config", "subscription", "resource_group", "name")
_DATA = ("datastore", "folder")
_COMPUTE: Reads = {
    "name": Section.text,
    "vm_size": Section.text,
    "cores": partial(Section.whole, least=1),
    "min_nodes": _WHOLE,
    "max_nodes": partial(Section.whole, least=1),
    "low_priority": Section.switch,
    "idle_seconds": partial(Section.whole, least=1),
}
MAX_NODES = 4
"""Most nodes of a cluster where the study does not say."""


def read_workspace(settings: Section, node: Node) -> dict[str, Any]:
    """The workspace, by file or by names."""
    advice = (
        "workspace: PATH of the config.json that the portal offers, or "
        "workspace: {subscription: ID, resource_group: NAME, name: NAME}"
    )
    value = settings.nodes.get("workspace")
    if isinstance(value, Leaf):
        return {"config": settings.path("workspace")}
    inner = _required(settings, "workspace", node, _WORKSPACE, advice)
    if inner is None:
        return {}
    if "config" in inner.nodes:
        return {"config": inner.path("config")}
    missing = [name for name in _WORKSPACE[1:] if name not in inner.nodes]
    if missing:
        settings.reader.fault(f"the workspace lacks {', '.join(missing)}", value, advice)
    found = inner.given(dict.fromkeys(_WORKSPACE[1:], Section.text))
    return {"workspace": found.pop("name", None), **found}


def read_compute(settings: Section, node: Node) -> dict[str, Any]:
    """The cluster, by name or with what it takes to create it."""
    advice = (
        "compute: NAME of a cluster, or compute: {name: NAME, vm_size: SIZE, max_nodes: N} "
        "to have it created"
    )
    value = settings.nodes.get("compute")
    if isinstance(value, Leaf):
        return {"compute": settings.text("compute")}
    inner = _required(settings, "compute", node, tuple(_COMPUTE), advice)
    if inner is None:
        return {}
    if "name" not in inner.nodes:
        settings.reader.fault('compute setting "name" is missing', value, advice)
    found = inner.given(_COMPUTE)
    least, most = found.get("min_nodes"), found.get("max_nodes", MAX_NODES)
    if most is not None and least is not None and least > most:
        message = f"min_nodes {least} is more than max_nodes {most}"
        settings.reader.fault(message, inner.nodes["min_nodes"])
    return {"compute": found.pop("name", None), **found}


def _required(
    settings: Section, key: str, node: Node, known: Sequence[str], advice: str
) -> Section | None:
    """The mapping behind a key that has to be there; None where it is not."""
    if key not in settings.nodes:
        settings.reader.fault(f'azure setting "{key}" is missing', node, advice)
    return settings.inner(key, known, f"{key} setting", advice)


def read_policy(settings: Section, key: str) -> Mapping[str, Any] | None:
    """Early termination, with a note on what it costs."""
    reader = settings.reader
    names = sorted({"name", *(key for keys in POLICIES.values() for key in keys)})
    advice = f"policy: {{name: NAME, ...}}; known names: {', '.join(POLICIES)}"
    inner = settings.inner(key, names, "policy setting", advice, expected="settings")
    if inner is None:
        return None
    node = settings.nodes[key]
    name = inner.word("name", tuple(POLICIES))
    if "name" not in inner.nodes:
        reader.fault('policy setting "name" is missing', node, f"known: {', '.join(POLICIES)}")
    if name is None:
        return None
    for other in names:
        if other in inner.nodes and other not in ("name", *POLICIES[name]):
            known = f"known: {', '.join(POLICIES[name])}"
            reader.fault(f'policy {name} has no setting "{other}"', inner.nodes[other], known)
    text = "an early termination policy may end shards before they have all their outcomes"
    reader.note(text, node)
    return {"name": name, **inner.given(POLICIES[name])}


def read_data(settings: Section, inputs: Mapping[str, InputRole]) -> dict[str, Any] | None:
    """Inputs in a datastore: its name, a path for each role, a folder for what is made."""
    reader = settings.reader
    advice = "data: {datastore: NAME, " + ", ".join(f"{role}: PATH" for role in inputs) + "}"
    inner = settings.inner("data", (*_DATA, *inputs), "data setting", advice)
    if inner is None:
        return None
    missing = [name for name in ("datastore",) if name not in inner.nodes]
    missing += inputs_lacking(inputs, inner.nodes)
    if missing:
        reader.fault(f"data lacks {', '.join(missing)}", settings.nodes["data"], advice)
    paths = inner.files(inputs, _within_datastore)
    folder = _within_datastore(inner, "folder") if "folder" in inner.nodes else "gridrun"
    return {
        "datastore": inner.text("datastore"),
        "inputs": paths,
        "folder": (folder or "").strip("/"),
    }


def _within_datastore(section: Section, name: str) -> str:
    """A path within a datastore."""
    path = section.text(name) or ""
    if path.startswith(("/", "~")) or ".." in path.split("/") or "://" in path:
        section.reader.fault(
            f'data setting "{name}" has "{path}"',
            section.nodes[name],
            "allowed: a path within the datastore, with neither a leading / nor ..",
        )
    return path


def schemas_of_parts(inputs: Mapping[str, InputRole]) -> dict[str, Schema]:
    """Schemas of the four, for editors: what the functions above accept."""
    names = dict.fromkeys(_WORKSPACE, TEXT)
    ways = [{"required": ["config"]}, {"required": [*_WORKSPACE[1:]]}]
    where = mapping({**dict.fromkeys(_DATA, TEXT), **input_files(inputs)})
    together = inputs_together(inputs)
    policies = [
        mapping({"name": {"const": name}, **settings(reads)}, ["name"])
        for name, reads in POLICIES.items()
    ]
    return {
        "workspace": {"anyOf": [TEXT, mapping(names, anyOf=ways)]},
        "compute": {"anyOf": [TEXT, mapping(settings(_COMPUTE), ["name"])]},
        "policy": {"anyOf": policies},
        "data": {**where, **together, "required": ["datastore", *together["required"]]},
    }
