"""``gridrun slurm``: run a study as job arrays of Slurm, and come back to it."""

from __future__ import annotations

from gridrun.cli.remote import Remote, remote_commands

app = remote_commands(
    Remote(
        key="slurm",
        command="slurm",
        place="Slurm",
        costs="time of the cluster",
        reads_inputs=True,
    ),
    "gridrun slurm . --dry-run",
    "gridrun slurm . --yes",
    "gridrun slurm submit .",
    "gridrun slurm collect .",
    "gridrun slurm cancel .",
    title="Run a study on a Slurm cluster: send the pending tasks as job arrays, wait, collect the "
    "outcomes and print the table. Ctrl-C detaches; the same command resumes.",
)
