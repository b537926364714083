"""Sending, watching and reporting for backends whose units go on without this process."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._interrupt import on_interrupt
from gridrun.cli.remote._look import backend_of, cancel_all, sweeps_of
from gridrun.cli.remote._words import Remote
from gridrun.errors import GridrunError, UserError, counted

if TYPE_CHECKING:
    from gridrun.api import OpenStudy
    from gridrun.run import RunReport
    from gridrun.run.backend import DetachableBackend, Quote


def send(
    remote: Remote,
    chosen: dict[str, Any],
    *,
    wait: bool,
    study: Path,
    dry_run: bool,
    pipeline: str,
    as_json: bool,
    yes: bool = False,
    hourly_rate: float | None = None,
    read_again: bool = False,
    **options: Any,
) -> None:
    """Send what is left, after asking where it costs money, and wait for it or not."""
    from gridrun.api import open_study
    from gridrun.cli._text import dump

    opened = open_study(study, pipeline=pipeline)
    rate = {} if hourly_rate is None else {"hourly_rate": hourly_rate}
    backend = backend_of(opened, remote, **rate, **options)
    try:
        quote = opened.quote(backend, **chosen)
    finally:
        backend.close()
    first = ""
    if opened.study.inputs_elsewhere and (read_again or not opened.is_read(**chosen)):
        first = (
            f"first, a job on one node reads {', '.join(opened.study.inputs_elsewhere.values())}"
        )
    elif read_again:
        raise UserError(
            "--read-again is for inputs that stay elsewhere, and this study's inputs are here"
        )
    if dry_run:
        if as_json:
            dump({**vars(quote), "cost": quote.cost, "reads_first": bool(first)})
        else:
            sys.stdout.write(_quoted(remote, quote, first))
        return
    if (quote.tasks or first) and remote.costs_money and not yes:
        _ask(remote, quote, first)
    going = {"wait": wait, **options}
    if first and not _read(
        remote, opened, study, chosen, going=going, again=read_again, as_json=as_json
    ):
        return
    ended = run(remote, opened, chosen, {"send": True, **going}, as_json)
    report(remote, opened, study, ended, options=options, as_json=as_json)


def collect(
    remote: Remote,
    *,
    study: Path,
    mix_environments: bool,
    pipeline: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Bring in what there is, and write the tables."""
    from gridrun.api import open_study

    opened = open_study(study, pipeline=pipeline)
    chosen = {"mix_environments": mix_environments}
    ended = run(remote, opened, chosen, {"send": False, "wait": False, **options}, as_json)
    report(remote, opened, study, ended, options=options, as_json=as_json)


def cancel(remote: Remote, *, study: Path, pipeline: str, as_json: bool, **options: Any) -> None:
    """End all sweeps, and bring in what they have."""
    from gridrun.api import open_study

    opened = open_study(study, pipeline=pipeline)
    names = cancel_all(opened, remote, options)
    if not names:
        sys.stderr.write("no sweep is running: there is nothing to cancel\n")
        return
    for name in names:
        sys.stderr.write(f"asked for the end of {name}\n")
    chosen = {"mix_environments": True}
    try:
        ended = run(remote, opened, chosen, {"send": False, "wait": True, **options}, as_json)
    except UserError as error:
        if "another run works on this study" not in error.what:
            raise
        sys.stderr.write(f"{error.what}: it collects what they have\n")
        return
    report(remote, opened, study, ended, options=options, as_json=as_json, cancelled=True)


def _detaching(remote: Remote) -> str:
    costs = ", and continues to cost" if remote.costs_money else ""
    return f"detaching: what was sent continues{costs}; press Ctrl-C again to stop waiting at once"


def _read(
    remote: Remote,
    opened: OpenStudy,
    study: Path,
    chosen: dict[str, Any],
    *,
    going: dict[str, Any],
    again: bool,
    as_json: bool,
) -> bool:
    """Have the inputs read where they are; whether the rest can be sent."""
    from gridrun.cli._watch import Watch
    from gridrun.run.backend import ReadingBackend

    with Watch(quiet=as_json) as watch:
        backend = backend_of(opened, remote, say=watch.phase, send=True, **going)
        assert isinstance(backend, ReadingBackend)
        restore = on_interrupt(backend.stop, _detaching(remote))
        name, _ = opened.backend_settings(remote.key)
        try:
            is_read = opened.read_elsewhere(
                backend, name=name, progress=watch, again=again, **chosen
            )
        finally:
            restore()
    if not is_read:
        place, types = _place(study, opened), backend.commands
        sys.stderr.write(
            f"the inputs are being read; continue with: {types.send} {place}; look: "
            f"{types.status} {place}; end it: {types.cancel} {place}\n"
        )
    return is_read


def run(
    remote: Remote,
    opened: OpenStudy,
    chosen: dict[str, Any],
    options: dict[str, Any],
    as_json: bool,
) -> RunReport:
    """Run an engine on the backend, watched; Ctrl-C detaches."""
    from gridrun.cli._watch import Watch

    with Watch(quiet=as_json) as watch:
        name, _ = opened.backend_settings(remote.key)
        engine = opened.engine(
            backend_of(opened, remote, say=watch.phase, **options),
            progress=watch,
            collect_only=not options["send"],
            name=name,
            **chosen,
        )
        restore = on_interrupt(engine.stop, _detaching(remote))
        try:
            return engine.run()
        finally:
            restore()


def report(
    remote: Remote,
    opened: OpenStudy,
    study: Path,
    ended: RunReport,
    *,
    options: dict[str, Any],
    as_json: bool,
    cancelled: bool = False,
) -> None:
    """Say how it ended, and exit with the code for it."""
    from gridrun.cli._text import dump, print_summary, tally_line

    place = _place(study, opened)
    backend = backend_of(opened, remote, **options)
    runs = opened.write_runs()
    try:
        published = "" if ended.held or cancelled else _publish(remote, opened, backend)
    finally:
        backend.close()
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
        sys.stdout.write(tally_line(tally, ended.seconds))
    if runs is not None and not as_json:
        sys.stdout.write(f"run ids: {runs}\n")
    if published:
        sys.stderr.write(f"{published}\n")
    if ended.held:
        sys.stderr.write(
            f"sweeps still hold {counted(ended.held, 'task')}; {backend.next_steps(place)}\n"
        )
    elif ended.state == "interrupted":
        sys.stderr.write(
            f"some tasks are waiting; send them with: {backend.commands.send} {place}\n"
        )
    if ended.fault is not None:
        sys.stderr.write(f"error: {ended.fault.text()}\n")
    raise typer.Exit(0 if cancelled else ended.exit_code)


def _place(study: Path, opened: OpenStudy) -> str:
    """The study's place as commands in messages name it."""
    return shlex.quote(str(study)) + opt.said(opened.pipeline_name)


def _publish(remote: Remote, opened: OpenStudy, backend: DetachableBackend) -> str:
    """Put the final table beside the sweep it came from last, as upstream's notebook does."""
    names = [sweep.name for sweep in sweeps_of(opened, remote) if sweep.state == "ended"]
    table = opened.study.paths.results_csv
    if not names or not table.exists():
        return ""
    try:
        place = backend.publish(names[-1], table)
    except GridrunError as error:
        return f"the table could not be put beside the sweep {names[-1]}: {error.what}"
    return f"the table lies beside the sweep, too: {place}" if place else ""


def _ask(remote: Remote, quote: Quote, first: str) -> None:
    sys.stderr.write(_quoted(remote, quote, first))
    if not sys.stdin.isatty():
        raise UserError(
            "sending costs money and needs confirmation, but standard input is not a terminal",
            todo="pass --yes to confirm, or --dry-run to see the estimate only",
        )
    sys.stderr.write("send? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        sys.stderr.write("nothing was sent\n")
        raise typer.Exit(0)


def _quoted(remote: Remote, quote: Quote, first: str = "") -> str:
    if first:
        return f"{first} (its time is not in what follows):\n{_quoted(remote, quote)}"
    if not quote.tasks:
        return "there is nothing to send: every selected task is done, failed or already sent\n"
    text = (
        f"{counted(quote.tasks, 'task')} in {counted(quote.units, 'unit')}, "
        f"{counted(quote.shards, 'shard')}, {counted(quote.sweeps, 'sweep')}\n"
    )
    if remote.costs_money:
        cost = (
            f"about {quote.cost:,.2f} at {quote.hourly_rate:g} an hour"
            if quote.cost is not None
            else f"unknown (give --hourly-rate, or hourly_rate below {remote.key} in study.yaml)"
        )
        text += (
            f"nodes: at most {quote.most_nodes} of {quote.machine}, "
            f"{counted(quote.cores, 'unit')} at once on each\n"
            f"estimate: {quote.node_hours:.1f} node-hours, {quote.wall_hours:.1f} hours; "
            f"cost: {cost}\n"
        )
    else:
        text += f"estimate: {quote.node_hours:.1f} hours of one processor\n"
    return f"{text}(from durations measured in this study, or from a guess where there are none)\n"
