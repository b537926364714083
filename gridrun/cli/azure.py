"""``gridrun azure``: run a study on Azure ML, and come back to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gridrun.cli import _azurerun, _sweeps
from gridrun.cli import _options as opt
from gridrun.cli._group import DefaultGroup
from gridrun.errors import UserError

app = typer.Typer(
    cls=DefaultGroup,
    help="Run a study on Azure ML: send what is left, wait, collect, print the table. Ctrl-C "
    "detaches; the same command comes back.",
    epilog="Examples:  gridrun azure . --dry-run  |  gridrun azure . --yes  |  "
    "gridrun azure submit .  |  gridrun azure collect .  |  gridrun azure cancel .",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send without asking first.")]
HourlyRate = Annotated[
    float | None,
    typer.Option(
        "--hourly-rate", metavar="PRICE", help="Price of a node for an hour, for the estimate."
    ),
]
Mix = Annotated[
    bool,
    typer.Option(
        "--mix-environments",
        help="Accept other versions of R or packages than the study was begun with.",
    ),
]
OneChild = Annotated[
    bool,
    typer.Option(
        "--one-child-per-combination",
        help="At most 1,000 combinations: a child for each, with upstream's parameters as its "
        "arguments and mcc as its metric, as in upstream's notebook. Slower and dearer.",
    ),
]
ReadAgain = Annotated[
    bool,
    typer.Option(
        "--read-again",
        help="Have inputs in a datastore read once more: whether they changed is not seen "
        "from here.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print shards, sweeps, node-hours and cost; send nothing."),
]


def register(root: typer.Typer) -> None:
    """Add the command and its commands."""
    root.add_typer(app, name="azure")


@app.command("run", epilog="The same as `gridrun azure` without a command.")
def run(
    study: opt.StudyArgument = Path(),
    dry_run: DryRun = False,
    yes: Yes = False,
    hourly_rate: HourlyRate = None,
    one_child_per_combination: OneChild = False,
    read_again: ReadAgain = False,
    only: opt.Only = None,
    combinations: opt.Combinations = None,
    sample: opt.Sample = None,
    no_blocks: opt.NoBlocks = False,
    rows: opt.Rows = None,
    folds: opt.Folds = None,
    retry_failed: opt.RetryFailed = False,
    mix_environments: Mix = False,
    as_json: opt.AsJson = False,
) -> None:
    """Send what is left of a study to Azure ML, wait, collect, print the table.

    What is done or already sent is not sent again. Ctrl-C detaches: the same
    command comes back, from any machine that has the study directory.
    """
    chosen = opt.selecting(only, combinations, sample, no_blocks, rows, folds)
    chosen |= {"retry_failed": retry_failed, "mix_environments": mix_environments}
    _azurerun.send(
        study,
        chosen,
        wait=True,
        dry_run=dry_run,
        yes=yes,
        rate=hourly_rate,
        as_json=as_json,
        one_child=one_child_per_combination,
        read_again=read_again,
    )


@app.command(epilog="Example:  gridrun azure submit . --yes")
def submit(
    study: opt.StudyArgument = Path(),
    dry_run: DryRun = False,
    yes: Yes = False,
    hourly_rate: HourlyRate = None,
    one_child_per_combination: OneChild = False,
    read_again: ReadAgain = False,
    only: opt.Only = None,
    combinations: opt.Combinations = None,
    sample: opt.Sample = None,
    no_blocks: opt.NoBlocks = False,
    rows: opt.Rows = None,
    folds: opt.Folds = None,
    retry_failed: opt.RetryFailed = False,
    as_json: opt.AsJson = False,
) -> None:
    """Send what is left of a study, and end; `collect`, or `gridrun azure`, brings it home."""
    chosen = opt.selecting(only, combinations, sample, no_blocks, rows, folds)
    chosen |= {"retry_failed": retry_failed}
    _azurerun.send(
        study,
        chosen,
        wait=False,
        dry_run=dry_run,
        yes=yes,
        rate=hourly_rate,
        as_json=as_json,
        one_child=one_child_per_combination,
        read_again=read_again,
    )


@app.command(epilog="Example:  gridrun azure collect .")
def collect(
    study: opt.StudyArgument = Path(),
    mix_environments: Mix = False,
    as_json: opt.AsJson = False,
) -> None:
    """Bring home what the sweeps have by now, and write the tables; sends nothing.

    May be repeated as often as you like, from any machine that has the study
    directory; nothing is counted twice.
    """
    from gridrun.api import open_study

    opened = open_study(study)
    ended = _azurerun.run(
        opened, {"mix_environments": mix_environments}, {"send": False, "wait": False}, as_json
    )
    _azurerun.report(opened, study, ended, as_json=as_json)


@app.command(epilog="Example:  gridrun azure status . --json")
def status(study: opt.StudyArgument = Path(), as_json: opt.AsJson = False) -> None:
    """Say how the sweeps stand: children by state, and what went wrong with which."""
    _sweeps.show_status(study, as_json=as_json)


@app.command(epilog="Examples:  gridrun azure logs .  |  gridrun azure logs . --child NAME")
def logs(
    study: opt.StudyArgument = Path(),
    child: Annotated[
        str | None, typer.Option(metavar="NAME", help="Print what this child printed.")
    ] = None,
    as_json: opt.AsJson = False,
) -> None:
    """List children with the first line of what went wrong, or print a child's log.

    Logs of single tasks: gridrun logs.
    """
    _sweeps.show_logs(study, child, as_json=as_json)


@app.command(epilog="Example:  gridrun azure cancel .")
def cancel(study: opt.StudyArgument = Path(), as_json: opt.AsJson = False) -> None:
    """End all sweeps of a study, and bring home what they have."""
    from gridrun.api import open_study

    opened = open_study(study)
    names = _sweeps.cancel_all(opened)
    if not names:
        sys.stderr.write("no sweep is under way: there is nothing to cancel\n")
        return
    for name in names:
        sys.stderr.write(f"asked for the end of {name}\n")
    try:
        ended = _azurerun.run(
            opened, {"mix_environments": True}, {"send": False, "wait": True}, as_json
        )
    except UserError as error:
        if "another run works on this study" not in error.what:
            raise
        sys.stderr.write(f"{error.what}: it takes in what they have\n")
        return
    _azurerun.report(opened, study, ended, as_json=as_json, cancelled=True)
