"""``gridrun predict``: predict rows of new inputs, with or without labels, by a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from gridrun.cli import _options as opt
from gridrun.cli._of_pipeline import OfPipeline, inputs_of
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.pipeline import InputRole
from gridrun.cli._help import add

_NONE_PREDICTED = 1


class _Predict(OfPipeline):
    requires_inputs: ClassVar[bool] = True

    @staticmethod
    def option_help(role: InputRole) -> str:
        """An option for each input that predictions take."""
        return role.predicted


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        predict,
        "gridrun predict models/combination-17-{classifier}.gridrun-model {predicted}",
        "gridrun predict MODEL {predicted} --out new.csv",
        cls=_Predict,
    )


def predict(
    context: typer.Context,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Model file that `gridrun export-model` wrote.")
    ],
    *,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Write the predictions to this CSV file.")
    ] = Path("predictions.csv"),
    force: opt.Force = False,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Run code that the model brings along, if it has any."),
    ] = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """Predict the rows of new inputs, with or without labels.

    {predictions} It has the probability of being positive, how many features were missing,
    and a note; a row that cannot be predicted is there with the reason. The prediction of a row
    does not depend on other rows. A model is data, whoever wrote it. One of methods or
    classifiers of a study's own brings their code along, and one of an earlier version is in a
    form that can hold code: --trust allows to run it.
    """
    from gridrun.api import predict_variants
    from gridrun.cli._reports import show
    from gridrun.cli._watch import Watch

    inputs = inputs_of(context)
    with Watch() as watch:
        report = predict_variants(
            model,
            file=out,
            force=force,
            trust=trust,
            pipeline=pipeline,
            progress=watch,
            **inputs,
        )
    show(report, "predictions", as_json=as_json)
    if not report.facts["predicted"]:
        raise typer.Exit(_NONE_PREDICTED)
