"""Toy studies that run on the loopback service, in this process or one that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from toystudies import SMALL_GRID, open_toy, table, write_study

DRIVER = Path(__file__).with_name("driver.py")

SUBMIT = "(POST .*/hdruns/|PUT .*/jobs/)"
"""The request that starts a sweep, of SDK v1 and of SDK v2."""

GRID = {**SMALL_GRID, "coding": ["columns"]}
"""24 combinations; 24 + 24 tasks in 2 folds, and some that upstream cannot run."""


def azure_keys(service, **more):
    """What stands behind the key azure, for a service."""
    names = service.workspace
    return {
        "workspace": {
            "subscription": names.subscription_id,
            "resource_group": names.resource_group,
            "name": names.name,
        },
        "compute": {"name": "cpu", "vm_size": "Standard_D2s_v3", "max_nodes": 2, "cores": 1},
        "image": "registry.example/gridrun-worker:1",
        "poll_seconds": 0.3,
        "shard_minutes": 0.1,
        **more,
    }


def azure_study(service, directory, *, grid=None, settings=None, **keys):
    """A directory with a toy study whose azure settings lead to a service."""
    azure = azure_keys(service, **(settings or {}))
    return write_study(directory, grid or GRID, azure=json.dumps(azure), **keys)


def local_table(directory, grid=None, **keys):
    """The table that the same study has when it is run here."""
    study = open_toy(write_study(directory, grid or GRID, **keys))
    study.run(backend="inprocess")
    return table(directory)


def by_az(service, tools):
    """Variables with which Azure's command line signs in, and no service principal does."""
    service.write_az(tools)
    names = [name for name in service.client_env if "SERVICE_PRINCIPAL" in name]
    return {"PATH": f"{tools}:{os.environ['PATH']}", **dict.fromkeys(names, "")}


def drive(service, directory, what="all", *, home, env=None, **options):
    """A driver process of its own, with more variables if given; see driver.py."""
    return subprocess.Popen(
        [sys.executable, str(DRIVER), str(directory), what, json.dumps(options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=service.env(HOME=str(home), PYTHONPATH=str(DRIVER.parents[2]), **(env or {})),
        start_new_session=True,
    )


def finish(process, seconds=120):
    """Its exit code, output and errors."""
    out, err = process.communicate(timeout=seconds)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def sweeps_of(service):
    """Ids of the sweeps that the service has accepted."""
    return [sweep.run.run_id for sweep in service.sweeps]
