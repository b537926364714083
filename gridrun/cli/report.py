"""``gridrun report``: the study on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.cli._of_pipeline import OfPipeline
from gridrun.pipeline import DEFAULT_PIPELINE


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(app, report, "gridrun report", "gridrun report ~/study {only}", cls=OfPipeline)


@opt.with_run_options(*opt.SELECTING)
def report(
    study: opt.StudyArgument = Path(),
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
    **chosen: Any,
) -> None:
    """Write results/report.html: what ran, warnings, means, failures and notes on one page.

    The page opens from disk in any browser and asks nobody for anything. Its numbers are those
    of the tables, which are written as well. Once there, it is kept up to date by every run and
    by `gridrun results`.

    Without options it covers what the last run selected. You may call it during a run; what
    has not run yet is said at the top.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import dump, say
    from gridrun.plan.run_options import RunOptions

    plain = RunOptions.asked(**chosen).is_plain
    file = open_study(study, pipeline=pipeline).report(**({} if plain else chosen))
    if as_json:
        dump({"file": file})
    else:
        say(f"report: {file}")
