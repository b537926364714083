"""``gridrun explain``: what happened in a fold, as an R script that does it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridrun.cli import _options as opt
from gridrun.cli._completion import classifiers
from gridrun.cli._help import add
from gridrun.cli._of_pipeline import OfPipeline
from gridrun.pipeline import DEFAULT_PIPELINE


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        explain,
        "gridrun explain . 17 1",
        "gridrun explain . 17 1 --classifier {classifier} --out why.R && Rscript --vanilla why.R",
        cls=OfPipeline,
    )


def explain(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="Study directory, or its study.yaml.")
    ],
    combination: Annotated[
        int,
        typer.Argument(metavar="COMBINATION", help="Combination number (column `combination`)."),
    ],
    fold: Annotated[int, typer.Argument(metavar="FOLD", help="Fold, counted from 1.")],
    classifier: Annotated[
        str | None,
        typer.Option(
            metavar="CLASSIFIER",
            autocompletion=classifiers,
            help="Take this classifier; `gridrun params` lists them.",
            show_default="the study's first",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.R",
            help="Write the script to this file; its tables go beside it, in .rds files.",
            show_default="explained/combination-N-fold-F-CLASSIFIER.R in the study",
        ),
    ] = None,
    force: opt.Force = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """Write an R script that reproduces one fold's numbers without gridrun, and say what happened.

    The fold is computed once more. Comments of the script say which rows were kept and why,
    which features were drawn and dropped, which seeds were set; its code is the R functions that
    ran, with their values. It prints the metrics and counts, and stops where they are not those
    of gridrun.
    """
    from gridrun.api import open_study
    from gridrun.cli._reports import show
    from gridrun.cli._watch import Watch

    with Watch() as watch:
        report = open_study(study, pipeline=pipeline).explain(
            combination, fold, classifier, out, force=force, progress=watch
        )
    show(report, "script", as_json=as_json)
