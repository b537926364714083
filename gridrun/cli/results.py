"""``gridrun results``: the tables, from what the ledger holds now."""

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
    add(
        app,
        results,
        "gridrun results",
        "gridrun results . {only} --json",
        cls=OfPipeline,
    )


@opt.with_run_options(*opt.SELECTING)
def results(
    study: opt.StudyArgument = Path(),
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
    **chosen: Any,
) -> None:
    """Write results/final_cv_results.csv and its companions, and print the means.

    Means are those of {means}, by {method} and classifier.

    Without options the tables cover what the last run selected. You may call it during a
    run; parts that have not run yet are in the table as waiting.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import dump, print_summary
    from gridrun.plan.run_options import RunOptions

    plain = RunOptions.asked(**chosen).is_plain
    summary = open_study(study, pipeline=pipeline).summary(**({} if plain else chosen))
    if as_json:
        dump(
            {
                "null_models": summary.null_records(),
                "summary": summary.records(),
                "files": summary.files,
            }
        )
    else:
        print_summary(summary, str(study))
