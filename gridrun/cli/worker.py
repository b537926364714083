"""``gridrun worker``: run shards on this machine; an image or a job script calls it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gridrun.cli._help import add
from gridrun.errors import UserError, counted

_ASKED_TO_END = 143
"""128 + SIGTERM, as a shell would say it."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        worker,
        "gridrun worker shard-00003.jsonl --out outputs",
        "gridrun worker shards.zip --shard 3 --out outputs",
        "gridrun worker DIR",
        "gridrun worker --self-test",
    )


def worker(
    shard: Annotated[
        Path | None,
        typer.Argument(
            metavar="SHARD", help="Shard file, an archive of shards, or a folder of them."
        ),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(
            "--shard",
            metavar="N",
            help="Run the shard with this index in the archive, counted from 0.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write outcome segments into this directory, and a manifest at the end.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Start N worker processes, each with an R of its own.",
            show_default="one per core",
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Wait so many seconds for another shard of a folder before ending.",
        ),
    ] = 0.0,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Run a tiny shard, start R, print the versions and end."),
    ] = False,
) -> None:
    """Run the units of a shard that have no outcome yet, or all free shards of a folder.

    Given a folder, it takes the next free shard until none is left; any number of workers
    may do so at once, on any machines that see the folder. Failures of tasks are outcomes: the
    exit code is 0 with them. It is not 0 when a shard could not be run. After a kill at any
    moment the same command continues the work.
    """
    if self_test:
        _self_test()
        return
    if shard is not None and shard.is_dir():
        if out is not None or number is not None:
            raise UserError(
                "outcomes of a folder of shards go beside them, and any free shard is taken",
                todo="leave --out and --shard out, or name one shard's file",
            )
        _work_off(shard, workers, wait)
        return
    if shard is None or out is None:
        raise UserError(
            "a shard and --out DIR are missing",
            todo="give both, or a folder of shards, or --self-test alone; see gridrun worker "
            "--help",
        )
    from gridrun.shard import open_shard, run_shard

    opened = open_shard(shard, number)
    opened.require_own_code(shard)
    asked = _asked()
    report = run_shard(
        opened, shard.parent, out, workers=workers, say=_say, is_stopping=lambda: bool(asked)
    )
    _say(
        f"{opened.name}: {counted(report.done, 'task')} done, {report.failed:,} failed, "
        f"{report.before:,} finished before"
    )
    if report.stopped:
        raise typer.Exit(_ASKED_TO_END)


def _work_off(folder: Path, workers: int | None, idle_seconds: float) -> None:
    from gridrun.shard import work_off

    asked = _asked()
    report = work_off(
        folder,
        workers=workers,
        idle_seconds=idle_seconds,
        say=_say,
        is_stopping=lambda: bool(asked),
    )
    _say(
        f"{folder}: {counted(report.shards, 'shard')} run, {counted(report.done, 'task')} done, "
        f"{report.failed:,} failed; "
        + ("the worker was asked to end" if report.stopped else "no other shard is free")
    )
    if report.stopped:
        raise typer.Exit(_ASKED_TO_END)


def _asked() -> list[int]:
    """Signals that ask for an end, as they come."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
    return asked


def _say(text: Any) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _self_test() -> None:
    from gridrun.tools.self_test import self_test

    for line in self_test():
        _say(line)
