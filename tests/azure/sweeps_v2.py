"""What the tests of the service submit by version 2: small scripts, through the real SDK."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import requests

HAS_SDK_2 = all(
    importlib.util.find_spec(name.partition(".")[0]) is not None and importlib.util.find_spec(name)
    for name in ("azure.ai", "azure.identity")
)
needs_sdk_2 = pytest.mark.skipif(
    not HAS_SDK_2, reason="azure-ai-ml and azure-identity are not installed (the extra azure-v2)"
)
"""Skips without importing, which takes seconds."""


def sweep_of(
    directory: Path,
    script: str,
    *,
    n: int = 3,
    name: str = "sweep-1",
    compute: str | None = "cpu",
    inputs: dict | None = None,
    outputs: dict | None = None,
    concurrent: int = 4,
    more: str = "",
):
    """A sweep over shard 0..n-1 of a script; a new object, since a submit changes it."""
    from azure.ai.ml import command
    from azure.ai.ml.entities import Environment
    from azure.ai.ml.sweep import Choice

    directory.mkdir(parents=True, exist_ok=True)
    (directory / "go.py").write_text(script)
    job = command(
        code=str(directory),
        command="python go.py --shard ${{inputs.shard}}" + more,
        inputs={"shard": 0, **(inputs or {})},
        outputs=outputs or {},
        environment=Environment(image="registry.example/gridrun:1"),
        environment_variables={"COLOUR": "blue"},
        compute=compute,
    )
    sweep = job(shard=Choice(values=list(range(n)))).sweep(
        sampling_algorithm="grid", primary_metric="mcc", goal="Maximize", compute=compute
    )
    sweep.name, sweep.experiment_name, sweep.display_name = name, "exp", "shown"
    sweep.tags = {"gridrun": "1"}
    sweep.set_limits(
        max_total_trials=n, max_concurrent_trials=concurrent, timeout=3600, trial_timeout=600
    )
    return sweep


def ended(service, name: str = "sweep-1"):
    """Wait for the end of a sweep or job; its run."""
    service.wait_until(lambda: service.runs[name].is_over)
    return service.runs[name]


def body_of(service, **changed):
    """The body of a sweep of two trials that needs no code; keys of `changed` replace its own."""
    arm = service.workspace.arm_path
    properties = {
        "jobType": "Sweep",
        "experimentName": "exp",
        "computeId": f"{arm}/computes/cpu",
        "searchSpace": {"shard": ["choice", [[0, 1]]]},
        "samplingAlgorithm": {"samplingAlgorithmType": "Grid"},
        "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 2, "timeout": "PT1H"},
        "objective": {"goal": "maximize", "primaryMetric": "mcc"},
        "trial": {
            "command": "echo --shard ${{search_space.shard}} > outputs/said.txt",
            "environmentId": "azureml:AzureML-minimal:1",
        },
    }
    return {"properties": {**properties, **changed}}


class Rest:
    """Plain requests to a service, as a client without any SDK makes them.

    Args:
        service: The service.
    """

    def __init__(self, service) -> None:
        self._arm = f"https://management.azure.com{service.workspace.arm_path}"
        self._history = (
            f"https://{service.workspace.api_host}/history/v1.0{service.workspace.arm_path}"
        )
        self._headers = {"Authorization": f"Bearer {service.token()}"}

    def arm(self, method: str, path: str, **options):
        """Ask the resource manager about something in the workspace."""
        url = f"{self._arm}/{path}".rstrip("/")
        return requests.request(method, url, headers=self._headers, timeout=30, **options)

    def history(self, path: str, **query):
        """Ask the run history."""
        url = f"{self._history}/{path}"
        return requests.get(url, params=query, headers=self._headers, timeout=30)

    def follow(self, url: str):
        """Ask for an address that was given."""
        return requests.get(url, headers=self._headers, timeout=30)

    def put(self, name: str, body: dict):
        """Send a job."""
        return self.arm("PUT", f"jobs/{name}", json=body)

    def children(self, name: str) -> list[dict]:
        """All children, by the token of each page."""
        found, query = [], {"$top": 500}
        while True:
            page = self.history(f"runs/{name}/children", **query).json()
            found += page["value"]
            if not page.get("continuationToken"):
                return found
            query["$continuationToken"] = page["continuationToken"]
