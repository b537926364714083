"""The command line, one module a command, thin over the API; for entry points and backends.

Modules of commands import what they need inside their functions, so that ``gridrun --help``
loads Typer and the declarations of the core and nothing else (a test): it takes .11 s of CPU, of
which .05 are Typer's own.
"""

from __future__ import annotations

import sys

import typer

from gridrun._version import __version__
from gridrun.cli import (
    check_method,
    describe,
    docs,
    doctor,
    init,
    local,
    logs,
    params,
    plan,
    report,
    results,
    status,
    worker,
)
from gridrun.cli._completion import bash_words
from gridrun.cli._root import Root
from gridrun.cli._streams import listen
from gridrun.cli.models import explain, export_model, predict
from gridrun.errors import GridrunError

app = typer.Typer(
    name="gridrun",
    cls=Root,
    help="Run every combination of a grid: which way of handling the data gives the best "
    "classifier?",
    epilog="Exit codes: 0 all tasks are done, 1 some tasks failed, 2 the command, study or input "
    "has to be changed, 3 the machine lacks something, 130 the run was interrupted and can be "
    "resumed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for module in (
    init,
    plan,
    local,
    status,
    results,
    report,
    describe,
    logs,
    explain,
    export_model,
    predict,
    params,
    check_method,
    doctor,
    docs,
    worker,
):
    module.register(app)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gridrun {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        callback=_show_version,
        is_eager=True,
    ),
) -> None:
    del version  # answered by its callback


def main() -> None:
    """Entry point: errors that gridrun explains become text and an exit code."""
    listen()
    try:
        try:
            with bash_words():
                app()
        finally:
            # what cannot be written is to be known here, not when Python ends
            sys.stdout.flush()
    except GridrunError as error:
        sys.stderr.write(f"error: {error.text()}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        from gridrun.store.faults import disk_fault

        fault = disk_fault(error)
        if fault is None:
            raise
        sys.stderr.write(f"error: {fault.text()}\n")
        sys.exit(fault.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
