"""Commands that show sweeps: status, logs."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridrun.cli.remote._study import RemoteStudy
from gridrun.cli.remote._words import Remote
from gridrun.errors import counted

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
    looks = _look(sent)
    parts = sent.opened.status().parts
    sweeps = sent.sweeps()
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
    looks = _look(sent, ended=True)
    if as_json:
        dump([_plain(look) for look in looks.values()])
        return
    if not looks:
        say(f"nothing was sent to {remote.place} yet")
    with sent.asking() as backend:
        for look in looks.values():
            say(f"{look.name}: {look.state.lower()}{_because(look.error)}")
            for one in look.children:
                say(f"  {one.name}: {one.state.lower()}{_because(one.error)}")
            broken = [one for one in look.children if one.error]
            if broken:
                say(f"  the end of the log of {broken[0].name}:")
                for line in backend.log(broken[0].name).strip().splitlines()[-_TAIL_LINES:]:
                    say(f"    {line}")


def _look(sent: RemoteStudy, *, ended: bool = False) -> dict[str, SweepStatus]:
    """Living sweeps as they are now; with ``ended`` the newest one where none lives."""
    stored = sent.sweeps()
    names = [sweep.name for sweep in stored if sweep.lives]
    if not names and ended:
        names = [sweep.name for sweep in stored if sweep.state != "abandoned"][-1:]
    if not names:
        return {}
    with sent.asking() as backend:
        return {name: backend.look(name) for name in names}


def _errors(look: SweepStatus) -> Counter[str]:
    texts = [child.error for child in look.children if child.error]
    return Counter([look.error, *texts] if look.error else texts)


def _because(error: str) -> str:
    return f": {error}" if error else ""


def _plain(look: SweepStatus | ChildStatus | None) -> Any:
    return dataclasses.asdict(look) if look is not None else None
