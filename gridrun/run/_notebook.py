"""Progress of a run in a notebook: one output that is updated in place, with the time left."""

from __future__ import annotations

import datetime as dt
import sys
import time
from html import escape
from typing import Any

from gridrun.errors import Fault, counted, printable
from gridrun.pipeline.notebooks import lines_html
from gridrun.plan.units import TaskFailed
from gridrun.run._progress import Progress, Silent, Tally

_SECONDS = 0.5
"""Between two updates."""

_MOST_LINES = 5


def usual_progress() -> Progress:
    """Progress for a caller that names none: shown in a notebook, else nothing."""
    # whoever is in a notebook has loaded IPython; without it nothing is to be found out
    loaded = sys.modules.get("IPython")
    shell = loaded.get_ipython() if loaded is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return Silent()
    return Notebook(sys.modules["IPython.display"].display)


class Notebook:
    """Shows what a run does; see ``gridrun.run.Progress``.

    Args:
        display: ``IPython.display.display``.
    """

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None
        self._began = time.monotonic()
        self._shown = -_SECONDS
        self._phase = ""
        self._tally: Tally | None = None
        self._first: tuple[float, int] | None = None
        self._lines: list[str] = []
        self._further = 0

    def phase(self, text: str) -> None:
        """What is being done now; nothing at the end."""
        if text != self._phase:
            self._phase = text
            self._show(at_once=True)

    def note(self, fault: Fault | str) -> None:
        """Something worth saying once."""
        self._lines.append(f"note: {fault if isinstance(fault, str) else fault.text()}")
        self._show(at_once=True)

    def update(self, tally: Tally) -> None:
        """The counts have changed."""
        self._tally = tally
        if self._first is None:
            self._first = (time.monotonic(), tally.finished)
        self._show(at_once=tally.finished == tally.total)

    def failure(self, event: TaskFailed, log: str) -> None:
        """A task failed; the first few are shown, all are in the tables and logs."""
        self._further += 1
        if self._further <= _MOST_LINES:
            where = f", log: {log}" if log else ""
            reason = " ".join(event.reason.split())[:300]
            task = event.task
            self._lines.append(f"{event.kind}: {task.classifier} fold {task.fold}: {reason}{where}")
        self._show()

    def text(self) -> str:
        """Phase, counts, time since the beginning and time left, as one line."""
        tally = self._tally
        said = [self._phase] if self._phase else []
        if tally is not None:
            said.append(f"{tally.finished:,} of {counted(tally.total, 'task')}")
            said += [f"{tally.failed:,} failed"] if tally.failed else []
        said.append(f"{_clock(time.monotonic() - self._began)} since it began")
        left = self._left()
        return ", ".join([*said, *([f"about {_clock(left)} left"] if left is not None else [])])

    def _left(self) -> float | None:
        """Seconds at the pace since the first counts; None where nobody can say."""
        tally, first = self._tally, self._first
        if tally is None or first is None or tally.finished >= tally.total:
            return None
        done = tally.finished - first[1]
        took = time.monotonic() - first[0]
        return took * (tally.total - tally.finished) / done if done > 0 and took > 0 else None

    def _show(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._shown < _SECONDS:
            return
        self._shown = now
        tally, text = self._tally, self.text()
        bar = (
            f'<progress value="{tally.finished}" max="{tally.total}"></progress> ' if tally else ""
        )
        further = self._further - _MOST_LINES
        lines = [*self._lines, *([f"and {further:,} further failures"] if further > 0 else [])]
        data = {
            "text/plain": printable("\n".join([text, *lines])),
            "text/html": f"<div>{bar}{escape(printable(text))}{lines_html(lines)}</div>",
        }
        if self._handle is None:
            self._handle = self._display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def _clock(seconds: float) -> str:
    return str(dt.timedelta(seconds=round(seconds)))
