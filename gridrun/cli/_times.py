"""How long something takes, in words: an estimate, its range, and where it comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gridrun.cli._text import duration
from gridrun.errors import counted

if TYPE_CHECKING:
    from gridrun.plan.times import TimeEstimate

_NOTABLE_SCALE = 1.25
_ALL, _HALF, _NONE = 0.995, 0.5, 0.005
"""Shares of an estimate that rest on finished tasks."""


def time_lines(time: TimeEstimate) -> list[str]:
    """An estimate for what is to be run: the time, and what it rests on."""
    workers = os.cpu_count() or 1
    lines = [f"time: about {duration(time.seconds)} of one core{_range(time)}"]
    if workers > 1:
        lines[0] += f"; {duration(time.seconds / workers)} with {counted(workers, 'worker')}"
    lines.append(f"  by {basis(time)}; reading the inputs comes on top")
    lines += [f"  assumed: {clause}" for clause in time.assumes if time.measured < _ALL]
    return lines


def advice_lines(time: TimeEstimate) -> list[str]:
    """What makes an estimate surer, where it rests on little of this study."""
    if time.measured >= _HALF:
        return []
    return [
        "  surer: gridrun plan --pilot first runs the cheapest, dearest and most fragile",
        "  combination of each method on one fold; what it computes is kept",
    ]


def left_text(time: TimeEstimate, workers: int) -> str:
    """The time that is left with so many workers."""
    spread = f"{duration(time.low / workers)} to {duration(time.high / workers)}"
    return f"about {duration(time.seconds / workers)} ({spread})"


def _range(time: TimeEstimate) -> str:
    return f" ({duration(time.low)} to {duration(time.high)})"


def basis(time: TimeEstimate) -> str:
    """What an estimate rests on, after "by"."""
    table = (
        "the built-in table of costs"
        if time.is_table
        else "a rough guess of the pipeline, which has no table of costs"
    )
    if not time.observed:
        return table
    finished = f"what {counted(time.observed, 'finished task')} of this study took"
    if time.measured >= _ALL:
        return finished
    scaled = ""
    if not 1 / _NOTABLE_SCALE < time.scale < _NOTABLE_SCALE:
        scaled = f", which took {time.scale:.2g} times as long here"
    rest = f"{table}, scaled to this machine{scaled}"
    if time.measured <= _NONE:
        return rest
    return f"{finished} ({time.measured:.0%} of it), and for other methods by {rest}"
