"""What the key ``azure`` of ``study.yaml`` may hold; plain data, no connection to anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridrun.documents.tree import Entries, Leaf, Node, kind_of, read_keys
from gridrun.errors import Fault
from gridrun.study._keys import KeyReader

SIGN_IN = ("auto", "cli", "service_principal", "managed_identity", "browser")
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
MOST_AT_ONCE = 100
"""HyperDrive runs at most so many children of a sweep at once."""

MOST_SWEEP_HOURS = 720.0
"""HyperDrive's own limit, 43,200 minutes."""

_KEYS = (
    "workspace",
    "sign_in",
    "compute",
    "image",
    "dockerfile",
    "experiment",
    "max_concurrent",
    "shard_minutes",
    "shard_hours",
    "sweep_hours",
    "silent_minutes",
    "poll_seconds",
    "tags",
    "policy",
    "hourly_rate",
)
_LATER = {
    "datastore": "this version sends the prepared tables of each block along with the sweep",
}
_WORKSPACE = ("config", "subscription", "resource_group", "name")
_COMPUTE = (
    "name",
    "vm_size",
    "cores",
    "min_nodes",
    "max_nodes",
    "low_priority",
    "idle_seconds",
)


@dataclass(frozen=True)
class AzureSettings:
    """Where and how a study runs on Azure ML.

    Args:
        config: Path of the workspace's config.json, or None.
        subscription: Id, with ``resource_group`` and ``workspace`` in place of ``config``.
        resource_group: Name.
        workspace: Name.
        compute: Name of the cluster.
        vm_size: Machines of the cluster; needed where it has to be created.
        cores: Processors of a node, where the size's name does not tell.
        min_nodes: Nodes kept running when idle.
        max_nodes: Most nodes at once.
        low_priority: Cheaper nodes, which may be taken away.
        idle_seconds: Before an idle node is given back.
        image: Worker image, or empty.
        dockerfile: Path of a Dockerfile that the workspace builds from, or None.
        sign_in: One of ``SIGN_IN``.
        experiment: Name.
        max_concurrent: Children of a sweep at once; None for ``max_nodes``.
        shard_minutes: Length of a shard on one node; None to choose.
        shard_hours: Longest life of a child.
        sweep_hours: Longest life of a sweep.
        silent_minutes: A child without news for so long is given up; None to choose.
        poll_seconds: Between two looks at a sweep; None to choose.
        tags: For people.
        policy: Early termination, or None.
        hourly_rate: Price of a node for an hour, in whatever currency, or None.
    """

    compute: str
    config: Path | None = None
    subscription: str = ""
    resource_group: str = ""
    workspace: str = ""
    vm_size: str = ""
    cores: int | None = None
    min_nodes: int = 0
    max_nodes: int = 4
    low_priority: bool = False
    idle_seconds: int = 600
    image: str = ""
    dockerfile: Path | None = None
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


def read_azure(reader: KeyReader, node: Node) -> AzureSettings | None:
    """The settings behind the key ``azure``; faults go to the reader."""
    if not isinstance(node, Entries):
        reader.fault(
            f'key "azure" has {kind_of(node)} where settings belong',
            node,
            f"known settings: {', '.join(_KEYS)}; see docs/azure.md",
        )
        return None
    before = len(reader.faults)
    settings = _Section(reader, node, _KEYS, "azure setting", also=tuple(_LATER))
    for name, reason in _LATER.items():
        if settings.has(name):
            reader.fault(f'azure setting "{name}" is of a later version', settings.at(name), reason)
    values: dict[str, Any] = {
        **_workspace(reader, settings, node),
        **_compute(reader, settings, node),
        "sign_in": settings.word("sign_in", SIGN_IN, "auto"),
        "experiment": settings.text("experiment", "gridrun"),
        "max_concurrent": settings.whole("max_concurrent", None, 1, MOST_AT_ONCE),
        "shard_minutes": settings.number("shard_minutes", None),
        "shard_hours": settings.number("shard_hours", 24.0),
        "sweep_hours": settings.number("sweep_hours", 168.0, MOST_SWEEP_HOURS),
        "silent_minutes": settings.number("silent_minutes", None),
        "poll_seconds": settings.number("poll_seconds", None),
        "hourly_rate": settings.number("hourly_rate", None),
        "tags": settings.texts("tags"),
        "policy": _policy(reader, settings),
        "image": settings.text("image", ""),
        "dockerfile": settings.path("dockerfile"),
    }
    if settings.has("image") == settings.has("dockerfile"):
        reader.fault(
            'azure needs one of "image" and "dockerfile"',
            node,
            "image: REGISTRY/NAME:TAG, or dockerfile: PATH for the workspace to build one from",
        )
    if len(reader.faults) > before:
        return None
    return AzureSettings(**values)


def _workspace(reader: KeyReader, settings: _Section, node: Node) -> dict[str, Any]:
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
    inner = _Section(reader, value, _WORKSPACE, "workspace setting")
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


def _compute(reader: KeyReader, settings: _Section, node: Node) -> dict[str, Any]:
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
    inner = _Section(reader, value, _COMPUTE, "compute setting")
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


def _policy(reader: KeyReader, settings: _Section) -> Mapping[str, Any] | None:
    if not settings.has("policy"):
        return None
    value = settings.at("policy")
    if not isinstance(value, Entries):
        reader.fault(
            f'azure setting "policy" has {kind_of(value)} where settings belong',
            value,
            f"policy: {{name: NAME, ...}}; known names: {', '.join(POLICIES)}",
        )
        return None
    names = sorted({"name", *(key for keys in POLICIES.values() for key in keys)})
    inner = _Section(reader, value, names, "policy setting")
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


class _Section:
    """Values behind the keys of one object, gathering faults.

    Args:
        reader: Takes the faults.
        entries: The object.
        known: Its keys.
        what: What a key is called in messages.
        also: Keys the caller has something to say about.
    """

    def __init__(
        self,
        reader: KeyReader,
        entries: Entries,
        known: Sequence[str],
        what: str,
        also: Sequence[str] = (),
    ) -> None:
        self._reader = reader
        self._what = what
        self._found = read_keys(reader.file, entries, known, what, reader.faults, also=also)

    def has(self, key: str) -> bool:
        """Whether a key is given."""
        return key in self._found

    def at(self, key: str) -> Node:
        """The node behind a key."""
        return self._found[key][1]

    def text(self, key: str, default: str) -> str:
        """Text that is not blank."""
        if not self.has(key):
            return default
        node = self.at(key)
        value = node.value if isinstance(node, Leaf) else None
        if isinstance(value, str) and value.strip():
            return value
        self._fault(key, node, "allowed: text")
        return default

    def path(self, key: str) -> Path | None:
        """A path relative to the study file."""
        if not self.has(key):
            return None
        return self._reader.path(f'{self._what} "{key}"', self.at(key))

    def word(self, key: str, known: Sequence[str], default: str | None) -> str | None:
        """One of some words."""
        if not self.has(key):
            return default
        return self._reader.word(key, self.at(key), known, {})

    def whole(self, key: str, default: int | None, least: int, most: int | None = None) -> Any:
        """A whole number within bounds."""
        return self._reader.whole(key, self.at(key), least, most) if self.has(key) else default

    def number(self, key: str, default: float | None, most: float = math.inf) -> float | None:
        """A number above 0."""
        if not self.has(key):
            return default
        node = self.at(key)
        value = node.number() if isinstance(node, Leaf) else None
        if value is not None and 0 < value <= most and math.isfinite(value):
            return float(value)
        limit = f", at most {most:g}" if math.isfinite(most) else ""
        self._fault(key, node, f"allowed: a number above 0{limit}")
        return default

    def switch(self, key: str) -> bool:
        """True or false; false when not given."""
        if not self.has(key):
            return False
        node = self.at(key)
        if isinstance(node, Leaf) and isinstance(node.value, bool):
            return node.value
        self._fault(key, node, "allowed: true, false")
        return False

    def texts(self, key: str) -> Mapping[str, str]:
        """An object of texts."""
        if not self.has(key):
            return {}
        node = self.at(key)
        found: dict[str, str] = {}
        pairs = node.pairs if isinstance(node, Entries) else None
        for name, value in pairs or []:
            if isinstance(name, Leaf) and isinstance(value, Leaf) and value.value is not None:
                found[name.written] = value.written
            else:
                pairs = None
        if pairs is None:
            self._fault(key, node, "allowed: NAME: TEXT, each on a line of its own")
        return found

    def _fault(self, key: str, node: Node, advice: str) -> None:
        self._reader.fault(f'{self._what} "{key}" has {kind_of(node)}', node, advice)
