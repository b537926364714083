"""Sending, watching and reporting for backends whose units go on without this process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridrun.cli._interrupt import on_interrupt
from gridrun.cli.remote._left import changed_inputs, living_sweeps, naming_sweeps
from gridrun.cli.remote._study import RemoteStudy
from gridrun.cli.remote._words import Remote
from gridrun.errors import GridrunError, UserError, counted

if TYPE_CHECKING:
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
    from gridrun.cli._text import dump

    sent = RemoteStudy(remote, study, pipeline, options)
    opened = sent.opened
    with sent.asking(**({} if hourly_rate is None else {"hourly_rate": hourly_rate})) as backend:
        quote = opened.quote(backend, **chosen)
    first = ""
    if opened.study.inputs_elsewhere and not (dry_run or read_again):
        read_again = bool(changed_inputs(sent, chosen))
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
    if (quote.tasks or first) and remote.costs and not yes:
        _ask(remote, quote, first)
    if first and not _read(sent, chosen, wait=wait, again=read_again, as_json=as_json):
        return
    ended = _run(sent, chosen, send=True, wait=wait, as_json=as_json)
    _report(sent, ended, as_json=as_json)


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
    sent = RemoteStudy(remote, study, pipeline, options)
    chosen = {"mix_environments": mix_environments}
    if sent.opened.study.inputs_elsewhere:
        changed_inputs(sent, {})
    ended = _run(sent, chosen, send=False, wait=False, as_json=as_json)
    _report(sent, ended, as_json=as_json)


def cancel(remote: Remote, *, study: Path, pipeline: str, as_json: bool, **options: Any) -> None:
    """End all sweeps, and bring in what they have; one that cannot be ended keeps no other one."""
    from gridrun.store.faults import cannot_write

    sent = RemoteStudy(remote, study, pipeline, options)
    names = [sweep.name for sweep in sent.sweeps() if sweep.lives]
    if not names:
        sys.stderr.write("no sweep is running: there is nothing to cancel\n")
        return
    failures: list[GridrunError] = []
    asked: list[str] = []
    with naming_sweeps(sent, asked), sent.asking() as backend:
        for name in names:
            try:
                backend.cancel(name)
            except GridrunError as error:
                failures.append(error)
            except OSError as error:
                failures.append(cannot_write(sent.opened.study.paths.directory, error))
            else:
                asked.append(name)
                sys.stderr.write(f"asked for the end of {name}\n")
        if failures:
            raise failures[0]
    chosen = {"mix_environments": True}
    try:
        ended = _run(sent, chosen, send=False, wait=True, as_json=as_json, asked=asked)
    except UserError as error:
        if "another run works on this study" not in error.what:
            raise
        sys.stderr.write(f"{error.what}: it collects what they have\n")
        return
    _report(sent, ended, as_json=as_json, cancelled=True)


@contextlib.contextmanager
def _detaching_on_interrupt(stop: Callable[[], None], remote: Remote) -> Iterator[None]:
    costs = f", and continues to cost {remote.costs}" if remote.costs else ""
    restore = on_interrupt(
        stop,
        f"detaching: what was sent continues{costs}; press Ctrl-C again to stop waiting at once",
    )
    try:
        yield
    finally:
        restore()


def _read(
    sent: RemoteStudy, chosen: dict[str, Any], *, wait: bool, again: bool, as_json: bool
) -> bool:
    """Have the inputs read where they are; whether the rest can be sent."""
    from gridrun.cli._watch import Watch
    from gridrun.run.backend import ReadingBackend

    with naming_sweeps(sent), Watch(quiet=as_json) as watch:
        backend = sent.backend(say=watch.phase, send=True, wait=wait)
        assert isinstance(backend, ReadingBackend)
        with _detaching_on_interrupt(backend.stop, sent.remote):
            is_read = sent.opened.read_elsewhere(
                backend, name=sent.backend_name, progress=watch, again=again, **chosen
            )
    if not is_read:
        place, types = sent.place, backend.commands
        sys.stderr.write(
            f"the inputs are being read; continue with: {types.send} {place}; look: "
            f"{types.status} {place}; end it: {types.cancel} {place}\n"
        )
    return is_read


def _run(
    sent: RemoteStudy,
    chosen: dict[str, Any],
    *,
    send: bool,
    wait: bool,
    as_json: bool,
    asked: Collection[str] = (),
) -> RunReport:
    """Run an engine on the backend, watched; Ctrl-C detaches."""
    from gridrun.cli._watch import Watch

    with naming_sweeps(sent, asked), Watch(quiet=as_json) as watch:
        engine = sent.opened.engine(
            sent.backend(say=watch.phase, send=send, wait=wait),
            progress=watch,
            collect_only=not send,
            name=sent.backend_name,
            **chosen,
        )
        with _detaching_on_interrupt(engine.stop, sent.remote):
            return engine.run()


def _report(sent: RemoteStudy, ended: RunReport, *, as_json: bool, cancelled: bool = False) -> None:
    """Say how it ended, and exit with the code for it."""
    from gridrun.cli._text import dump, print_summary, tally_line

    place = sent.place
    runs = sent.opened.write_runs()
    if as_json:
        dump(
            {
                "state": ended.state,
                "seconds": ended.seconds,
                "tasks": vars(ended.tally),
                "held": ended.held,
                "null_models": ended.summary.null_records(),
                "summary": ended.summary.records(),
                "files": ended.summary.files,
                "notes": [n if isinstance(n, str) else n.text() for n in ended.notes],
            }
        )
    else:
        print_summary(ended.summary, str(sent.typed))
        sys.stdout.write(tally_line(ended.tally, ended.seconds))
    if runs is not None and not as_json:
        sys.stdout.write(f"run ids: {runs}\n")
    # whoever is slow or refuses from here on keeps nobody from the table
    sys.stdout.flush()
    with sent.asking() as backend:
        if ended.held:
            sys.stderr.write(
                f"sweeps still hold {counted(ended.held, 'task')} ({living_sweeps(sent)}); "
                f"{backend.next_steps(place)}\n"
            )
        elif ended.state == "interrupted":
            sys.stderr.write(
                f"some tasks are waiting; send them with: {backend.commands.send} {place}\n"
            )
        if ended.fault is not None:
            sys.stderr.write(f"error: {ended.fault.text()}\n")
        if not (ended.held or cancelled):
            sys.stderr.write(_publish(sent, backend))
    raise typer.Exit(0 if cancelled else ended.exit_code)


def _publish(sent: RemoteStudy, backend: DetachableBackend) -> str:
    """Put the final table beside the sweep it came from last, as upstream's notebook does."""
    names = [sweep.name for sweep in sent.sweeps() if sweep.state == "ended"]
    table = sent.opened.study.paths.results_csv
    if not names or not table.exists():
        return ""
    try:
        place = backend.publish(names[-1], table)
    except GridrunError as error:
        return f"the table could not be put beside the sweep {names[-1]}: {error.what}\n"
    except KeyboardInterrupt:
        # all else is done, and the exit code says how
        return f"the table was not put beside the sweep {names[-1]}: interrupted\n"
    return f"the table lies beside the sweep, too: {place}\n" if place else ""


def _ask(remote: Remote, quote: Quote, first: str) -> None:
    sys.stderr.write(_quoted(remote, quote, first))
    if not sys.stdin.isatty():
        raise UserError(
            f"sending costs {remote.costs} and needs confirmation, but standard input is not a "
            "terminal",
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
    if remote.costs:
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
