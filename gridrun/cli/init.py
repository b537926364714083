"""``gridrun init``: begin a study."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.cli._of_pipeline import OfPipeline, inputs_of
from gridrun.errors import UserError
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.pipeline import InputRole


class _Init(OfPipeline):
    @staticmethod
    def option_help(role: InputRole) -> str:
        """An option for each input."""
        return role.description


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        init,
        "gridrun init my-study {inputs}",
        cls=_Init,
    )


def init(
    context: typer.Context,
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIRECTORY", help="Study directory; created if it does not exist."),
    ] = Path(),
    grid: Annotated[
        Path | None,
        typer.Option(help="An upstream parameter_grid.json or combination_*.json to use."),
    ] = None,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
) -> None:
    """Write a study.yaml to start from, with every key explained."""
    from gridrun.cli._text import say
    from gridrun.pipeline import load_pipeline
    from gridrun.store.paths import STUDY_FILE
    from gridrun.study.template import study_text

    inputs = inputs_of(context)
    target = directory / STUDY_FILE
    if target.exists():
        raise UserError(
            "this directory has a study already",
            where=str(target),
            todo="edit the study, or name another directory; nothing was changed",
        )
    text = study_text(
        load_pipeline(pipeline),
        {role: os.path.relpath(path, directory) for role, path in inputs.items()},
        os.path.relpath(grid, directory) if grid else None,
    )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise UserError(
            f"{error.strerror}",
            where=str(error.filename or target),
            todo="name a directory that can be created or written",
        ) from error
    say(f"wrote {target}")
    for path in (*inputs.values(), *([grid] if grid else [])):
        if not path.exists():
            say(f"note: {path} does not exist yet")
    place = shlex.quote(str(directory))
    say(f"next: edit the study, then run gridrun plan {place}{opt.said(pipeline)}")
