"""Means by any parameters, as people and programs read them: printed or in a file."""

from __future__ import annotations

import io
import math
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridrun.cli._text import console, json_text, number, say, table
from gridrun.cli.results._fit import Lines as _Lines
from gridrun.cli.results._fit import fit
from gridrun.cli.results._pivot import is_pivoted, pivot_lines, pivot_title
from gridrun.errors import UserError, counted, did_you_mean, printable

if TYPE_CHECKING:
    import pandas as pd

TABLE = "table"
FORMATS = (TABLE, "csv", "parquet", "json", "md")

_WIDTH = 80
"""Columns that sentences below a table have at most."""


def format_of(asked: str | None, output: Path | None) -> str:
    """The format that is asked for, by name or by the ending of the file.

    Raises:
        UserError: There is no such format, or it cannot go there.
    """
    where = f"--format {asked}" if asked is not None else f"-o {output}"
    name = asked
    if asked is None:
        name = TABLE if output is None else output.suffix.removeprefix(".").lower()
    if name not in FORMATS or (output is not None and name == TABLE):
        known = FORMATS if output is None else FORMATS[1:]
        near = did_you_mean(name or "", known)
        todo = f"{near} known: {', '.join(known)}".strip()
        if asked is None:
            said, todo = (
                "its name does not say which format it is to have",
                f"--format FORMAT; {todo}",
            )
        else:
            said = (
                f'unknown format "{asked}"' if asked not in FORMATS else "a table is printed only"
            )
        raise UserError(said, where=where, todo=todo)
    if name == "parquet" and output is None and sys.stdout.isatty():
        raise UserError(
            "Parquet is not for a terminal",
            where=where,
            todo="name a file with -o FILE, or send the output to one",
        )
    return name


def write_means(frame: pd.DataFrame, by: int, form: str, output: Path | None) -> None:
    """Print the means, or write them to a file.

    Args:
        frame: What ``OpenStudy.means`` gave.
        by: Number of its columns that it is grouped by.
        form: One of ``FORMATS``.
        output: The file; one that is there is replaced. None for standard output.

    Raises:
        UserError: The file cannot be written.
    """
    from gridrun.report.tables import NOTES

    notes = frame.attrs[NOTES]
    if form == TABLE:
        _show(frame, by)
        for note in notes:
            say(f"note: {note}")
        return
    for note in notes:
        sys.stderr.write(f"note: {printable(note)}\n")
    data = _bytes(frame, by, form)
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    from gridrun.store.cache import replacing
    from gridrun.store.faults import disk_fault

    try:
        with replacing(output.absolute()) as aside:
            aside.write_bytes(data)
    except OSError as error:
        raise disk_fault(error, output) or UserError(
            f"cannot be written: {error.strerror}", where=str(output)
        ) from error
    say(f"{counted(len(frame), 'row')}: {output}")


def _bytes(frame: pd.DataFrame, by: int, form: str) -> bytes:
    if form == "parquet":
        return _parquet(frame)
    if form == "json":
        return json_text(_records(frame)).encode()
    if form == "csv":
        return str(frame.to_csv(index=False, na_rep="NA", lineterminator="\n")).encode()
    return "\n".join(_markdown(frame, by)).encode()


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    found = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in record.items()} for record in found]


def _parquet(frame: pd.DataFrame) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = pa.Table.from_pandas(frame, preserve_index=False)
    texts = [pa.string() if pa.types.is_large_string(kind) else kind for kind in made.schema.types]
    schema = pa.schema(list(zip(made.schema.names, texts, strict=True)))
    target = io.BytesIO()
    pq.write_table(made.cast(schema), target)
    return target.getvalue()


def _markdown(frame: pd.DataFrame, by: int) -> Iterator[str]:
    for title, (heads, rows) in _tables(frame, by):
        yield f"**{title}**\n"
        yield "| " + " | ".join(head.replace("\n", " ") for head, _ in heads) + " |"
        yield "| " + " | ".join("---:" if side == "right" else "---" for _, side in heads) + " |"
        yield from ("| " + " | ".join(row) + " |" for row in rows)
        yield ""


def _tables(frame: pd.DataFrame, by: int) -> Iterator[tuple[str, _Lines]]:
    """Title, heads and cells of each table."""
    if is_pivoted(frame):
        yield pivot_title(frame), pivot_lines(frame)
        return
    for metric, part in frame.groupby("metric", sort=False):
        yield _title(str(metric), part, by), _lines(part, by)


def _say_wrapped(text: str, width: int, *, indent: str = "") -> None:
    for line in textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False):
        say(line)


def _show(frame: pd.DataFrame, by: int) -> None:
    """A table for each metric, and what is missing in it and why."""
    from gridrun.report.tables import FAILED, is_reference

    out = console()
    width = min(out.width, _WIDTH)
    room = max(out.width, _WIDTH) if out.is_terminal else _WIDTH
    if is_pivoted(frame):
        _say_wrapped(pivot_title(frame), width)
        _print(pivot_lines(frame), room, len(frame.columns) - len(frame.attrs[FAILED]))
        return
    for metric, part in frame.groupby("metric", sort=False):
        _say_wrapped(_title(str(metric), part, by), width)
        _print(_lines(part, by), room, len(_varying(part, by)))
        undefined, waiting = int(part["undefined"].sum()), int(part["waiting"].sum())
        said = []
        if undefined:
            said.append(
                f"{counted(undefined, 'part')} done without a value of {metric}: left out of means"
            )
        if waiting:
            said.append(f"{counted(waiting, 'part')} waiting: not run yet")
        for note, rows in part[part["note"] != ""].groupby("note", sort=False):
            if not is_reference(str(note)):
                said.append(f"{counted(len(rows), 'row')}: {note}")
        for each in said:
            _say_wrapped(each, width, indent="  ")
    if frame.empty:
        say("no part is meant")


def _print(lines: _Lines, room: int, names: int) -> None:
    """Tables that fit, one below the other, and what was shortened in them."""
    for fitted in fit(lines, room, names):
        table(console(), fitted.heads, fitted.rows, narrow=True)
        for short, whole in fitted.shortened.items():
            say(f"  {short} = {whole}")
        if fitted.advice:
            _say_wrapped(fitted.advice, _WIDTH, indent="  ")


def _title(metric: str, part: pd.DataFrame, by: int) -> str:
    """What the table is of; what all rows have in common is said here, not in each of them."""
    fixed = [name for name in part.columns[:by] if name not in _varying(part, by)]
    common = ", ".join(f"{name} {part[name].iloc[0]}" for name in fixed)
    references = [name for name in part["reference"].dropna().unique() if name]
    against = f", difference to {references[0]} with 95 % interval" if references else ""
    return f"{metric}{f' ({common})' if common else ''}: mean ± SD over folds{against}"


def _varying(part: pd.DataFrame, by: int) -> list[str]:
    """Columns that rows differ in; all of them for a single row."""
    names = [str(name) for name in part.columns[:by]]
    return [name for name in names if len(part) == 1 or len(set(part[name])) > 1]


def _lines(part: pd.DataFrame, by: int) -> _Lines:
    """Heads and cells; what compares is left out where nothing is compared."""
    names = _varying(part, by)
    is_compared = bool((part["reference"].fillna("") != "").any())
    is_whole = not part["waiting"].any()
    heads = [
        *((name, "left") for name in names),
        ("n", "right"),
        ("failed", "right"),
        ("mean ± SD", "right"),
        *((("difference (95 %)", "right"),) if is_compared else ()),
    ]
    rows = [
        [
            *(str(row[name]) for name in names),
            f"{row['n']}" + ("" if is_whole else f"/{row['n'] + row['failed'] + row['waiting']}"),
            str(row["failed"]),
            f"{number(row['mean'])} ± {number(row['sd'])}",
            *((_difference(row),) if is_compared else ()),
        ]
        for row in part.to_dict("records")
    ]
    return heads, rows


def _difference(row: Any) -> str:
    from gridrun.report.tables import is_reference

    if is_reference(row["note"]):
        return "reference"
    difference = number(row["difference"])
    if math.isnan(row["lower"]):
        return difference
    return f"{difference} ({number(row['lower'])}, {number(row['upper'])})"
