"""How ``gridrun status`` says how a study stands: lines, one line, plain data."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gridrun.cli._text import NOTHING_RUN, duration
from gridrun.cli._times import basis, left_text
from gridrun.errors import counted
from gridrun.plan.run_options import FORMS, RunOptions

if TYPE_CHECKING:
    from gridrun.report.status import MethodTime, StatusReport

_MOST = 5
"""Methods, and reasons, that are named."""


def plain(report: StatusReport) -> dict[str, Any]:
    """All of it as plain data."""
    return {
        "parts": report.parts,
        "failures": [
            {"kind": kind, "reason": reason, "parts": count}
            for (kind, reason), count in report.reasons.items()
        ],
        "failing": report.failing,
        "attempts": report.attempts,
        "tasks": {
            "total": report.tasks,
            "done": report.done,
            "failed": report.failed,
            "running": report.running,
            "sent": report.sent,
        },
        "share": report.share,
        "tasks_per_minute": report.rate,
        "workers": report.workers,
        "left": asdict(report.left) if report.left is not None else None,
        "methods": [asdict(one) for one in report.methods],
        "held": [asdict(one) for one in report.held],
        "holder": report.holder,
        "last_run": report.last_run,
        "combinations": report.combinations,
        "combinations_in_grid": report.combinations_in_grid,
        "folds": report.folds,
        "folds_of_study": report.folds_of_study,
        "changes": report.changes,
        "damaged": report.damaged,
        "unchecked": report.unchecked,
        "altered": report.altered,
        "put_off": [
            {"tasks": tasks, "due": due, "reason": why} for tasks, due, why in report.put_off
        ],
    }


def short(report: StatusReport) -> str:
    """The run at work in one line."""
    parts = [
        f"{_percent(report.share)}: {report.done:,} of {counted(report.tasks, 'task')} done",
        f"{report.running} running",
        f"{report.failed:,} failed",
    ]
    if report.rate:
        parts.append(f"{_rate(report.rate)}")
    if report.left is not None:
        parts.append(f"left: {left_text(report.left, report.workers)}")
    return ", ".join(parts)


def lines(report: StatusReport, width: int) -> list[str]:
    """How a study stands.

    Args:
        report: What is known.
        width: Letters of a line at which text of any length is cut.
    """
    if report.last_run is None:
        return [NOTHING_RUN]
    said = [_run(report, report.last_run), *_request(report, report.last_run)]
    if report.changes:
        said.append(
            f"changed since the last run: {', '.join(report.changes)}; a run would compute "
            f"everything again"
        )
    said += _tasks(report)
    said.append(
        "parts: " + ", ".join(f"{count:,} {state}" for state, count in report.parts.items())
    )
    said += _failures(report, width)
    said += [f"  {warning}" for warning in report.warnings]
    if report.unchecked:
        said.append(
            f"  {counted(report.unchecked, 'older result')} in the ledger: counted, not held "
            "against their digests; `gridrun doctor` does that, and whatever writes tables"
        )
    said += _slowest(report)
    for one in report.held:
        since = duration(time.time() - one.since)
        said.append(
            f"  {one.worker}: {one.ended} of {counted(one.tasks, 'task')} of {one.unit} in {since}"
        )
    return said


def _run(report: StatusReport, last: dict[str, Any]) -> str:
    if report.holder is not None:
        host, pid, heartbeat = report.holder
        return (
            f"running: process {pid} on {host} ({last['backend']}) for "
            f"{duration(time.time() - last['started'])}, heard of "
            f"{duration(time.time() - heartbeat)} ago"
        )
    if last["ended"] is None:
        return (
            f"the last run ({last['backend']}, process {last['pid']} on {last['host']}) was "
            "killed; run it again to continue"
        )
    took = duration(last["ended"] - last["started"])
    how = {"failed": "done, some tasks failed"}.get(last["state"], last["state"])
    return f"the last run ({last['backend']}) ended after {took}: {how}"


def _request(report: StatusReport, last: dict[str, Any]) -> list[str]:
    """What part of the study the run was about."""
    of = ""
    if report.combinations != report.combinations_in_grid:
        share = report.combinations / report.combinations_in_grid
        of = f" of {report.combinations_in_grid:,} ({_percent(share)})"
    folds = f"{counted(report.folds, 'fold')}"
    if report.folds != report.folds_of_study:
        folds = f"{report.folds} of {counted(report.folds_of_study, 'fold')}"
    asked = _options(last["request"])
    text = f"asked for: {report.combinations:,}{of} {_plural(report.combinations)} x {folds}"
    if not of and report.folds == report.folds_of_study and not asked:
        return [f"{text}, the whole study"]
    return [f"{text}{f', {asked}' if asked else ''}"]


def _plural(number: int) -> str:
    return "combination" if number == 1 else "combinations"


def _options(request: dict[str, Any]) -> str:
    """The options of the request, as a person types them."""
    default = RunOptions().selecting()
    said = []
    for name, value in request.items():
        values = list(value) if isinstance(value, list | tuple) else value
        if (
            name not in FORMS
            or value is None
            or values in (default[name], [])
            or value == default[name]
        ):
            continue
        form = FORMS[name]
        if form.flag:
            said.append(form.flag)
        else:
            each = values if isinstance(values, list) else [values]
            said += [f"--{name.replace('_', '-')} {one}" for one in each]
    return " ".join(said)


def _tasks(report: StatusReport) -> list[str]:
    left = report.tasks - report.done - report.failed
    said = (
        f"tasks: {report.done + report.failed:,} of {report.tasks:,} ({_percent(report.share)}), "
        f"{report.failed:,} of them failed; {report.running} running, "
        f"{max(left - report.running, 0):,} waiting"
    )
    found = [said]
    if report.sent:
        found.append(f"  sweeps elsewhere hold {counted(report.sent, 'task')} of those that wait")
    for tasks, due, why in report.put_off:
        wait = duration(max(due - time.time(), 0.0))
        found.append(f"  {counted(tasks, 'task')} of those will be tried again in {wait}: {why}")
    if report.rate:
        during = "in the last ten minutes" if report.holder is not None else "at its end"
        found.append(f"rate: {_rate(report.rate)} {during}")
    if report.left is not None and left:
        found.append(
            f"time left: {left_text(report.left, report.workers)}, "
            f"with {counted(report.workers, 'worker')},"
        )
        found.append(f"  by {basis(report.left)}")
    return found


def _failures(report: StatusReport, width: int) -> list[str]:
    said = []
    if report.failing:
        most = list(report.failing.items())
        named = ", ".join(f"{method} {count:,}" for method, count in most[:_MOST])
        more = f" and {len(most) - _MOST} more" if len(most) > _MOST else ""
        said.append(f"failing methods, by parts: {named}{more}")
    for (kind, reason), count in sorted(report.reasons.items(), key=lambda item: -item[1])[:_MOST]:
        text = f"  failed {count:,} x {kind}: {' '.join(reason.split())}"
        said.append(text if len(text) <= width else f"{text[: width - 3]}...")
    if len(report.reasons) > _MOST:
        said.append(f"  and {counted(len(report.reasons) - _MOST, 'further reason')}: gridrun logs")
    return said


def _slowest(report: StatusReport) -> list[str]:
    """Methods by the time of a task and of what its classifiers share, which is made once."""
    if not report.methods:
        return []
    return ["slowest methods, seconds a task:", *map(_method, report.methods[:_MOST])]


def _method(one: MethodTime) -> str:
    shared = ""
    if not math.isnan(one.shared_seconds):
        shared = f", and {_seconds(one.shared_seconds)} shared by its classifiers"
    return (
        f"  {one.method}, {one.classifier}: {_seconds(one.seconds)}{shared} "
        f"({counted(one.tasks, 'task')})"
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 100 else f"{seconds:.0f} s"  # noqa: PLR2004 - digits


def _rate(per_minute: float) -> str:
    if per_minute >= 1:
        return f"{per_minute:.3g} a minute"
    return f"{per_minute * 60:.2g} an hour"


def _percent(share: float) -> str:
    """Never 100 % of what is not all, nor 0 % of what is something."""
    if 0 < share < 0.01 or 0.99 < share < 1:  # noqa: PLR2004 - where whole numbers would lie
        return f"{100 * share:.2g} %" if share < 0.5 else f"{math.floor(1000 * share) / 10} %"  # noqa: PLR2004
    return f"{share:.0%}".replace("%", " %")
