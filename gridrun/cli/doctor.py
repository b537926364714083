"""``gridrun doctor``: is everything here that a run needs?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridrun.cli import _options as opt


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Examples:  gridrun doctor  |  gridrun doctor ~/my-study")(doctor)


def doctor(
    study: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY", help="Check this study, too.", show_default=False),
    ] = None,
    as_json: opt.AsJson = False,
) -> None:
    """Check Python packages, R and its packages, memory, disk, and a study if one is named.

    Exit code 0 when a run could start, 2 when the study has to be changed, 3 when the
    machine lacks something.
    """
    from gridrun.checkup import checkup
    from gridrun.cli._text import dump, say

    findings = list(checkup(study))
    if as_json:
        dump([vars(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{finding.verdict:7} {finding.what}: {finding.found}")
            if finding.todo:
                say(f"        {finding.todo}")
    raise typer.Exit(max((finding.exit_code for finding in findings), default=0))
