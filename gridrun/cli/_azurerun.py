"""Sending, watching and reporting for `gridrun azure` and its commands."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridrun.cli import _sweeps
from gridrun.cli._interrupt import on_interrupt
from gridrun.errors import GridrunError, UserError

if TYPE_CHECKING:
    from gridrun.api import OpenStudy
    from gridrun.run import RunReport
    from gridrun.run.backend import Quote

_DETACHING = "detaching: what was sent goes on, and goes on costing; again to stop waiting at once"


def send(
    study: Path,
    chosen: dict[str, Any],
    *,
    wait: bool,
    dry_run: bool,
    yes: bool,
    rate: float | None,
    as_json: bool,
    one_child: bool,
    read_again: bool,
) -> None:
    """Send what is left, after asking, and wait for it or not."""
    from gridrun.api import open_study
    from gridrun.cli._text import dump

    opened = open_study(study)
    backend = _sweeps.backend_of(opened, rate=rate, by_combination=one_child)
    try:
        quote = opened.quote(backend, **chosen)
    finally:
        backend.close()
    first = ""
    if opened.study.inputs_elsewhere and (read_again or not opened.is_read(**chosen)):
        first = f"first a job on one node reads {', '.join(opened.study.inputs_elsewhere.values())}"
    elif read_again:
        raise UserError("--read-again is for inputs in a datastore, and this study's are here")
    if dry_run:
        if as_json:
            dump({**vars(quote), "cost": quote.cost, "reads_first": bool(first)})
        else:
            sys.stdout.write(_quoted(quote, first))
        return
    if (quote.tasks or first) and not yes:
        _ask(quote, first)
    if first and not _read(opened, study, chosen, wait=wait, again=read_again, as_json=as_json):
        return
    ended = run(opened, chosen, {"send": True, "wait": wait, "by_combination": one_child}, as_json)
    report(opened, study, ended, as_json=as_json)


def _read(
    opened: OpenStudy,
    study: Path,
    chosen: dict[str, Any],
    *,
    wait: bool,
    again: bool,
    as_json: bool,
) -> bool:
    """Have the inputs read where they are; whether the rest can be sent."""
    from gridrun.cli._watch import Watch
    from gridrun.run.backend import ReadingBackend

    with Watch(quiet=as_json) as watch:
        backend = _sweeps.backend_of(opened, say=watch.phase, send=True, wait=wait)
        assert isinstance(backend, ReadingBackend)
        restore = on_interrupt(backend.stop, _DETACHING)
        try:
            is_read = opened.read_elsewhere(
                backend, name=_sweeps.BACKEND, progress=watch, again=again, **chosen
            )
        finally:
            restore()
    if not is_read:
        place = shlex.quote(str(study))
        sys.stderr.write(
            f"the inputs are being read; the same command goes on: gridrun azure {place}; look: "
            f"gridrun azure status {place}; end it: gridrun azure cancel {place}\n"
        )
    return is_read


def run(
    opened: OpenStudy, chosen: dict[str, Any], options: dict[str, Any], as_json: bool
) -> RunReport:
    """Run an engine on Azure, watched; Ctrl-C detaches."""
    from gridrun.cli._watch import Watch

    with Watch(quiet=as_json) as watch:
        backend = _sweeps.backend_of(opened, say=watch.phase, **options)
        engine = opened.engine(
            backend,
            progress=watch,
            collect_only=not options["send"],
            name=_sweeps.BACKEND,
            **chosen,
        )
        restore = on_interrupt(engine.stop, _DETACHING)
        try:
            return engine.run()
        finally:
            restore()


def report(
    opened: OpenStudy, study: Path, ended: RunReport, *, as_json: bool, cancelled: bool = False
) -> None:
    """Say how it ended, and exit with the code for it."""
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


def _ask(quote: Quote, first: str) -> None:
    sys.stderr.write(_quoted(quote, first))
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


def _quoted(quote: Quote, first: str = "") -> str:
    if first:
        return f"{first} (its time is not in what follows):\n{_quoted(quote)}"
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
