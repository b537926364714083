"""``gridrun shards`` and ``gridrun collect``: shards for other machines or jobs to run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridrun.cli.remote import Remote, collect_command, remote_commands

_FOLDER = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="DIR",
        help="Use this folder of shards.",
        show_default="where they were written; for new ones the study's key folder, or shards "
        "beside it",
    ),
]

_REMOTE = Remote(
    key="folder",
    command="shards",
    place="a folder",
    reads_inputs=True,
    options={"folder": (_FOLDER, None)},
)

shards = remote_commands(
    _REMOTE,
    "gridrun shards .",
    "gridrun shards . --folder /shared/shards",
    "gridrun shards status .",
    "gridrun shards cancel .",
    title="Write the pending tasks of a study as shards into a folder, for any number of workers "
    "to run: gridrun worker DIR. `gridrun collect` brings their outcomes in.",
    waits=False,
    collects=False,
)

collect = collect_command(_REMOTE, "gridrun collect .")
