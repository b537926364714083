"""``gridrun worker``: run one shard, here; what an image or a job script calls."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gridrun.cli._help import add
from gridrun.errors import EnvironmentFault, UserError

_ASKED_TO_END = 143
"""128 + SIGTERM, as a shell would say it."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        worker,
        "gridrun worker shard-00003.jsonl --out outputs",
        "gridrun worker shards.zip --shard 3 --out outputs",
        "gridrun worker --self-test",
    )


def worker(
    shard: Annotated[
        Path | None,
        typer.Argument(metavar="SHARD", help="Shard file, or an archive of shards."),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option("--shard", metavar="N", help="Index of the shard in the archive, from 0."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Output directory: outcome segments, and a manifest at the end."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Worker processes, one R each.", show_default="one per core"),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Run a tiny shard, start R, print the versions, and end."),
    ] = False,
) -> None:
    """Run the units of a shard that have no outcome in DIR yet.

    Failures of tasks are outcomes: the exit code is 0 with them. It is not 0 when
    the shard could not be run. Killed at any moment, the same command goes on.
    """
    if self_test:
        _self_test()
        return
    if shard is None or out is None:
        raise UserError(
            "a shard and --out DIR are needed",
            todo="or --self-test alone; see gridrun worker --help",
        )
    from gridrun.shard import open_shard, run_shard

    opened = open_shard(shard, number)
    foreign = opened.foreign_code()
    if foreign:
        raise EnvironmentFault(
            f"the code here is not the code the shard was made for: {', '.join(foreign)}",
            where=str(shard),
            todo="numbers would not be those of the study: build the image from the same version "
            "of gridrun as the client, or submit with the image's version",
        )
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
    report = run_shard(
        opened, shard.parent, out, workers=workers, say=_say, is_stopping=lambda: bool(asked)
    )
    _say(
        f"{opened.name}: {report.done} tasks done, {report.failed} failed, "
        f"{report.before} were finished before"
    )
    if report.stopped:
        raise typer.Exit(_ASKED_TO_END)


def _say(text: Any) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _self_test() -> None:
    from gridrun.tools.self_test import self_test

    for line in self_test():
        _say(line)
