"""``gridrun results``: the tables, from what the ledger holds now, and means of any part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._completion import groups, places
from gridrun.cli._help import add
from gridrun.cli._of_pipeline import OfPipeline
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.api import OpenStudy

_PANEL = "Which means"


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        results,
        "gridrun results",
        "gridrun results . {only} --json",
        "gridrun results . --by {method} --sort -mean",
        "gridrun results . --by {method},classifier -o means.csv",
        "gridrun results . --by {method} --pivot classifier",
        "gridrun results . --no-tables",
        "gridrun results . --columns",
        cls=OfPipeline,
    )


@opt.with_run_options(*opt.SELECTING)
def results(
    study: opt.StudyArgument = Path(),
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="PARAMETER=VALUE[,..]",
            help="Take means of these parts only; classifier and fold count as parameters. The "
            "tables in results/ stay whole, other than with --only.",
            rich_help_panel=_PANEL,
            autocompletion=places,
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="NAME[,NAME]",
            help="Print a mean for each combination of these parameters' values; classifier "
            "counts as one. If {method} is among them, each mean is compared with the reference.",
            rich_help_panel=_PANEL,
            autocompletion=groups,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME[,NAME]",
            help="Print means of these metrics; by default of {leading}.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            metavar="COLUMN",
            help="Sort by this column (--columns lists them), -COLUMN for the largest first.",
            rich_help_panel=_PANEL,
            show_default=False,
        ),
    ] = "",
    failures: Annotated[
        str,
        typer.Option(
            "--failures",
            metavar="scored|fallback|worst",
            help="Say what parts that failed count as in all numbers: nothing, the reference's "
            "value, or the worst that there is. Without it means leave them out, and differences "
            "take the reference's value.",
            rich_help_panel=_PANEL,
            show_default=False,
        ),
    ] = "",
    pivot: Annotated[
        str,
        typer.Option(
            "--pivot",
            metavar="NAME",
            help="Print a column for each value of this parameter, with the mean of one metric.",
            rich_help_panel=_PANEL,
            autocompletion=groups,
            show_default=False,
        ),
    ] = "",
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Print the means as table, csv, parquet, json or md; without it, the ending of "
            "the file that -o names decides.",
            rich_help_panel=_PANEL,
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the means to this file; one that is there is replaced.",
            rich_help_panel=_PANEL,
            show_default=False,
        ),
    ] = None,
    no_tables: Annotated[
        bool,
        typer.Option(
            "--no-tables",
            help="Print the means and leave results/ as it is. Every result is read and checked "
            "all the same; of a million outcomes it takes seconds, during a run too.",
        ),
    ] = False,
    columns: Annotated[
        bool,
        typer.Option("--columns", help="Print what the columns of tables mean, and their types."),
    ] = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
    **chosen: Any,
) -> None:
    """Write results/final_cv_results.csv and its companions, and print the means.

    Means are those of {means}, by {method} and classifier. With one of the options below "Which
    means", they are those that are asked for, with the standard deviation between folds, what
    failed, and the difference to the reference with its interval.

    Without options the tables cover what the last run selected. You may call it during a
    run; parts that have not run yet are in the table as waiting. Where the tables are large,
    --no-tables prints the same means in less time.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import dump, print_summary, say
    from gridrun.errors import UserError
    from gridrun.plan.run_options import RunOptions

    opened = open_study(study, pipeline=pipeline)
    if columns:
        from gridrun.cli.results._dictionary import dictionary, lines_of

        found = dictionary(opened.state())
        if as_json:
            dump(found)
        else:
            for line in lines_of(found):
                say(line)
        return
    request = {} if RunOptions.asked(**chosen).is_plain else chosen
    if where or by or metric or sort or failures or pivot or form or output:
        if no_tables:
            raise UserError(
                "these means are taken from the tables, which have to be written",
                where="--no-tables",
                todo='leave it out, or the options below "Which means"',
            )
        asked = {"where": where or (), "by": _names(by), "metric": _names(metric), "sort": sort}
        asked |= {"failures": failures, "pivot": pivot}
        form = "json" if as_json and form is None and output is None else form
        _write_means(opened, form, output, {**asked, **request})
        return
    summary = opened.summary(tables=not no_tables, **request)
    if as_json:
        dump(
            {
                "null_models": summary.null_records(),
                "summary": summary.records(),
                "files": summary.files,
            }
        )
    else:
        print_summary(summary, str(study))


def _names(given: list[str] | None) -> list[str]:
    """Names that are written one by one, or joined by commas."""
    return [name.strip() for each in given or () for name in each.split(",")]


def _write_means(
    opened: OpenStudy, form: str | None, output: Path | None, asked: dict[str, Any]
) -> None:
    from gridrun.cli.results._means import format_of, write_means

    # before anything is computed
    chosen = format_of(form, output)
    frame = opened.means(**asked)
    names = [str(name) for name in frame.columns]
    by = names.index("metric") if "metric" in names else 0
    write_means(frame, by, chosen, output)
