"""The contract between the engine and whoever runs units.

A backend pulls units when it can use them and yields events as they arrive.
The engine asks a backend for its capabilities, never for its name. The public
test-suite ``gridrun.testing.contract`` says what a backend must do; a third
party registers its own by an entry point of the group ``gridrun.backends``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Protocol

from gridrun.errors import UserError, did_you_mean
from gridrun.units import Event, Job, Unit


@dataclass(frozen=True)
class Capabilities:
    """What the engine may rely on.

    Args:
        isolates: A task that kills its process costs one attempt of one task.
        detachable: Units go on when the driver leaves; ``attach`` finds them.
        max_units: Most units in one run, or None for no bound.
        shares_disk: Workers see the study directory.
        costs_money: Ask before submitting.
        workers: How many units run at once.
    """

    isolates: bool
    detachable: bool = False
    max_units: int | None = None
    shares_disk: bool = True
    costs_money: bool = False
    workers: int = 1


UnitFeed = Callable[[], Unit | None]
"""Gives the next unit, or None when there is none left (for now: see ``run``)."""

ReadArtifact = Callable[[str], bytes]
"""Content of an artifact by digest."""


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
        before (a lost unit comes back this way).

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


GROUP = "gridrun.backends"


def backend_names() -> list[str]:
    """Names of the installed backends."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


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
