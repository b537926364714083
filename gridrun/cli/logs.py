"""``gridrun logs``: attempts that failed or printed something."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridrun.cli import _options as opt
from gridrun.cli._completion import classifiers
from gridrun.cli._help import add
from gridrun.errors import UserError, counted, did_you_mean
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.report.attempts import LoggedAttempt


KINDS = ("error", "crash", "timeout", "memory")
"""Kinds of failure that an attempt can have."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        logs,
        "gridrun logs",
        "gridrun logs . --combination 17 --show",
        "gridrun logs . --kind crash",
    )


def logs(
    study: opt.StudyArgument = Path(),
    combination: Annotated[
        int | None, typer.Option(metavar="N", help="List attempts of this combination only.")
    ] = None,
    fold: Annotated[
        int | None, typer.Option(metavar="F", help="List attempts of this fold only.")
    ] = None,
    classifier: Annotated[
        str | None,
        typer.Option(
            metavar="CLASSIFIER",
            help="List attempts of this classifier only.",
            autocompletion=classifiers,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="List failures of this kind only: error, crash, timeout, memory."
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the logs as well.")] = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """List attempts that failed or printed something, with their logs and how to run them again.

    Classifiers share imputed tables, and so do combinations of equal content. What their making
    printed is in the log of the task that made them: it is listed for all tasks that used them.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import NOTHING_RUN, dump, say

    opened = open_study(study, pipeline=pipeline)
    _require("--kind", kind, KINDS)
    _require("--classifier", classifier, opened.study.classifiers)
    if combination is not None and not 1 <= combination <= len(opened.study.grid):
        raise UserError(
            f"there is no combination {combination}",
            where="--combination",
            todo=f"combinations are numbered from 1 to {len(opened.study.grid):,}",
        )
    logged = opened.logs(combination=combination, fold=fold, classifier=classifier)
    found = [attempt for attempt in logged if kind in (None, attempt.kind)]
    if as_json:
        dump([vars(attempt) for attempt in found])
        return
    for attempt in found:
        for line in _lines(attempt, study, pipeline):
            say(line)
        if show and attempt.log is not None:
            for line in _text_of(attempt.log).split("\n"):
                say(line)
    if not found:
        say(NOTHING_RUN if opened.state().view is None else _none(len(opened.logs())))


def _lines(attempt: LoggedAttempt, study: Path, pipeline: str) -> list[str]:
    """What is said of an attempt."""
    said = [_headline(attempt)]
    if attempt.is_shared:
        said.append("  it made what the tasks that you asked for share with it, as imputed tables")
    if attempt.log is not None:
        said.append(f"  log: {attempt.log}")
    if attempt.shared_log is not None:
        said.append(f"  log of what it shares with others: {attempt.shared_log}")
    is_open = attempt.state == "failed" and attempt.outcome != "done"
    if is_open and attempt.combination is not None:
        said.append(f"  run again: {_again(study, attempt, pipeline)}")
    return said


def _text_of(log: Path) -> str:
    from gridrun.documents.textfile import last_of

    try:
        return last_of(log)
    except OSError as error:
        from gridrun.store.faults import disk_fault

        raise disk_fault(error, log) or UserError(
            f"the log cannot be read: {error.strerror}", where=str(log)
        ) from error


def _none(logged: int) -> str:
    if not logged:
        return "no attempt failed or printed anything"
    return (
        f"no attempt matches the options; without them there would be {counted(logged, 'attempt')}"
    )


def _require(option: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise UserError(
            f'unknown value "{value}"',
            where=option,
            todo=" ".join(filter(None, (did_you_mean(value, known), "known: " + ", ".join(known)))),
        )


def _again(study: Path, attempt: LoggedAttempt, pipeline: str) -> str:
    """The command that runs the attempt's task again, on the same rows."""
    words = ["gridrun", "local", shlex.quote(str(study))]
    words += ["--combinations", str(attempt.combination), "--retry-failed"]
    for option, value in (("--rows", attempt.rows), ("--folds", attempt.folds)):
        if value is not None:
            words += [option, str(value)]
    return " ".join(words) + opt.said(pipeline)


def _headline(attempt: LoggedAttempt) -> str:
    number = f"combination {attempt.combination}" if attempt.combination else "earlier grid"
    cause = f"{attempt.kind}: {' '.join(attempt.reason.split())}" if attempt.kind else "done"
    stage = f" in {attempt.stage}" if attempt.stage else ""
    return (
        f"{number}, {attempt.classifier}, fold {attempt.fold}, attempt {attempt.number}{stage}: "
        f"{cause}"
    )
