"""What a child asks of Azure where no SDK is in the image: plain calls with its own token."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SECONDS = 60


def log_metric(name: str, value: float) -> None:
    """Log a metric of this run, as MLflow's own interface takes it.

    Raises:
        KeyError: The environment is not that of a run on Azure.
        OSError: It was refused, or nobody answered.
    """
    address = re.sub("^azureml:", "https:", os.environ["MLFLOW_TRACKING_URI"]).partition("?")[0]
    body = {
        "run_id": os.environ.get("MLFLOW_RUN_ID") or os.environ["AZUREML_RUN_ID"],
        "key": name,
        "value": value,
        "timestamp": round(time.time() * 1000),
        "step": 0,
    }
    token = os.environ.get("MLFLOW_TRACKING_TOKEN") or os.environ["AZUREML_RUN_TOKEN"]
    _ask("POST", f"{address.rstrip('/')}/api/2.0/mlflow/runs/log-metric", token, json=body)


def bring_outcomes(wanted: re.Pattern[str]) -> int:
    """Fetch files that an earlier start of this run has left.

    Args:
        wanted: Their names.

    Returns:
        How many there were.

    Raises:
        KeyError: The environment is not that of a run on Azure, or it is no answer.
        OSError: Nobody answered.
    """
    run_id, token = os.environ["AZUREML_RUN_ID"], os.environ["AZUREML_RUN_TOKEN"]
    workspace = (
        f"/subscriptions/{os.environ['AZUREML_ARM_SUBSCRIPTION']}"
        f"/resourceGroups/{os.environ['AZUREML_ARM_RESOURCEGROUP']}"
        "/providers/Microsoft.MachineLearningServices"
        f"/workspaces/{os.environ['AZUREML_ARM_WORKSPACE_NAME']}"
    )
    root = f"{os.environ['AZUREML_SERVICE_ENDPOINT']}/artifact/v2.0{workspace}/artifacts"
    folder = f"ExperimentRun/dcid.{run_id}"
    found = _ask("GET", f"{root}/{folder}", token)["value"]
    names = [each["path"] for each in found if wanted.fullmatch(each["path"])]
    for name in names:
        place = _ask("GET", f"{root}/contentinfo/{folder}/{name}", token)["contentUri"]
        # the address is signed; a token has no business there
        Path(name).write_bytes(_response("GET", place).content)
    return len(names)


def _ask(method: str, address: str, token: str, **named: Any) -> Mapping[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    found: Mapping[str, Any] = _response(method, address, headers=headers, **named).json()
    return found


def _response(method: str, address: str, **named: Any) -> Any:
    import requests

    answer = requests.request(method, address, timeout=_SECONDS, **named)
    answer.raise_for_status()
    return answer
