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
from gridrun.errors import GridrunError, UserError, counted
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.pipeline import InputRole, Pipeline


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
        "gridrun init --example",
        "gridrun init my-study {inputs}",
        cls=_Init,
    )


def init(
    context: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIRECTORY",
            help="Study directory; created if it does not exist. Without it, the study is written "
            "into the current directory, and the example into the directory `quickstart`.",
            show_default=False,
        ),
    ] = None,
    example: Annotated[
        bool,
        typer.Option(
            "--example",
            help="Write a study that can run as it is, with small synthetic inputs.",
        ),
    ] = False,
    grid: Annotated[
        Path | None,
        typer.Option(help="Use this grid: an upstream parameter_grid.json or combination_*.json."),
    ] = None,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
) -> None:
    """Write a study.yaml to start from, with every key explained."""
    from gridrun.cli._text import say
    from gridrun.pipeline import load_pipeline
    from gridrun.store.paths import STUDY_FILE
    from gridrun.study.template import study_text

    inputs = inputs_of(context)
    directory = directory or Path("quickstart" if example else "")
    target = directory / STUDY_FILE
    if target.exists():
        raise UserError(
            "this directory has a study already",
            where=str(target),
            todo="edit the study, or name another directory; nothing was changed",
        )
    loaded = load_pipeline(pipeline)
    if example:
        if inputs or grid:
            raise UserError(
                "the example has its own inputs and its own grid",
                todo="leave out --example, or leave out the files",
            )
        _write_example(loaded, directory)
        place = shlex.quote(str(directory)) + opt.said(pipeline)
        say(f"wrote {target} and its inputs")
        _say_cost(target, pipeline)
        say(f"next: run gridrun plan {place}, then gridrun local {place}")
        return
    text = study_text(
        loaded,
        {role: os.path.relpath(path, directory) for role, path in inputs.items()},
        os.path.relpath(grid, directory) if grid else None,
    )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise _unwritable(error, target) from error
    say(f"wrote {target}")
    for path in (*inputs.values(), *([grid] if grid else [])):
        if not path.exists():
            say(f"note: {path} does not exist yet")
    _say_cost(target, pipeline)
    place = shlex.quote(str(directory))
    say(f"next: edit the study, then run gridrun plan {place}{opt.said(pipeline)}")


def _say_cost(study: Path, pipeline: str) -> None:
    """Say how large the study is that was written, and how long it takes."""
    # not through the API, whose imports take as long as all else here
    from gridrun.cli._text import say
    from gridrun.cli._times import time_lines
    from gridrun.pipeline import load_pipeline
    from gridrun.plan.run_options import RunOptions
    from gridrun.report.times import grid_cost
    from gridrun.study import load_study
    from gridrun.study.state import StudyState

    try:
        loaded = load_study(study, load_pipeline(pipeline))
        own = load_pipeline(pipeline).of_study(loaded.options)
        cost = grid_cost(StudyState(loaded, own, RunOptions(), pipeline))
    except GridrunError as error:
        say(f"what its grid costs, `gridrun plan` says once the study can be read: {error.what}")
        return
    combinations = counted(cost.combinations, "combination")
    tasks = counted(cost.tasks, "task")
    say(f"its grid: {combinations} x {counted(cost.folds, 'fold')}, {tasks}")
    for line in time_lines(cost.time):
        say(line)


def _write_example(pipeline: Pipeline, directory: Path) -> None:
    """Copy the pipeline's example; a file that is there already is never replaced."""
    from gridrun.pipeline import HasExample

    if not isinstance(pipeline, HasExample):
        raise UserError(
            f"the pipeline {pipeline.name} has no example",
            todo="leave out --example, and name the inputs",
        )
    source = pipeline.example()
    # runs of a clone's own example leave more beside it
    names = [path for path in source.rglob("*") if path.suffix in {".yaml", ".gz"}]
    files = [
        path.relative_to(source) for path in names if path.parent.name in {source.name, "data"}
    ]
    for file in files:
        if (directory / file).exists():
            raise UserError(
                "this file exists already",
                where=str(directory / file),
                todo="name another directory; nothing was changed",
            )
    try:
        for file in files:
            (directory / file).parent.mkdir(parents=True, exist_ok=True)
            (directory / file).write_bytes((source / file).read_bytes())
    except OSError as error:
        raise _unwritable(error, directory) from error


def _unwritable(error: OSError, place: Path) -> GridrunError:
    from gridrun.store.faults import disk_fault

    return disk_fault(error, place) or UserError(
        f"{error.strerror}",
        where=str(error.filename or place),
        todo="name a directory that can be created or written",
    )
