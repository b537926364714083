"""Commands that show sweeps or end them: status, logs, cancel."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gridrun.cli.remote._words import Remote
from gridrun.errors import counted

if TYPE_CHECKING:
    from gridrun.api import OpenStudy
    from gridrun.run.backend import ChildStatus, DetachableBackend, SweepStatus
    from gridrun.store.ledger import StoredSweep

_MOST_ERRORS = 5
_TAIL_LINES = 12


def backend_of(opened: OpenStudy, remote: Remote, **options: Any) -> DetachableBackend:
    """The backend as the study's settings want it.

    Raises:
        UserError: The study lacks settings that the backend requires.
    """
    from gridrun.run.backend import load_backend

    name, settings = opened.backend_settings(remote.key)
    return cast("DetachableBackend", load_backend(name, settings=settings, **options))


def sweeps_of(opened: OpenStudy, remote: Remote) -> list[StoredSweep]:
    """What was ever sent by a backend, oldest first."""
    name, _ = opened.backend_settings(remote.key)
    return [sweep for sweep in opened.sweeps() if sweep.backend == name]


def show_status(
    remote: Remote, *, study: Path, pipeline: str, as_json: bool, **options: Any
) -> None:
    """Print the state of the sweeps."""
    from gridrun.api import open_study
    from gridrun.cli._text import dump, duration, say

    opened = open_study(study, pipeline=pipeline)
    looks = _look(opened, remote, options)
    parts = opened.status().parts
    sweeps = sweeps_of(opened, remote)
    if as_json:
        dump(
            {
                "sweeps": [
                    {**vars(sweep), "now": _plain(looks.get(sweep.name))} for sweep in sweeps
                ],
                "parts": parts,
            }
        )
        return
    if not sweeps:
        say(f"nothing was sent to {remote.place} yet")
    for sweep in sweeps:
        age = duration(time.time() - sweep.planned)
        look = looks.get(sweep.name)
        if look is None:
            say(f"{sweep.name}: {sweep.state} (sent {age} ago)")
            continue
        counts = Counter(child.state for child in look.children)
        states = ", ".join(f"{n} {state.lower()}" for state, n in sorted(counts.items()))
        say(
            f"{sweep.name}: {look.state.lower()}, {counted(sweep.tasks, 'task')} outstanding, "
            f"sent {age} ago"
        )
        say(f"  children: {states or 'none yet'}")
        if look.place:
            say(f"  {look.place}")
        for text, count in _errors(look).most_common(_MOST_ERRORS):
            say(f"  {count} x {text}")
    say("parts: " + ", ".join(f"{count:,} {state}" for state, count in parts.items() if count))


def show_logs(
    remote: Remote,
    *,
    study: Path,
    child: str | None,
    pipeline: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Print how children ended, or the log of one."""
    from gridrun.api import open_study
    from gridrun.cli._text import dump, say

    opened = open_study(study, pipeline=pipeline)
    if child is not None:
        with _asking(opened, remote, options) as backend:
            text = backend.log(child)
        say(text.rstrip() or f"{child} has printed nothing yet")
        return
    looks = _look(opened, remote, options, ended=True)
    if as_json:
        dump([_plain(look) for look in looks.values()])
        return
    if not looks:
        say(f"nothing was sent to {remote.place} yet")
    with _asking(opened, remote, options) as backend:
        for look in looks.values():
            say(f"{look.name}: {look.state.lower()}{_because(look.error)}")
            for one in look.children:
                say(f"  {one.name}: {one.state.lower()}{_because(one.error)}")
            broken = [one for one in look.children if one.error]
            if broken:
                say(f"  the end of the log of {broken[0].name}:")
                for line in backend.log(broken[0].name).strip().splitlines()[-_TAIL_LINES:]:
                    say(f"    {line}")


def cancel_all(opened: OpenStudy, remote: Remote, options: dict[str, Any]) -> list[str]:
    """Ask for the end of all sweeps that have not ended; their names."""
    names = [sweep.name for sweep in sweeps_of(opened, remote) if sweep.lives]
    if names:
        with _asking(opened, remote, options) as backend:
            for name in names:
                backend.cancel(name)
    return names


def _look(
    opened: OpenStudy, remote: Remote, options: dict[str, Any], *, ended: bool = False
) -> dict[str, SweepStatus]:
    """Living sweeps as they are now; with ``ended`` the newest one where none lives."""
    stored = sweeps_of(opened, remote)
    names = [sweep.name for sweep in stored if sweep.lives]
    if not names and ended:
        names = [sweep.name for sweep in stored if sweep.state != "abandoned"][-1:]
    if not names:
        return {}
    with _asking(opened, remote, options) as backend:
        return {name: backend.look(name) for name in names}


@contextlib.contextmanager
def _asking(
    opened: OpenStudy, remote: Remote, options: dict[str, Any]
) -> Iterator[DetachableBackend]:
    """A backend for a few questions."""
    backend = backend_of(opened, remote, **options)
    try:
        yield backend
    finally:
        backend.close()


def _errors(look: SweepStatus) -> Counter[str]:
    texts = [child.error for child in look.children if child.error]
    return Counter([look.error, *texts] if look.error else texts)


def _because(error: str) -> str:
    return f": {error}" if error else ""


def _plain(look: SweepStatus | ChildStatus | None) -> Any:
    return dataclasses.asdict(look) if look is not None else None
