"""``gridrun plan``: what a run would do, and why."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.cli._run_here import command_of
from gridrun.cli.plan._pilot import run_pilot
from gridrun.errors import UserError, counted
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.plan.selection import Coverage
    from gridrun.report.class_rows import ClassRows
    from gridrun.report.disk import DiskEstimate
    from gridrun.report.plan_report import PlanReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        plan,
        "gridrun plan",
        "gridrun plan . --why",
        "gridrun plan . --pilot",
        "gridrun plan . --sample 100 --design balanced",
    )


@opt.with_run_options(*opt.SELECTING, "retry_failed", "retry")
def plan(
    study: opt.StudyArgument = Path(),
    why: Annotated[
        bool, typer.Option("--why", help="Explain why each pending task must run.")
    ] = False,
    pilot: Annotated[
        bool,
        typer.Option(
            "--pilot",
            help="First run the cheapest, the dearest and the most fragile combination of each "
            "method on one fold, so that the time rests on this machine and these inputs.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="With --pilot: start N worker processes.",
            show_default="one per core",
        ),
    ] = None,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
    **chosen: Any,
) -> None:
    """Print combinations, tasks per stage, what is done, what would run and how long it takes.

    Nothing is run, but by --pilot, whose tasks are recorded as those of any run and not run again.
    The time is by finished tasks of the study where there are any, else by a table of costs; it
    says which, and the range it lies in.
    """
    from gridrun.api import open_study

    opened = open_study(study, pipeline=pipeline)
    if workers is not None and not pilot:
        raise UserError("--workers requires --pilot", todo="a plan alone runs nothing")
    if pilot:
        run_pilot(opened, command_of("plan", study, pipeline), workers, chosen, quiet=as_json)
    show_plan(opened.plan(**chosen), why=why, as_json=as_json)


def show_plan(report: PlanReport, *, why: bool, as_json: bool) -> None:
    """Print a plan."""
    from gridrun.cli._text import dump, say
    from gridrun.cli._times import advice_lines, time_lines

    if as_json:
        dump(_plain(report))
        return
    for note in report.notes:
        say(f"note: {note if isinstance(note, str) else note.text()}")
    of = (
        f" of {report.combinations_in_grid:,}"
        if report.combinations != report.combinations_in_grid
        else ""
    )
    combinations = f"{report.combinations:,}{of} combinations"
    if not of:
        combinations = counted(report.combinations, "combination")
    say(f"{combinations} x {counted(report.folds, 'fold')}, protocol {report.protocol}")
    _show_coverage(report.coverage)
    _show_stages(report)
    say(f"sharing saves a factor of {report.sharing:.1f} in stage runs")
    _show_not_run(report)
    say(
        f"train tasks: {report.done:,} done, {report.failed:,} failed, "
        f"{report.pending:,} to run of {report.tasks:,}"
    )
    if report.class_rows is not None:
        say(report.class_rows.text())
    if report.pending:
        for line in (*time_lines(report.time), *advice_lines(report.time)):
            say(line)
    if report.disk is not None:
        say(report.disk.text())
    if why:
        _show_why(report)


def _show_not_run(report: PlanReport) -> None:
    from gridrun.cli._text import say

    for reason, tasks in report.impossible_reasons.items():
        say(
            f"recorded as failed without running: {counted(tasks, 'train task')} x "
            f"{counted(report.folds, 'fold')}: {reason}"
        )
    for reason, tasks in report.skipped_reasons.items():
        say(f"skipped: {counted(tasks, 'part')} x {counted(report.folds, 'fold')}: {reason}")


def _show_coverage(coverage: Coverage | None) -> None:
    from gridrun.cli._text import say

    if coverage is None:
        return
    for text in coverage.covers():
        say(f"sample: {text}")
    for text in coverage.concludes():
        say(f"conclusion: {text}")


def _show_why(report: PlanReport) -> None:
    from gridrun.cli._text import say

    for reason in report.why:
        say(f"{counted(reason.tasks, f'{reason.classifier} task')}: {reason.text}")
    if not report.why:
        say("there is nothing to run: every selected task is done or failed")


def _show_stages(report: PlanReport) -> None:
    from gridrun.cli._text import console, table

    rows = []
    for count in report.stages:
        times = report.folds if count.per_fold else 1
        shown = f"{count.tasks:,} x {report.folds}" if count.per_fold else f"{count.tasks:,}"
        rows.append(
            [
                count.stage,
                shown,
                f"{count.tasks * times:,}",
                f"{count.unshared * report.folds:,}",
                f"{count.impossible * times:,}" if count.impossible else "",
            ]
        )
    table(
        console(),
        [
            ("stage", "left"),
            ("tasks", "right"),
            ("in all", "right"),
            ("without sharing", "right"),
            ("upstream cannot run", "right"),
        ],
        rows,
    )


def _plain(report: PlanReport) -> dict[str, Any]:
    return {
        **{name: value for name, value in vars(report).items() if name not in _LISTS},
        "sharing": report.sharing,
        "seconds": report.time.seconds,
        "measured": report.time.measured,
        "time": vars(report.time),
        "disk": _plain_disk(report.disk),
        "coverage": _plain_coverage(report.coverage),
        "class_rows": _plain_class_rows(report.class_rows),
        "stages": [vars(count) for count in report.stages],
        "why": [vars(reason) for reason in report.why],
        "notes": [n if isinstance(n, str) else n.text() for n in report.notes],
    }


def _plain_disk(disk: DiskEstimate | None) -> dict[str, Any] | None:
    if disk is None:
        return None
    return {**asdict(disk), "place": str(disk.place), "total": disk.total}


def _plain_class_rows(rows: ClassRows | None) -> dict[str, Any] | None:
    if rows is None:
        return None
    from gridrun.pipeline.comparison import FEWEST_OF_A_CLASS

    return {**asdict(rows), "fewer_than": FEWEST_OF_A_CLASS, "text": rows.text()}


def _plain_coverage(coverage: Coverage | None) -> dict[str, Any] | None:
    if coverage is None:
        return None
    return {**asdict(coverage), "covers": coverage.covers(), "concludes": coverage.concludes()}


_LISTS = ("class_rows", "coverage", "disk", "stages", "time", "why", "notes")
