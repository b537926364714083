"""The contract between the engine and whoever runs units.

A backend pulls units when it can use them and yields events as they arrive.
The engine asks a backend for its capabilities, never for its name. The public
test-suite ``gridrun.testing.contract`` says what a backend must do; a third
party registers its own by an entry point of the group ``gridrun.backends``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gridrun.errors import UserError, did_you_mean
from gridrun.plan.units import ContextFacts, Event, InputsRead, Job, ReadArtifact, SweepEvent, Unit


@dataclass(frozen=True)
class Capabilities:
    """What the engine may rely on.

    Args:
        isolates: A task that kills its process costs one attempt of one task. The
            contract's tests ask it; without it they kill nothing.
        workers: How many units run at once.
        most_tasks: Most tasks in a unit, or None to leave that to the plan.
    """

    isolates: bool
    workers: int = 1
    most_tasks: int | None = None


UnitFeed = Callable[[], Unit | None]
"""Gives the next unit, or None when there is none left (for now: see ``run``)."""


class Backend(Protocol):
    """Runs units; see the module's text."""

    @property
    def capabilities(self) -> Capabilities:
        """What this backend can do."""
        ...

    def open(self, job: Job, read_artifact: ReadArtifact) -> None:
        """Begin to start up; must return at once, the rest may happen in the background.

        Raises:
            EnvironmentFault: Something it needs is not there.
        """
        ...

    def run(self, next_unit: UnitFeed) -> Iterator[Event]:
        """Run units until ``next_unit`` gives None and none is in flight.

        ``next_unit`` is called from the caller's thread only, each time a
        worker is free, and again after a unit has ended even if it gave None
        before (a lost unit comes back this way, after a pause: asking every few
        seconds while a worker is free has it run as soon as it may).

        Raises:
            EnvironmentFault: It could not start, or can run no unit at all.
        """
        ...

    def stop(self) -> None:
        """Ask running units to end after their current task; ``run`` then ends.

        May be called from a signal handler: it only sets a flag.
        """
        ...

    def close(self) -> None:
        """Leave no process, thread or file behind; may be called at any time, twice too."""
        ...


@runtime_checkable
class PreparableBackend(Protocol):
    """A backend that takes long to start, and knows how before it knows the job."""

    def prepare(self) -> None:
        """Begin to start up, as ``open`` does, which comes later or, after a mistake, never.

        Raises:
            EnvironmentFault: Something it needs is not there.
        """
        ...


@dataclass(frozen=True)
class SentSweep:
    """A sweep that the ledger knows and that has not ended.

    Args:
        name: Name it has where it was sent.
        is_sent: Whether it is known to have been accepted.
        planned: When it was planned, seconds since the epoch.
        shards: Position to units, each with the tasks that have no final event yet.
        is_wanted: Whether all its tasks are asked for by the present run.
        segments: (shard, file name) of the segments that were read.
        place: Where a person can look at it, or empty.
    """

    name: str
    is_sent: bool
    planned: float
    shards: Mapping[int, tuple[Unit, ...]]
    segments: frozenset[tuple[int, str]] = frozenset()
    is_wanted: bool = True
    place: str = ""


@dataclass(frozen=True)
class StudyView:
    """What a detachable backend learns of the study.

    Args:
        name: Display name.
        token: Random text that no other study has; part of names elsewhere.
        sweeps_so_far: How many sweeps the ledger knows, ended ones too.
        directory: For files of its own, on the driver's disk.
        contexts: Number of a context to what a worker can check about it.
        sweeps: Those that have not ended.
    """

    name: str
    token: str
    sweeps_so_far: int
    directory: Path
    contexts: Mapping[int, ContextFacts] = field(default_factory=dict)
    sweeps: tuple[SentSweep, ...] = ()

    def sweep_name(self, more: int, suffix: str) -> str:
        """Name of the study's next sweep, which no other sweep has.

        Args:
            more: How many were planned since the study was looked at, this one included.
            suffix: Last part.
        """
        slug = re.sub(r"[^A-Za-z0-9]+", "-", self.name).strip("-")[:24].lower() or "study"
        return f"gridrun-{slug}-{self.token}-{self.sweeps_so_far + more:03d}-{suffix}"


@dataclass(frozen=True)
class Quote:
    """Estimated size and cost of sending units.

    Args:
        tasks: Tasks of all units.
        units: Units.
        shards: Shards they are packed into.
        sweeps: Sweeps the shards are packed into.
        machine: Kind of node.
        cores: Processors of a node.
        most_nodes: Nodes at once.
        node_hours: Estimated time of all nodes together, their start included.
        wall_hours: Estimated time from the first node's start to the last one's end.
        hourly_rate: Price of a node for an hour, or None where nobody said.
    """

    tasks: int
    units: int
    shards: int
    sweeps: int
    machine: str
    cores: int
    most_nodes: int
    node_hours: float
    wall_hours: float
    hourly_rate: float | None

    @property
    def cost(self) -> float | None:
        """Estimated price, or None where nobody said what a node costs."""
        return self.node_hours * self.hourly_rate if self.hourly_rate is not None else None


@dataclass(frozen=True)
class ChildStatus:
    """A part of a sweep as it is now.

    Args:
        name: Its name where it runs.
        state: In the words of the service.
        error: First line of what went wrong, or empty.
    """

    name: str
    state: str
    error: str = ""


@dataclass(frozen=True)
class SweepStatus:
    """A sweep as it is now.

    Args:
        name: Its name.
        state: In the words of the service.
        place: Where a person can look at it, or empty.
        error: First line of what went wrong, or empty.
        children: Its parts.
    """

    name: str
    state: str
    place: str
    error: str = ""
    children: tuple[ChildStatus, ...] = ()


@dataclass(frozen=True)
class Commands:
    """What people type for the sweeps of a detachable backend, each followed by a study.

    Args:
        send: Sends what is left.
        status: Says how sweeps stand.
        logs: Prints what their parts printed.
        collect: Brings in what is there.
        cancel: Ends them, and gives their tasks back.
    """

    send: str
    status: str
    logs: str
    collect: str
    cancel: str

    @classmethod
    def below(cls, command: str) -> Commands:
        """Those of a command that has all the others as commands of its own."""
        names = ("status", "logs", "collect", "cancel")
        return cls(command, *(f"{command} {name}" for name in names))


@runtime_checkable
class DetachableBackend(Backend, Protocol):
    """A backend whose units go on without the driver.

    It sends units as sweeps of shards. Before a sweep is sent ``run`` yields
    ``SweepPlanned``; when the next event is asked for, the plan is durable, so a
    driver that dies at any later moment knows what may be out there. It may pull
    every unit at once. ``stop`` leaves what was sent running and ends ``run`` without
    an end of its units.
    """

    @property
    def commands(self) -> Commands:
        """What people type for its sweeps."""
        ...

    def attach(self, study: StudyView) -> None:
        """Take over what earlier runs sent: ``run``, called later, yields their events, too."""
        ...

    def cancel(self, sweep: str) -> None:
        """Ask for the end of a sweep; ``run`` sees it end.

        Raises:
            GridrunError: It could not be asked.
        """
        ...

    def quote(self, units: Sequence[Unit]) -> Quote:
        """Estimated size and cost of sending units; asks no service."""
        ...

    def look(self, sweep: str) -> SweepStatus:
        """A sweep as it is now; changes nothing.

        Raises:
            GridrunError: It could not be asked.
        """
        ...

    def log(self, child: str) -> str:
        """What a part of a sweep printed.

        Raises:
            GridrunError: It could not be asked.
        """
        ...

    def check(self) -> Iterator[tuple[str, str, str, str]]:
        """Check what a run needs, one thing after another.

        Yields:
            What was checked, ``ok``, ``note`` or ``missing``, what was found, what to do.
        """
        ...

    def publish(self, sweep: str, path: Path) -> str:
        """Put a file beside a sweep, where it runs, if that is of use to anyone.

        Returns:
            Display name of where it lies; empty where it was not put anywhere.

        Raises:
            GridrunError: It could not be put there.
        """
        ...

    def next_steps(self, study: str) -> str:
        """What a person does while tasks are out: commands, with the study's place in them.

        Args:
            study: Its place, quoted for a shell.
        """
        ...


ReadingEvent = SweepEvent | InputsRead
"""What ``ReadingBackend.read`` yields."""


@runtime_checkable
class ReadingBackend(DetachableBackend, Protocol):
    """A backend that can have inputs read where they are, so that they need not be here."""

    def read(self, order: str, sweep: SentSweep | None, study: StudyView) -> Iterator[ReadingEvent]:
        """Send an order as a sweep of its own, wait for it, and bring its report.

        ``SweepPlanned``, without units, comes before it is sent; ``InputsRead`` and
        ``SweepEnded`` come at its end. Ends early when it is stopped, or does not wait.

        Args:
            order: Text of a ``gridrun.shard.remote_inputs.ReadingOrder``.
            sweep: The sweep that has this order already, or None.
            study: Names and places.

        Raises:
            GridrunError: It could not be sent, or failed.
        """
        ...

    def changed(self, stamps: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Display names of the inputs that are not what they were, without reading them.

        Args:
            stamps: Role to what the storage said of the file when it was read.

        Raises:
            GridrunError: The storage cannot be asked.
        """
        ...


GROUP = "gridrun.backends"


def backend_names() -> list[str]:
    """Names of the installed backends."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def commands_of(name: str) -> Commands | None:
    """The commands for a backend's sweeps; None where it is not installed, or has none."""
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            found = getattr(entry.load(), "commands", None)
            return found if isinstance(found, Commands) else None
    return None


def load_backend(name: str, **options: Any) -> Backend:
    """Make a backend by the name of its entry point.

    Args:
        name: As registered, for example ``local``.
        options: Passed to the backend's factory.

    Raises:
        UserError: No backend of this name is installed, or it has no such option.
    """
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            factory: Callable[..., Backend] = entry.load()
            _require_options(name, factory, options)
            return factory(**options)
    raise UserError(
        f'there is no backend "{name}"',
        todo=" ".join(
            part
            for part in (
                did_you_mean(name, backend_names()),
                f"installed backends: {', '.join(backend_names()) or 'none'}",
            )
            if part
        ),
    )


def _require_options(name: str, factory: Callable[..., Backend], options: dict[str, Any]) -> None:
    parameters = inspect.signature(factory).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    unknown = sorted(set(options) - set(parameters))
    if unknown:
        raise UserError(
            f'the backend "{name}" has no option {", ".join(unknown)}',
            todo=f"its options: {', '.join(parameters) or 'none'}",
        )
