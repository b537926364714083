"""``gridrun azure``: run a study on Azure ML, and come back to it."""

from __future__ import annotations

from typing import Annotated

import typer

from gridrun.cli.remote import Remote, remote_commands

_ONE_CHILD = Annotated[
    bool,
    typer.Option(
        "--one-child-per-combination",
        help="At most 1,000 combinations: a child for each, with its parameters as arguments "
        "and the pipeline's leading metric as its own. Slower and more expensive.",
    ),
]

app = remote_commands(
    Remote(
        key="azure",
        command="azure",
        place="Azure",
        costs="money",
        reads_inputs=True,
        sending_options={"by_combination": (_ONE_CHILD, False)},
    ),
    "gridrun azure . --dry-run",
    "gridrun azure . --yes",
    "gridrun azure submit .",
    "gridrun azure collect .",
    "gridrun azure cancel .",
    title="Run a study on Azure ML: send the pending tasks, wait, collect the outcomes and print "
    "the table. Ctrl-C detaches; the same command resumes.",
)
