"""How reports are printed: a table on a terminal, the same table plain when piped."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gridrun.cli._streams import Listener
from gridrun.errors import counted, in_line

if TYPE_CHECKING:
    from rich.console import Console

    from gridrun.report.tables import Summary
    from gridrun.run import Tally


NOTHING_RUN = (
    "nothing has been run yet; `gridrun plan` shows what would run, `gridrun local` runs it"
)
"""Said of a study without a ledger."""

_WIDEST = 1000
_MOST_NULL_MODELS = 12
_MOST_METHODS = 5

_SHARED_SECONDS = 0.5
"""What takes less is not worth a word."""


def console(*, stderr: bool = False) -> Console:
    """A console; as wide as its table needs when nobody's terminal bounds it."""
    from gridrun.cli._console import SafeConsole

    # what is printed is data: no brackets in it are markup, no colons an emoji
    plain: Any = {"stderr": stderr, "highlight": False, "markup": False, "emoji": False}
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, Listener):
        plain["file"] = stream.styled
    made = SafeConsole(**plain)
    return made if made.is_terminal else SafeConsole(**plain, width=160, no_color=True)


def table(
    out: Console,
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[str]],
    *,
    narrow: bool = False,
) -> None:
    """Print a table.

    Args:
        out: Where to.
        columns: Name and ``left`` or ``right``.
        rows: Cells as text.
        narrow: Whether columns stand close to each other.
    """
    from rich import box
    from rich.measure import Measurement
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0 if narrow else 1))
    for name, side in columns:
        made.add_column(name, justify="right" if side == "right" else "left", no_wrap=True)
    for row in rows:
        made.add_row(*map(in_line, row))
    # lines that a narrow terminal wraps are better than numbers cut short
    needed = Measurement.get(out, out.options.update(width=_WIDEST), made).maximum
    out.width = max(out.width, needed)
    out.print(made, crop=False)


def say(text: str) -> None:
    """One line on stdout, not wrapped, not styled."""
    sys.stdout.write(f"{in_line(text)}\n")


def dump(data: Any) -> None:
    """JSON on stdout."""
    sys.stdout.write(json_text(data))


def json_text(data: Any) -> str:
    """JSON; NaN as null, since JSON has none; what a terminal would obey as JSON escapes it."""
    text = json.dumps(_plain(data), indent=2, ensure_ascii=False)
    lines = text.split("\n")
    return "\n".join(line if line.isprintable() else _escaped(line) for line in lines) + "\n"


def _escaped(line: str) -> str:
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def number(value: float, digits: int = 3) -> str:
    """A number for people; a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def tally_line(tally: Tally, seconds: float) -> str:
    """What a run has done, as one line."""
    return (
        f"{counted(tally.done, 'task')} done ({tally.shared:,} shared), {tally.failed:,} failed in "
        f"{duration(seconds)}; {tally.before:,} finished before\n"
    )


def duration(seconds: float) -> str:
    """Seconds for people: ``12 s``, ``3 min 20 s``, ``2 h 5 min``, ``4 d 3 h``."""
    total = max(0, round(seconds))
    for size, name, part, part_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if total >= size:
            rest = total % size // part
            return (
                f"{total // size} {name} {rest} {part_name}" if rest else f"{total // size} {name}"
            )
    # clocks of two machines may differ: never less than no time at all
    return f"{total} s" if seconds >= 1 or seconds <= 0 else f"{seconds:.1f} s"


def print_summary(summary: Summary, study: str) -> None:
    """The table people want, what failed and why, and where the files are."""
    out = console()
    for note in filter(None, (summary.rows_note, *summary.warnings)):
        say(f"note: {note}")
    _print_null_models(out, summary)
    rows = [
        [
            group.method,
            *(str(value) for value in group.at.values()),
            group.classifier,
            str(group.n),
            *(number(group.mean(m)) + ("*" if group.undefined(m) else "") for m in group.metrics),
            str(group.failed),
            number(group.seconds, 2),
        ]
        for group in summary.groups
        if group.n or group.failed or group.waiting
    ]
    say(
        f"Mean over combinations and folds, protocol {summary.protocol} "
        f"({counted(summary.combinations, 'combination')} x {counted(summary.folds, 'fold')}):"
    )
    table(
        out,
        [
            (summary.method_parameter, "left"),
            *((name, "right") for name in summary.parameters),
            ("classifier", "left"),
            ("n", "right"),
            *((metric, "right") for metric in summary.metrics),
            ("failed", "right"),
            ("s/task", "right"),
        ],
        rows,
    )
    for line in _below(summary):
        say(line)
    if summary.skipped:
        say(
            f"{counted(summary.skipped, 'part')} skipped: not asked of their classifier (state, "
            f"reason)"
        )
    if summary.waiting:
        say(f"{counted(summary.waiting, 'part')} waiting: not run yet")
    if summary.failed:
        say(f"{counted(summary.failed, 'part')} failed:")
        for (kind, reason), count in sorted(summary.reasons.items(), key=lambda i: -i[1])[:10]:
            say(f"  {count:,} x {kind}: {' '.join(reason.split())[:200]}")
        if len(summary.reasons) > 10:  # noqa: PLR2004 - as many as are printed
            say(f"  and {counted(len(summary.reasons) - 10, 'further reason')}, in the table")
        if any(kind != "upstream-defect" for kind, _ in summary.reasons):
            say(f"  logs: gridrun logs {shlex.quote(study)}")
    for name, path in summary.files.items():
        say(f"{name}: {path}")


def _below(summary: Summary) -> list[str]:
    """What readers of the means have to know: stars, rows that are one, seconds in no row."""
    if any(group.undefined(m) for group in summary.groups for m in group.metrics):
        starred = ["* without the folds where the metric is not defined (NA or NaN in the table)"]
    else:
        starred = []
    return [*starred, *(f"note: {line}" for line in summary.same), *_shared(summary)]


def _shared(summary: Summary) -> list[str]:
    """What classifiers share and the seconds of a task leave out, of the methods that cost most."""
    found = {
        group.method: group.shared_seconds
        for group in summary.groups
        if group.shared_seconds >= _SHARED_SECONDS
    }
    if not found:
        return []
    most = sorted(found, key=lambda method: -found[method])[:_MOST_METHODS]
    named = ", ".join(f"{method} {number(found[method], 1)}" for method in most)
    more = f" and {len(found) - len(most)} more" if len(found) > len(most) else ""
    return [f"seconds that the classifiers share, made once for all of them: {named}{more}"]


def _print_null_models(out: Console, summary: Summary) -> None:
    """What any method has to exceed, before what the methods reach."""
    if not summary.null_models:
        return
    metrics = tuple(summary.null_models[0].sums)
    # a file may have dozens of allele frequencies: those that say most are printed
    ranked = sorted(summary.null_models, key=lambda one: _rank(one.mean(metrics[0])))
    shown = [one for one in summary.null_models if one in ranked[:_MOST_NULL_MODELS]]
    further = len(summary.null_models) - len(shown)
    say(
        "Null models: what most training rows of the same level are, and nothing learnt; mean over "
        f"blocks and folds ({counted(summary.null_parts, 'test part')}):"
    )
    table(
        out,
        [("null model", "left"), *((metric, "right") for metric in metrics)],
        [
            [one.label, *(number(one.mean(m)) + ("*" if one.undefined(m) else "") for m in metrics)]
            for one in shown
        ],
    )
    if any(one.undefined(metric) for one in shown for metric in metrics):
        say("* without the test parts in which the metric is not defined")
    if further:
        say(f"{counted(further, 'further null model')} of smaller {metrics[0]}, in the table")


def _rank(mean: float) -> float:
    """Large means first, none last."""
    return math.inf if math.isnan(mean) else -mean


def _plain(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return None
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data if isinstance(data, str | int | float | bool | None) else str(data)
