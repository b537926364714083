"""Options that mean the same in every command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gridrun.pipeline import DEFAULT_PIPELINE


def importable(pipeline: str) -> str:
    """The name of a pipeline, which may be in the current directory from now on."""
    here = str(Path.cwd())
    if pipeline != DEFAULT_PIPELINE and here not in sys.path:
        sys.path.append(here)
    return pipeline


def said(pipeline: str) -> str:
    """The option that a command in a message needs for this pipeline, a blank before it."""
    return "" if pipeline == DEFAULT_PIPELINE else f" --pipeline {pipeline}"


StudyArgument = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY",
        help="Study directory (it holds study.yaml), or the file itself.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="PARAMETER=VALUE[,VALUE...]",
        help="Only combinations with these values; may be given several times.",
        rich_help_panel="Which tasks",
    ),
]
Combinations = Annotated[
    str | None,
    typer.Option(
        "--combinations",
        metavar="LIST",
        help="Only these combination numbers, for example 1,5,10-20, or @FILE with one a line.",
        rich_help_panel="Which tasks",
    ),
]
Sample = Annotated[
    int | None,
    typer.Option(
        "--sample",
        metavar="N",
        help="Draw about N combinations by the study's seed, in whole blocks: combinations that "
        "are compared on the same rows.",
        rich_help_panel="Which tasks",
    ),
]
NoBlocks = Annotated[
    bool,
    typer.Option(
        "--no-blocks",
        help="With --sample: draw single combinations instead of whole blocks (fewer pairs, less "
        "sharing).",
        rich_help_panel="Which tasks",
    ),
]
Rows = Annotated[
    int | None,
    typer.Option(
        "--rows",
        metavar="N",
        help="Use a subset of N rows of the inputs, drawn by the seed, for prototyping; every "
        "table says so.",
        rich_help_panel="Which tasks",
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        "--folds",
        metavar="F",
        help="Number of folds in place of the study's; more can be added later.",
        rich_help_panel="Which tasks",
    ),
]
RetryFailed = Annotated[
    bool,
    typer.Option(
        "--retry-failed", help="Run failed tasks again as well.", rich_help_panel="Which tasks"
    ),
]
PipelineName = Annotated[
    str,
    typer.Option(
        "--pipeline",
        metavar="MODULE:ATTRIBUTE",
        help="Use this pipeline in place of the built-in one; it is installed, or in the current "
        "directory.",
        callback=importable,
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


def selecting(
    only: list[str] | None,
    combinations: str | None,
    sample: int | None,
    no_blocks: bool,
    rows: int | None,
    folds: int | None,
) -> dict[str, Any]:
    """The options as keywords of ``gridrun.plan.run_options.RunOptions``."""
    return {
        "only": tuple(only or ()),
        "combinations": combinations,
        "sample": sample,
        "blocks": not no_blocks,
        "rows": rows,
        "folds": folds,
    }
