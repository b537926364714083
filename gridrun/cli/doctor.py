"""``gridrun doctor``: is everything here that a run needs?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.tools.doctor import Finding


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        doctor,
        "gridrun doctor",
        "gridrun doctor ~/my-study",
        "gridrun doctor ~/my-study --azure",
    )


def doctor(
    study: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY", help="Check this study, too.", show_default=False),
    ] = None,
    azure: Annotated[
        bool,
        typer.Option(
            "--azure",
            help="Look at what STUDY needs of Azure: sign-in, workspace, compute, image.",
        ),
    ] = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """Check Python packages, R and its packages, memory, disk, and a study if one is named.

    Exit code 0 when a run could start, 2 when the study has to be changed, 3 when the
    machine lacks something.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import dump, say
    from gridrun.tools.doctor import examine

    findings = list(
        _azure(study, pipeline)
        if azure
        else examine(study, lambda path: open_study(path, pipeline=pipeline).plan(), pipeline)
    )
    if as_json:
        dump([vars(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{finding.verdict:7} {finding.what}: {finding.found}")
            if finding.todo:
                say(f"        {finding.todo}")
    raise typer.Exit(max((finding.exit_code for finding in findings), default=0))


def _azure(study: Path | None, pipeline: str) -> Iterator[Finding]:
    """What a study needs of Azure, looked at in turn, each as it is found."""
    from gridrun.api import open_study
    from gridrun.cli._sweeps import backend_of
    from gridrun.tools.doctor import Finding

    backend = backend_of(open_study(study or Path(), pipeline=pipeline))
    try:
        for what, verdict, found, todo in backend.check():
            yield Finding(what, verdict, found, todo, 3 if verdict == "missing" else 0)
    finally:
        backend.close()
