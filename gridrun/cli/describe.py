"""``gridrun describe``: what the data are like before missing values are replaced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add
from gridrun.cli._of_pipeline import OfPipeline
from gridrun.errors import counted
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.report.tables import DescriptionReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        describe,
        "gridrun describe examples/quickstart",
        "gridrun describe . {block}",
        "gridrun describe . --part all --json",
        cls=OfPipeline,
    )


@opt.with_run_options("only", "rows")
def describe(
    study: opt.StudyArgument = Path(),
    part: Annotated[
        str | None,
        typer.Option(
            metavar="PART",
            help="Describe these rows: training, test or all.",
            show_default="training",
        ),
    ] = None,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
    **chosen: Any,
) -> None:
    """Describe the data: sizes, missingness, distributions, correlations. Trains nothing.

    For each set of rows that the grid asks for, the tables have missingness by class and
    consequence and the distribution of each feature, both with tests of the difference between
    the classes. They are written to results/describe/*.csv; features are printed as well where
    --only leaves one set.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import dump
    from gridrun.cli._watch import Watch

    with Watch() as watch:
        report = open_study(study, pipeline=pipeline).describe(part=part, progress=watch, **chosen)
    if as_json:
        dump(_plain(report))
    else:
        _show(report)
    if report.failures:
        raise typer.Exit(1)


def _plain(report: DescriptionReport) -> dict[str, Any]:
    return {
        "part": report.part,
        "protocol": report.protocol,
        **report.tables,
        "failures": [{**values, "reason": reason} for values, reason in report.failures],
        "files": report.files,
        "notes": [note if isinstance(note, str) else note.text() for note in report.notes],
    }


def _show(report: DescriptionReport) -> None:
    from gridrun.cli._text import console, say, table

    out = console()
    for note in report.notes:
        say(f"note: {note if isinstance(note, str) else note.text()}")
    say(f"Part {report.part} of {counted(report.blocks, 'block')}, protocol {report.protocol}:")
    first = next(iter(report.printed))
    for name, columns in report.printed.items():
        several = name != first and report.blocks > 1
        if several or not report.tables[name]:
            continue
        own = {p: p for p in report.parameters} if name == first else {}
        shown = own | dict(columns)
        rows = [[_cell(row.get(column)) for column in shown] for row in report.tables[name]]
        numbers = {c for c in shown if any(_is_number(row.get(c)) for row in report.tables[name])}
        sides = {c: "right" if c in numbers else "left" for c in shown}
        table(out, [(heading, sides[c]) for c, heading in shown.items()], rows)
    if report.tables[first]:
        say(report.legend)
    for values, reason in report.failures:
        where = ", ".join(f"{name}={value}" for name, value in values.items())
        say(f"no data: {where}: {reason}")
    if report.blocks > 1:
        say(
            "use --only to select one block: its consequences and features are then printed as well"
        )
    for name, path in report.files.items():
        say(f"{name}: {path}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _cell(value: Any) -> str:
    """A value for people: whole numbers whole, others to three digits, a dash for none."""
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
