"""A run in this process or on workers that it starts, which Ctrl-C ends in two steps."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._interrupt import on_interrupt

if TYPE_CHECKING:
    from gridrun.api import OpenStudy
    from gridrun.run import Engine, RunReport

_ENDING = (
    "ending after the tasks that are running; press Ctrl-C again to stop at once (nothing is lost)"
)


def run_here(
    opened: OpenStudy, *, in_process: bool, quiet: bool, go_on: str, **request: Any
) -> RunReport:
    """Run what is left of a request, and show its progress.

    Args:
        opened: The study.
        in_process: Whether tasks run in this process, without Ray.
        quiet: Whether notes and failures alone are shown.
        go_on: How to continue, said when it is stopped at once.
        request: As for ``OpenStudy.engine``.
    """
    from gridrun.cli._watch import Watch

    with Watch(quiet=quiet) as watch:
        backend = "inprocess" if in_process else "local"
        engine = opened.engine(backend, progress=watch, **request)
        stopped = f"the run was stopped; what was recorded is kept; {go_on}"
        restore = on_interrupt(
            engine.stop,
            _ENDING,
            is_stuck=lambda: in_process and engine.is_running,
            leave=lambda: _leave(engine, stopped),
        )
        try:
            return engine.run()
        except KeyboardInterrupt:
            sys.stderr.write(f"{stopped}\n")
            raise typer.Exit(130) from None
        finally:
            restore()


def command_of(command: str, study: Path, pipeline: str) -> str:
    """A command for a study, as a person types it."""
    return f"gridrun {command} {shlex.quote(str(study))}{opt.said(pipeline)}"


def _leave(engine: Engine, said: str) -> None:
    engine.abandon()
    sys.stderr.write(f"{said}\n")
    sys.stderr.flush()
