"""``gridrun check-method``: try a file of your own before a study names it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.errors import UserError, counted
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.pipeline.file_checks import Check


_MOST_SECONDS = 86_400


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        check_method,
        "gridrun check-method ridge.R --param lambda=0.1",
        "gridrun check-method hgb.py --classifier",
        name="check-method",
    )


def check_method(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The R or Python file.")],
    classifier: Annotated[
        bool,
        typer.Option("--classifier", help="The file defines a classifier, not a method."),
    ] = False,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=VALUE",
            help="Pass this hyperparameter to the method; repeat the option for further ones.",
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", help="End a check after S seconds.")
    ] = 60.0,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """Try a method or classifier of your own on a small made-up table.

    It prints one line for each check. What fails here would fail in a study, too; read the
    warnings. Exit codes: 0 no check failed, 1 some check failed, 2 there is no such file or it
    cannot be parsed.
    """
    from gridrun.cli._text import dump, say
    from gridrun.pipeline.file_checks import CLASSIFIER, FAILED, METHOD, WARNING
    from gridrun.tools.check_method import try_file

    if not 0 < seconds <= _MOST_SECONDS:
        raise UserError(
            f"--seconds {seconds:g}: a check takes more than 0 and at most {_MOST_SECONDS:,} "
            f"seconds"
        )
    if classifier and param:
        raise UserError("--param is for methods only", todo="leave out --param")
    params = dict(_param(text) for text in param or ())
    checks: list[Check] = []
    for check in try_file(
        CLASSIFIER if classifier else METHOD, file, params, seconds=seconds, pipeline=pipeline
    ):
        checks.append(check)
        if not as_json:
            _print(check)
    failed = sum(check.verdict == FAILED for check in checks)
    if as_json:
        dump([vars(check) for check in checks])
    else:
        warnings = sum(check.verdict == WARNING for check in checks)
        say(f"{counted(len(checks), 'check')}: {failed} failed, {counted(warnings, 'warning')}")
    raise typer.Exit(1 if failed else 0)


def _print(check: Check) -> None:
    from gridrun.cli._text import say
    from gridrun.pipeline.file_checks import OK

    first, *more = check.found.splitlines() or [""]
    say(f"{check.verdict:7} {check.what}: {first}")
    for line in more:
        say(f"        {line}")
    if check.verdict != OK:
        for line in check.printed.splitlines():
            say(f"        | {line}")


def _param(text: str) -> tuple[str, Any]:
    """Name and value, a number where it is one."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UserError(f'--param "{text}" is not NAME=VALUE', todo="for example --param k=5")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
