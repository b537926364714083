"""Options that mean the same in every command."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar, get_origin, get_type_hints

import typer

from gridrun.cli._completion import choices
from gridrun.cli._parameters import Parameter, with_parameters
from gridrun.pipeline import DEFAULT_PIPELINE
from gridrun.plan.run_options import FORMS, RunOptions


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


_Command = TypeVar("_Command", bound=Callable[..., None])

# once: they are evaluated for every command that has some of them
_KINDS = get_type_hints(RunOptions)

SELECTING = tuple(name for name, form in FORMS.items() if form.selects)
"""The options that say which tasks are meant."""


def run_option(name: str) -> Parameter:
    """The parameter for an option of a run, by its name in ``RunOptions``."""
    form = FORMS[name]
    kind, default = _KINDS[name], getattr(RunOptions, name)
    if get_origin(kind) is tuple:
        kind, default = list[str] | None, None
    option = typer.Option(
        f" /{form.flag}" if form.flag else f"--{name.replace('_', '-')}",
        metavar=form.metavar or None,
        help=form.help,
        show_default=not form.flag,
        rich_help_panel="Which tasks" if form.selects else None,
        autocompletion=choices if name == "only" else None,
    )
    return Annotated[kind, option], default


def run_options(*names: str) -> dict[str, Parameter]:
    """The parameters for some of them, in the order in which they are declared."""
    return {name: run_option(name) for name in FORMS if name in names}


def with_run_options(*names: str) -> Callable[[_Command], _Command]:
    """Give a command that takes ``**chosen`` these options of a run, before the common ones."""

    def give(command: _Command) -> _Command:
        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = {p.name: (p.annotation, p.default) for p in own if p.kind is not p.VAR_KEYWORD}
        last = {name: parameters.pop(name) for name in ("pipeline", "as_json")}
        with_parameters(command, command.__doc__ or "", parameters | run_options(*names) | last)
        return command

    return give
