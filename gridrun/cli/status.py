"""``gridrun status``: how a study stands, while a run works on it or not."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.errors import counted
from gridrun.pipeline import DEFAULT_PIPELINE


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        status,
        "gridrun status",
        "gridrun status ~/study --json",
    )


def status(
    study: opt.StudyArgument = Path(),
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """Count parts (combination, classifier, fold) by state; say what runs and what failed.

    The counts are of what the last run selected. Nothing is written.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import NOTHING_RUN, dump, duration, say

    report = open_study(study, pipeline=pipeline).status()
    if as_json:
        dump(
            {
                "parts": report.parts,
                "failures": [
                    {"kind": kind, "reason": reason, "parts": count}
                    for (kind, reason), count in report.reasons.items()
                ],
                "attempts": report.attempts,
                "held": report.held,
                "holder": report.holder,
                "last_run": report.last_run,
                "combinations": report.combinations,
                "folds": report.folds,
                "changes": report.changes,
                "damaged": report.damaged,
                "altered": report.altered,
            }
        )
        return
    if report.last_run is None:
        say(NOTHING_RUN)
        return
    last = report.last_run
    if report.holder is not None:
        host, pid, heartbeat = report.holder
        say(
            f"running: process {pid} on {host} ({last['backend']}), begun "
            f"{duration(time.time() - last['started'])} ago, heard of "
            f"{duration(time.time() - heartbeat)} ago"
        )
    elif last["ended"] is None:
        say(
            f"the last run ({last['backend']}, process {last['pid']} on {last['host']}) was "
            "killed; run it again to continue"
        )
    else:
        took = duration(last["ended"] - last["started"])
        how = {"failed": "done, some tasks failed"}.get(last["state"], last["state"])
        say(f"the last run ({last['backend']}) ended after {took}: {how}")
    if report.changes:
        say(
            f"changed since the last run: {', '.join(report.changes)}; a run would compute "
            f"everything again"
        )
    say(
        f"{counted(report.combinations, 'combination')} x {counted(report.folds, 'fold')}; "
        "parts by state:"
    )
    for state, count in report.parts.items():
        say(f"  {state:8} {count:>10,}")
    for (kind, reason), count in sorted(report.reasons.items(), key=lambda item: -item[1])[:10]:
        say(f"  failed {count:,} x {kind}: {' '.join(reason.split())[:160]}")
    for warning in report.warnings:
        say(f"  {warning}")
    for unit, worker, tasks, since in report.held:
        say(
            f"  {worker} holds {unit}: {counted(tasks, 'task')} since "
            f"{duration(time.time() - since)}"
        )
