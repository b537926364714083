"""Commands that show sweeps: status, logs."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridrun.cli.remote._study import RemoteStudy
from gridrun.cli.remote._words import Remote
from gridrun.errors import GridrunError, counted

if TYPE_CHECKING:
    from gridrun.run.backend import ChildStatus, SweepStatus

_MOST_ERRORS = 5
_TAIL_LINES = 12


def show_status(
    remote: Remote, *, study: Path, pipeline: str, as_json: bool, **options: Any
) -> None:
    """Print the state of the sweeps."""
    from gridrun.cli._text import dump, duration, say

    sent = RemoteStudy(remote, study, pipeline, options)
    looks, faults = _look(sent)
    parts = sent.opened.status().parts
    sweeps = sent.sweeps()
    if as_json:
        dump(
            {
                "sweeps": [
                    {
                        **vars(sweep),
                        "now": _plain(looks.get(sweep.name)),
                        "not_known": faults[sweep.name].what if sweep.name in faults else None,
                    }
                    for sweep in sweeps
                ],
                "parts": parts,
            }
        )
        _raise_first(faults)
        return
    if not sweeps:
        say(f"nothing was sent to {remote.place} yet")
    for sweep in sweeps:
        age = duration(time.time() - sweep.planned)
        look = looks.get(sweep.name)
        if look is None:
            say(f"{sweep.name}: {sweep.state} (sent {age} ago)")
            if sweep.name in faults:
                say(f"  how it stands now is not known: {faults[sweep.name].what}")
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
    _raise_first(faults)


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
    from gridrun.cli._text import dump, say
    from gridrun.documents.textfile import MOST_SHOWN

    sent = RemoteStudy(remote, study, pipeline, options)
    if child is not None:
        with sent.asking() as backend:
            text = backend.log(child)
        left_out = max(0, len(text) - MOST_SHOWN)
        if left_out:
            say(f"[{counted(left_out, 'letter')} before this are in the log of {child}]")
        for line in text[left_out:].rstrip().splitlines() or [f"{child} has printed nothing yet"]:
            say(line)
        return
    looks, faults = _look(sent, ended=True)
    if as_json:
        dump([_plain(look) for look in looks.values()])
        _raise_first(faults)
        return
    if not (looks or faults):
        say(f"nothing was sent to {remote.place} yet")
    with sent.asking() as backend:
        for look in looks.values():
            _show_children(look, backend.log)
    for name, fault in faults.items():
        say(f"{name}: how it stands now is not known: {fault.what}")
    _raise_first(faults)


def _show_children(look: SweepStatus, log: Callable[[str], str]) -> None:
    """How the children of a sweep ended, and the end of the log of one with an error."""
    from gridrun.cli._text import say

    say(f"{look.name}: {look.state.lower()}{_because(look.error)}")
    for one in look.children:
        say(f"  {one.name}: {one.state.lower()}{_because(one.error)}")
    broken = [one for one in look.children if one.error]
    if broken:
        say(f"  the end of the log of {broken[0].name}:")
        for line in log(broken[0].name).strip().splitlines()[-_TAIL_LINES:]:
            say(f"    {line}")


def _look(
    sent: RemoteStudy, *, ended: bool = False
) -> tuple[dict[str, SweepStatus], dict[str, GridrunError]]:
    """Living sweeps as they are now, and why some could not be asked.

    With ``ended`` it is the newest one where none lives.
    """
    from gridrun.store.faults import disk_fault

    stored = sent.sweeps()
    names = [sweep.name for sweep in stored if sweep.lives]
    if not names and ended:
        names = [sweep.name for sweep in stored if sweep.state != "abandoned"][-1:]
    looks: dict[str, SweepStatus] = {}
    faults: dict[str, GridrunError] = {}
    if names:
        with sent.asking() as backend:
            for name in names:
                try:
                    looks[name] = backend.look(name)
                except GridrunError as error:
                    faults[name] = error
                except OSError as error:
                    if (fault := disk_fault(error)) is None:
                        raise
                    faults[name] = fault
    return looks, faults


def _raise_first(faults: Mapping[str, GridrunError]) -> None:
    """End a command that has said what it could with the first of them, and its exit code."""
    if faults:
        raise next(iter(faults.values()))


def _errors(look: SweepStatus) -> Counter[str]:
    texts = [child.error for child in look.children if child.error]
    return Counter([look.error, *texts] if look.error else texts)


def _because(error: str) -> str:
    return f": {error}" if error else ""


def _plain(look: SweepStatus | ChildStatus | None) -> Any:
    return dataclasses.asdict(look) if look is not None else None
