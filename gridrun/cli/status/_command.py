"""``gridrun status``: how a study stands, while a run works on it or not."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.api import OpenStudy
    from gridrun.report.status import StatusReport

_PAUSE_SECONDS = 5.0
"""Between two counts with ``--watch``."""

_WIDE = 160
"""Letters of a line that is piped, where it ends in text of any length."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        status,
        "gridrun status",
        "gridrun status . --watch",
        "gridrun status ~/study --json",
    )


def status(
    study: opt.StudyArgument = Path(),
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Say it again every few seconds, until no run is at work."),
    ] = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """Say how a study stands: what is done, runs, waits and failed, the pace and the time left.

    Tasks and parts (combination, classifier, fold) are those of what the last run selected.
    Nothing is written. With --watch a terminal shows it in place; piped, it is one line each time.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import dump, say
    from gridrun.cli.status._text import plain

    opened = open_study(study, pipeline=pipeline)
    if watch:
        _watch(opened, as_json=as_json)
    elif as_json:
        dump(plain(opened.status()))
    else:
        for line in _lines(opened.status()):
            say(line)


def _lines(report: StatusReport) -> list[str]:
    from gridrun.cli._text import console
    from gridrun.cli.status._text import lines

    out = console()
    return lines(report, out.width if out.is_terminal else _WIDE)


def _watch(opened: OpenStudy, *, as_json: bool) -> None:
    """Say it again and again; of a large study less often, for counting takes longer."""
    from gridrun.cli._text import console, dump, say
    from gridrun.cli.status._text import plain, short

    out = console()
    in_place = out.is_terminal and not as_json
    if in_place:
        from rich.live import Live
        from rich.text import Text

        live = Live(console=out, auto_refresh=False, vertical_overflow="crop")
    with live if in_place else contextlib.nullcontext():
        while True:
            began = time.monotonic()
            report = opened.status()
            if in_place:
                live.update(Text("\n".join(_lines(report))), refresh=True)
            elif as_json:
                dump(plain(report))
            elif report.holder is not None:
                say(short(report))
            if report.holder is None:
                break
            sys.stdout.flush()
            time.sleep(max(_PAUSE_SECONDS, 3 * (time.monotonic() - began)))
    if not in_place and not as_json:
        for line in _lines(report):
            say(line)
