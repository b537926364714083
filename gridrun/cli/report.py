"""``gridrun report``: the study on one page, or several side by side."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.cli._of_pipeline import OfPipeline
from gridrun.errors import UserError, printable
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.api import OpenStudy

_SECONDS = 10.0
"""Between two looks at the ledger with ``--watch``."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    examples = ("gridrun report", "gridrun report ~/study {only}")
    add(app, report, *examples, "gridrun report first second -o both.html", cls=OfPipeline)


@opt.with_run_options(*opt.SELECTING)
def report(
    studies: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="STUDY",
            help="Study directory (it holds study.yaml), or the file itself; several with -o.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write a page of all studies that are named, side by side, to this file.",
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Write the page anew whenever there is more, until nothing waits."
        ),
    ] = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
    **chosen: Any,
) -> None:
    """Write results/report.html: what ran, comparison, the whole grid and failures on one page.

    The page opens from disk in any browser and asks nobody for anything. Its numbers are those
    of the tables, which are written as well. Once there, it is kept up to date by every run and
    by `gridrun results`; a page of several studies (-o) is not.

    Without options it covers what the last run selected. You may call it during a run; what
    has not run yet is said at the top. With --watch it waits for the first run, and goes on
    until you press Ctrl-C, or all has run; the page can load itself anew.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import dump, say
    from gridrun.plan.run_options import RunOptions

    request = {} if RunOptions.asked(**chosen).is_plain else chosen
    opened = [open_study(study, pipeline=pipeline) for study in studies or [Path()]]
    if len(opened) > 1 and output is None:
        raise UserError(
            f"{len(opened)} studies are named, and no file for their page",
            todo="name it: gridrun report STUDY STUDY -o FILE",
        )
    for file in _written(opened, output, request, watch=watch):
        if as_json:
            dump({"file": file})
        else:
            say(f"report: {file}")


def _written(
    studies: list[OpenStudy], output: Path | None, request: dict[str, Any], *, watch: bool
) -> Iterator[Path]:
    """The page, each time that it was made anew."""
    from gridrun.api import write_report

    if watch:
        _await_the_first_run(studies)
    seen: list[int] | None = None
    while True:
        if output is None:
            file = studies[0].report(**request)
        elif seen is None or seen != _versions(studies):
            file = write_report(studies, output, **request)
        versions = _versions(studies)
        if versions != seen:
            yield file
        seen = versions
        if not watch or not any(study.summary(**request).waiting for study in studies):
            return
        time.sleep(_SECONDS)


def _await_the_first_run(studies: list[OpenStudy]) -> None:
    """Wait until each ledger has its study: a run reads the inputs before it writes there."""
    for study in studies:
        if study.state().view is None:
            where = study.study.paths.directory
            sys.stderr.write(f"{printable(str(where))}: waiting for the first run of the study\n")
            sys.stderr.flush()
        while study.state().view is None:
            time.sleep(_SECONDS)


def _versions(studies: list[OpenStudy]) -> list[int]:
    """How much each ledger has."""
    views = [study.state().view for study in studies]
    return [view.version() if view is not None else 0 for view in views]
