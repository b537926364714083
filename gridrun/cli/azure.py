"""``gridrun azure``: run a study on Azure ML, and come back to it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli import _sweeps
from gridrun.cli._group import DefaultGroup
from gridrun.cli._interrupt import on_interrupt
from gridrun.errors import GridrunError, UserError

if TYPE_CHECKING:
    from gridrun.api import OpenStudy
    from gridrun.backend import Quote
    from gridrun.engine import RunReport

_DETACHING = "detaching: what was sent goes on, and goes on costing; again to stop waiting at once"

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
    _send(
        study,
        chosen,
        wait=True,
        dry_run=dry_run,
        yes=yes,
        rate=hourly_rate,
        as_json=as_json,
        one_child=one_child_per_combination,
    )


@app.command(epilog="Example:  gridrun azure submit . --yes")
def submit(
    study: opt.StudyArgument = Path(),
    dry_run: DryRun = False,
    yes: Yes = False,
    hourly_rate: HourlyRate = None,
    one_child_per_combination: OneChild = False,
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
    _send(
        study,
        chosen,
        wait=False,
        dry_run=dry_run,
        yes=yes,
        rate=hourly_rate,
        as_json=as_json,
        one_child=one_child_per_combination,
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
    ended = _run(
        opened, {"mix_environments": mix_environments}, {"send": False, "wait": False}, as_json
    )
    _report(opened, study, ended, as_json=as_json)


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
        ended = _run(opened, {"mix_environments": True}, {"send": False, "wait": True}, as_json)
    except UserError as error:
        if "another run works on this study" not in error.what:
            raise
        sys.stderr.write(f"{error.what}: it takes in what they have\n")
        return
    _report(opened, study, ended, as_json=as_json, cancelled=True)


def _send(
    study: Path,
    chosen: dict[str, Any],
    *,
    wait: bool,
    dry_run: bool,
    yes: bool,
    rate: float | None,
    as_json: bool,
    one_child: bool,
) -> None:
    from gridrun.api import open_study
    from gridrun.cli._text import dump

    opened = open_study(study)
    backend = _sweeps.backend_of(opened, rate=rate, by_combination=one_child)
    try:
        quote = opened.quote(backend, **chosen)
    finally:
        backend.close()
    if dry_run:
        if as_json:
            dump({**vars(quote), "cost": quote.cost})
        else:
            sys.stdout.write(_quoted(quote))
        return
    if quote.tasks and not yes:
        _ask(quote)
    ended = _run(opened, chosen, {"send": True, "wait": wait, "by_combination": one_child}, as_json)
    _report(opened, study, ended, as_json=as_json)


def _run(
    opened: OpenStudy, chosen: dict[str, Any], options: dict[str, Any], as_json: bool
) -> RunReport:
    from gridrun.cli._watch import Watch

    with Watch(quiet=as_json) as watch:
        backend = _sweeps.backend_of(opened, say=watch.phase, **options)
        engine = opened.engine(
            backend, progress=watch, collect_only=not options["send"], name="azureml", **chosen
        )
        restore = on_interrupt(engine.stop, _DETACHING)
        try:
            return engine.run()
        finally:
            restore()


def _report(
    opened: OpenStudy, study: Path, ended: RunReport, *, as_json: bool, cancelled: bool = False
) -> None:
    from gridrun.cli._text import dump, duration, print_summary

    place = shlex.quote(str(study))
    runs = opened.write_runs()
    published = "" if ended.held or cancelled else _publish(opened)
    if as_json:
        dump(
            {
                "state": ended.state,
                "seconds": ended.seconds,
                "tasks": vars(ended.tally),
                "held": ended.held,
                "summary": ended.summary.records(),
                "files": ended.summary.files,
                "notes": [n if isinstance(n, str) else n.text() for n in ended.notes],
            }
        )
    else:
        print_summary(ended.summary, str(study))
        tally = ended.tally
        sys.stdout.write(
            f"{tally.done:,} tasks done ({tally.shared:,} shared), {tally.failed:,} failed in "
            f"{duration(ended.seconds)}; {tally.before:,} were finished before\n"
        )
    if runs is not None and not as_json:
        sys.stdout.write(f"run ids: {runs}\n")
    if published:
        sys.stderr.write(f"{published}\n")
    if ended.held:
        sys.stderr.write(
            f"{ended.held:,} tasks are still out; come back: gridrun azure {place}; look: gridrun "
            f"azure status {place}; end them: gridrun azure cancel {place}\n"
        )
    elif ended.state == "interrupted":
        sys.stderr.write(f"some tasks are waiting; send them: gridrun azure {place}\n")
    raise typer.Exit(0 if cancelled else ended.exit_code)


def _publish(opened: OpenStudy) -> str:
    """Put the final table beside the sweep it came from last, as upstream's notebook does."""
    names = [sweep.name for sweep in opened.sweeps() if sweep.state == "ended"]
    table = opened.study.paths.results_csv
    if not names or not table.exists():
        return ""
    backend = _sweeps.backend_of(opened)
    try:
        backend.publish(names[-1], table)
    except GridrunError as error:
        return f"the table could not be put beside the sweep {names[-1]}: {error.what}"
    finally:
        backend.close()
    return f"the table lies beside the sweep, too: {names[-1]}, outputs/{table.name}"


def _ask(quote: Quote) -> None:
    sys.stderr.write(_quoted(quote))
    if not sys.stdin.isatty():
        raise UserError(
            "sending this costs money, and nobody can be asked here",
            todo="say --yes, or look only: --dry-run",
        )
    sys.stderr.write("send? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        sys.stderr.write("nothing was sent\n")
        raise typer.Exit(0)


def _quoted(quote: Quote) -> str:
    if not quote.tasks:
        return "nothing to send: what is asked for is done, failed, or out already\n"
    cost = (
        f"about {quote.cost:,.2f} at {quote.hourly_rate:g} an hour"
        if quote.cost is not None
        else "unknown: give --hourly-rate, or hourly_rate below azure in study.yaml"
    )
    return (
        f"{quote.tasks:,} tasks in {quote.units:,} units, {quote.shards:,} shards, "
        f"{quote.sweeps:,} sweeps\n"
        f"nodes: at most {quote.most_nodes} of {quote.machine}, {quote.cores} units at once on "
        f"each\n"
        f"estimate: {quote.node_hours:.1f} node-hours, {quote.wall_hours:.1f} hours; cost: {cost}\n"
        "(by durations measured in this study where there are any, by a guess elsewhere)\n"
    )
