"""What crosses between the backend and an adapter of an Azure SDK: plain data, no SDK type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

ENDED = frozenset({"Completed", "Failed", "Canceled"})
"""States of a run that it does not leave."""


class Trouble(StrEnum):
    """What kind of trouble a call ran into."""

    SIGN_IN = "sign-in"
    """Not signed in, or no longer."""
    FORBIDDEN = "forbidden"
    """Signed in, but not allowed."""
    MISSING = "missing"
    """There is no such thing."""
    CONFLICT = "conflict"
    """There is one of this name already."""
    REFUSED = "refused"
    """The request itself is at fault; asking again is no use."""
    BUSY = "busy"
    """Asked too often, or the service has a fault of its own; asking again helps."""
    NETWORK = "network"
    """Nobody answered, or not in time."""
    SETUP = "setup"
    """Something is not installed here."""

    @property
    def passes(self) -> bool:
        """Whether asking again may help."""
        return self in (Trouble.BUSY, Trouble.NETWORK)


class AzureTrouble(Exception):
    """A call failed.

    Args:
        kind: Which kind of trouble.
        text: What was said, without secrets.
        status: HTTP status, where known.
    """

    def __init__(self, kind: Trouble, text: str, status: int | None = None) -> None:
        super().__init__(kind, text, status)
        self.kind = kind
        self.text = text
        self.status = status


@dataclass(frozen=True)
class Place:
    """A workspace, and how to sign in.

    Args:
        sign_in: ``auto``, ``cli``, ``service_principal``, ``managed_identity``, ``browser``.
        config: Path of a config.json, or None.
        subscription: Its id; with group and name in place of ``config``.
        resource_group: Name.
        workspace: Name.
    """

    sign_in: str
    config: Path | None = None
    subscription: str = ""
    resource_group: str = ""
    workspace: str = ""


@dataclass(frozen=True)
class WorkspaceFacts:
    """What is known once signed in."""

    name: str
    location: str
    signed_in_as: str


@dataclass(frozen=True)
class Cluster:
    """A compute cluster to use, or to create where there is none.

    Args:
        name: Its name.
        vm_size: For creating; empty: it has to be there.
        min_nodes: Kept running when idle.
        max_nodes: Most at once.
        low_priority: Cheaper nodes that may be taken away.
        idle_seconds: Before an idle node is given back.
    """

    name: str
    vm_size: str = ""
    min_nodes: int = 0
    max_nodes: int = 1
    low_priority: bool = False
    idle_seconds: int = 600


@dataclass(frozen=True)
class ClusterFacts:
    """A cluster as it is.

    Args:
        vm_size: Its machines.
        low_priority: Whether they may be taken away.
        min_nodes: Kept running when idle.
        max_nodes: Most at once.
        created: Whether it was made just now.
        problems: What the service says is wrong with it, one line each.
    """

    vm_size: str
    low_priority: bool
    min_nodes: int
    max_nodes: int
    created: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """A sweep to be submitted.

    Args:
        run_id: Chosen by us, so that a second submit is noticed.
        experiment: Name.
        directory: What the children get.
        script: Started by each child.
        arguments: Of every child.
        axes: Argument to the values it takes; their product is the children.
        cluster: Name of the compute.
        image: Of the container, or empty.
        dockerfile: Text to build one from, or empty.
        most_at_once: Children at once.
        child_seconds: Longest life of a child.
        sweep_minutes: Longest life of the sweep.
        metric: Name of the primary metric.
        policy: Early termination as the settings have it, or None.
        tags: Labels of the sweep in the portal.
        variables: Environment of the children.
    """

    run_id: str
    experiment: str
    directory: Path
    script: str
    arguments: Sequence[str]
    axes: Mapping[str, Sequence[Any]]
    cluster: str
    image: str
    dockerfile: str
    most_at_once: int
    child_seconds: int
    sweep_minutes: int
    metric: str
    policy: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def children(self) -> int:
        """How many there will be."""
        count = 1
        for values in self.axes.values():
            count *= len(values)
        return count


@dataclass(frozen=True)
class RunFacts:
    """A sweep as the service has it.

    Args:
        run_id: Its id.
        status: The service's word.
        url: Where a person can look at it.
        error: First line of what went wrong, or empty.
    """

    run_id: str
    status: str
    url: str = ""
    error: str = ""


@dataclass(frozen=True)
class ChildFacts:
    """A child of a sweep.

    Args:
        run_id: Its id.
        status: The service's word.
        values: Argument to the value it was given, as far as known.
        error: First line of what went wrong, or empty.
    """

    run_id: str
    status: str
    values: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Fetched:
    """Files of one child.

    Args:
        run_id: Of the child.
        names: All it has now.
        trouble: Why not all that was wanted came, or empty.
    """

    run_id: str
    names: tuple[str, ...]
    trouble: str = ""
