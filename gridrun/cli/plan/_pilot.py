"""``gridrun plan --pilot``: a few combinations of each method, run before the plan is printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from gridrun.cli._run_here import run_here
from gridrun.errors import counted

if TYPE_CHECKING:
    from gridrun.api import OpenStudy


def run_pilot(
    opened: OpenStudy, command: str, workers: int | None, chosen: dict[str, Any], *, quiet: bool
) -> None:
    """Run the pilot of a selection as any run."""
    from gridrun.cli._times import time_lines

    found = opened.pilot(**chosen)
    again = {name: chosen.get(name) for name in ("retry_failed", "retry")}
    request = {**found.request, **again}
    ahead = opened.plan(check=True, **request)
    if not ahead.pending:
        return
    tasks = counted(ahead.pending, "task")
    said = [f"pilot: {counted(len(found.cells), 'combination')} on fold 1, {tasks} to run"]
    said += [f"  {cell.index + 1}: {cell.method}, {' and '.join(cell.why)}" for cell in found.cells]
    said += time_lines(ahead.time)
    sys.stderr.write("".join(f"{line}\n" for line in said))
    go_on = f"continue with: {command} --pilot (same options)"
    ended = run_here(
        opened,
        in_process=False,
        quiet=quiet,
        go_on=go_on,
        workers=workers,
        **request,
    )
    if ended.fault is not None:
        raise ended.fault
    if ended.state == "interrupted":
        sys.stderr.write(f"the pilot was interrupted; {go_on}\n")
        raise typer.Exit(ended.exit_code)
