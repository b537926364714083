"""``gridrun local``: run a study here, or on a running Ray cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.cli._of_pipeline import OfPipeline
from gridrun.cli._run_here import command_of, run_here
from gridrun.errors import UserError, counted
from gridrun.pipeline import DEFAULT_PIPELINE


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        local,
        "gridrun local examples/quickstart",
        "gridrun local . --workers 8",
        "gridrun local . --sample 200 --rows 1000",
        "gridrun local . {only}",
        cls=OfPipeline,
    )


@opt.with_run_options(*opt.SELECTING, "retry_failed", "retry", "max_failures", "mix_environments")
def local(
    study: opt.StudyArgument = Path(),
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Start N worker processes, each with an R of its own.",
            show_default="one per core",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Join a running Ray cluster (host:port, or auto) instead of starting one; no "
            "shared disk is needed.",
        ),
    ] = None,
    in_process: Annotated[
        bool,
        typer.Option(
            "--in-process",
            help="Run without Ray in this process, one task after another: for debugging.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and run nothing.")
    ] = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
    **chosen: Any,
) -> None:
    """Run the pending tasks of a study on this machine and print the table.

    Tasks that are done are not run again; after a kill the same command continues the run.
    Ctrl-C (or SIGTERM) once ends the run after the tasks that are running, twice ends it at
    once; nothing that was committed is lost.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import dump, print_summary, tally_line

    if in_process and (workers is not None or address is not None):
        raise UserError(
            f"{'--address' if workers is None else '--workers'} cannot be combined with "
            f"--in-process",
            todo="leave out one of the two",
        )
    opened = open_study(study, pipeline=pipeline)
    if dry_run:
        from gridrun.cli.plan import show_plan

        report = opened.plan(**chosen)
        show_plan(report, why=False, as_json=as_json)
        return
    ended = run_here(
        opened,
        in_process=in_process,
        quiet=as_json,
        go_on=_go_on(study, pipeline),
        workers=workers,
        address=address,
        **chosen,
    )
    if as_json:
        dump(
            {
                "state": ended.state,
                "seconds": ended.seconds,
                "tasks": vars(ended.tally),
                "null_models": ended.summary.null_records(),
                "summary": ended.summary.records(),
                "files": ended.summary.files,
                "notes": [n if isinstance(n, str) else n.text() for n in ended.notes],
                "fault": ended.fault.text() if ended.fault is not None else None,
            }
        )
    else:
        print_summary(ended.summary, str(study))
        tally = ended.tally
        fitted = ", ".join(
            counted(count, name.removesuffix("s")) for name, count in sorted(tally.fits.items())
        )
        sys.stdout.write(
            f"{tally_line(tally, ended.seconds)}fitted by this run: {fitted or 'nothing'}\n"
        )
    if ended.held:
        look = "".join(f": {command}" for command in ended.look)
        sys.stderr.write(f"sweeps elsewhere hold {counted(ended.held, 'task')}{look}\n")
    if ended.fault is not None:
        sys.stderr.write(f"error: {ended.fault.text()}\n")
    if ended.state in {"interrupted", "broken"}:
        end = "interrupted" if ended.state == "interrupted" else "broken off"
        sys.stderr.write(f"the run was {end}; {_go_on(study, pipeline)}\n")
    raise typer.Exit(ended.exit_code)


def _go_on(study: Path, pipeline: str) -> str:
    return f"continue with: {command_of('local', study, pipeline)} (same options)"
