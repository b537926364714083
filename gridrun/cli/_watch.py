"""Progress of a run: a bar on a terminal, plain lines when piped. All on stderr."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gridrun.cli._text import console, duration
from gridrun.errors import Fault, counted, printable

if TYPE_CHECKING:
    from gridrun.plan.units import TaskFailed
    from gridrun.run import Tally

_PLAIN_SECONDS = 15.0
_MOST_FAILURES = 5


class Watch:
    """Shows what a run does; see ``gridrun.run.Progress``.

    Args:
        quiet: Whether to show notes and failures only.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._out = console(stderr=True)
        self._quiet = quiet
        self._began = time.monotonic()
        self._last_line = 0.0
        self._failures = 0
        self._bar: Any = None
        self._task: Any = None
        self._tally: Tally | None = None
        self._phase = ""

    def __enter__(self) -> Self:
        if self._out.is_terminal and not self._quiet:
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[extra]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(elapsed_when_finished=False),
                console=self._out,
                transient=True,
                speed_estimate_period=600,
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def phase(self, text: str) -> None:
        """What is being done now."""
        if not text or text == self._phase:
            return
        self._phase = text
        if self._bar is not None:
            self._show()
        elif not self._quiet:
            self._line(text)

    def note(self, fault: Fault | str) -> None:
        """Something worth saying once."""
        text = fault if isinstance(fault, str) else fault.text()
        self._out.print(f"note: {printable(text)}", markup=False, soft_wrap=True)

    def update(self, tally: Tally) -> None:
        """The counts have changed."""
        self._tally = tally
        if self._bar is not None:
            self._show()
        elif not self._quiet and time.monotonic() - self._last_line >= _PLAIN_SECONDS:
            self._line(f"{tally.finished:,} of {counted(tally.total, 'task')}{self._extra()}")

    def failure(self, event: TaskFailed, log: str) -> None:
        """A task failed; the first few are shown, all are in the tables and logs."""
        self._failures += 1
        if self._failures > _MOST_FAILURES:
            return
        task = event.task
        values = " ".join(str(value) for value in task.values.values())
        again = "" if event.final else " (tried again)"
        where = f", log: {log}" if log else ""
        self._out.print(
            printable(
                f"{event.kind}{again}: {task.classifier} fold {task.fold} {values}: "
                f"{' '.join(event.reason.split())[:300]}{where}"
            ),
            markup=False,
            soft_wrap=True,
        )
        if self._failures == _MOST_FAILURES:
            self._out.print("further failures are in the tables and in `gridrun logs`")

    def _show(self) -> None:
        tally = self._tally
        if self._task is None:
            self._task = self._bar.add_task("", total=None, extra="")
        if tally is not None:
            self._bar.update(
                self._task, total=tally.total, completed=tally.finished, extra=self._extra()
            )
        self._bar.update(self._task, description=self._phase)

    def _extra(self) -> str:
        tally = self._tally
        if tally is None:
            return ""
        parts = [
            f", {count:,} {name}"
            for count, name in (
                (tally.before, "by earlier runs"),
                (tally.shared, "shared"),
                (tally.failed, "failed"),
                (tally.retried, "tried again"),
            )
            if count
        ]
        return "".join(parts)

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        took = duration(time.monotonic() - self._began)
        self._out.print(f"[{took}] {text}", markup=False, soft_wrap=True)
