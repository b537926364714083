"""``gridrun export-model``: a model of all labelled rows, to predict other rows with."""

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
        export_model,
        "gridrun export-model . --combination 17 --classifier {classifier}",
        "gridrun export-model . --combination 17 --classifier {classifier} --out my.gridrun-model",
        cls=OfPipeline,
        name="export-model",
    )


def export_model(
    study: opt.StudyArgument = Path(),
    *,
    combination: Annotated[
        int, typer.Option(metavar="N", help="Combination number (column `combination`).")
    ],
    classifier: Annotated[
        str,
        typer.Option(
            metavar="CLASSIFIER",
            help="Take this classifier; `gridrun params` lists them.",
            autocompletion=classifiers,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the model to this file.",
            show_default="models/combination-N-CLASSIFIER.gridrun-model in the study",
        ),
    ] = None,
    force: opt.Force = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """Train a combination on all labelled rows and write the model to one file.

    It trains on the training part and the test part of the combination's block, with the stages
    and settings of a fold, and with its seeds where upstream's are kept. `gridrun predict` reads
    the file, which holds a recipe for people (recipe.json in the zip). If predictions need the
    training rows, the file holds these too, and the command says so (docs/models.md).
    """
    from gridrun.api import open_study
    from gridrun.cli._reports import show
    from gridrun.cli._watch import Watch

    with Watch() as watch:
        report = open_study(study, pipeline=pipeline).export_model(
            combination, classifier, out, force=force, progress=watch
        )
    show(report, "model", as_json=as_json)
