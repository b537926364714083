"""What the tests of the service submit: small scripts as sweeps, through the real SDK."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest

needs_sdk = pytest.mark.skipif(
    importlib.util.find_spec("azureml") is None,
    reason="azureml is not installed (the extra azure)",
)
"""Skips without importing: the SDK reads HOME when it is imported, so a fixture has to set it."""

QUICK = """
import pathlib, sys
number = sys.argv[sys.argv.index("--shard") + 1]
pathlib.Path("outputs/shard-" + number + ".txt").write_text("result " + number)
print("shard", number)
"""
"""Writes one result and ends."""

SLOW = (
    QUICK
    + """
import os, time
pathlib.Path("outputs/pid-" + number + ".txt").write_text(str(os.getpid()))
time.sleep(60)  # longer than any test waits: it is ended from outside
"""
)
"""Writes one result and its process id, and then takes a minute."""


def submit(
    workspace,
    directory: Path,
    script: str | None = QUICK,
    *,
    n: int = 3,
    concurrent: int = 2,
    run_id: str | None = "sweep-1",
    command: list[str] | None = None,
    limit_s: int = 600,
    experiment: str = "exp",
    tags: dict[str, str] | None = None,
    variables: dict[str, str] | None = None,
):
    """Submit a sweep over --shard 0..n-1 on the compute "cpu"."""
    from azureml.core import Environment, Experiment, ScriptRunConfig
    from azureml.train.hyperdrive import (
        GridParameterSampling,
        HyperDriveConfig,
        PrimaryMetricGoal,
        choice,
    )

    directory.mkdir(parents=True, exist_ok=True)
    if script is not None:
        (directory / "go.py").write_text(script)
    environment = Environment("image")
    environment.python.user_managed_dependencies = True
    environment.docker.base_image = "registry.example/gridrun:1"
    job = ScriptRunConfig(
        str(directory),
        script=None if command else "go.py",
        command=command,
        compute_target="cpu",
        environment=environment,
        max_run_duration_seconds=limit_s,
    )
    job.run_config.history.directories_to_watch = ["logs", "outputs"]
    job.run_config.environment_variables = variables or {}
    config = HyperDriveConfig(
        run_config=job,
        hyperparameter_sampling=GridParameterSampling({"--shard": choice(range(n))}),
        primary_metric_name="mcc",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=n,
        max_concurrent_runs=concurrent,
        max_duration_minutes=60,
        custom_run_id=run_id,
    )
    return Experiment(workspace, experiment).submit(config, tags=tags)


def wait(run, seconds: float = 60) -> str:
    """Poll a run until it is over; its state."""
    deadline = time.monotonic() + seconds
    while run.get_status() not in {"Completed", "Failed", "Canceled"}:
        assert time.monotonic() < deadline, f"{run.id} is still {run.status}"
        time.sleep(0.1)  # between two questions to the service
    return run.status


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
