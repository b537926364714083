"""What crosses between the backend and an adapter of an Azure SDK: plain data, no SDK type.

A sweep is a ``gridrun.run.backend.SweepStatus``, without its children.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from backends.azureml.settings import AzureSettings
from gridrun.run.backend import ChildStatus

ENDED = frozenset({"Completed", "Failed", "Canceled"})
"""States of a run that it does not leave."""

CANCELLED = ("CancelRequested", "Canceled")
"""States of a sweep whose end was asked for, or whose time is over."""

UNKNOWN = "Unknown"
"""In place of a state that the service leaves out."""


def folder_of(run_id: str) -> str:
    """Where the files of a run are, if its record does not say it."""
    return f"dcid.{run_id}"


class Trouble(StrEnum):
    """What kind of trouble a call ran into."""

    SIGN_IN = "sign-in"
    """Not signed in, or no longer."""
    FORBIDDEN = "forbidden"
    """Signed in, but not allowed."""
    SIGNATURE = "signature"
    """The storage does not take what Azure has signed for us; each call has it signed anew."""
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
        return self in (Trouble.BUSY, Trouble.NETWORK, Trouble.SIGNATURE)

    @property
    def concerns_all(self) -> bool:
        """Whether it is with us, so that other files of other children would meet it as well."""
        return self in (Trouble.SIGN_IN, Trouble.FORBIDDEN, Trouble.SIGNATURE)


class AzureTrouble(Exception):
    """A call failed.

    Args:
        kind: Which kind of trouble.
        text: What was said, without secrets.
        status: HTTP status, where known.
        after: Seconds after which the service wants to be asked again, where it says so.
    """

    def __init__(
        self, kind: Trouble, text: str, status: int | None = None, after: float | None = None
    ) -> None:
        super().__init__(kind, text, status, after)
        self.kind = kind
        self.text = text
        self.status = status
        self.after = after


@dataclass(frozen=True)
class WorkspaceFacts:
    """What is known once signed in."""

    name: str
    location: str
    signed_in_as: str


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
        settings: Where and how it runs.
        directory: What the children get.
        script: Started by each child.
        axes: Argument to the values it takes; their product is the children.
        metric: Name of the primary metric.
        reads_inputs: Whether it is the job that reads the inputs.
    """

    run_id: str
    settings: AzureSettings
    directory: Path
    script: str
    axes: Mapping[str, Sequence[Any]]
    metric: str
    reads_inputs: bool = False

    @property
    def children(self) -> int:
        """How many there will be."""
        return math.prod(len(values) for values in self.axes.values())

    @property
    def policy(self) -> Mapping[str, Any] | None:
        """Early termination, or None."""
        return None if self.reads_inputs else self.settings.policy


@dataclass(frozen=True)
class ChildFacts(ChildStatus):
    """A child of a sweep.

    Args:
        values: Argument to the value it was given, as far as known.
    """

    values: Mapping[str, Any] = field(default_factory=dict)


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
