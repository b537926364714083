"""What a trial of a version 2 sweep is: its command line filled in, and its own job."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any


def placeholders(text: str) -> set[tuple[str, str]]:
    """The (kind, name) pairs of ``${{kind.name}}`` in a command line."""
    return {(kind, name) for kind, name in re.findall(r"\$\{\{\s*([\w-]+)\.([\w.-]+)\s*\}\}", text)}


def fill(text: str, kind: str, values: Mapping[str, Any]) -> str:
    """Put values in the place of ``${{kind.name}}``, as they are, without any quoting."""

    def value(found: re.Match[str]) -> str:
        return str(values[found[1]]) if found[1] in values else found[0]

    return re.sub(r"\$\{\{\s*" + kind + r"\.([\w.-]+)\s*\}\}", value, text)


def trial_job(parent: dict[str, Any] | None, definition: dict[str, Any]) -> dict[str, Any] | None:
    """The command job that a trial is in the resource manager's eyes; None if v1 sent it."""
    if parent is None:
        return None
    trial = copy.deepcopy(parent["trial"])
    return {
        "jobType": "Command",
        "computeId": parent.get("computeId"),
        "codeId": trial.get("codeId"),
        "environmentId": trial["environmentId"],
        "command": definition["command"],
        "environmentVariables": dict(definition["environmentVariables"]),
        "inputs": copy.deepcopy(parent.get("inputs") or {}),
        "outputs": copy.deepcopy(parent.get("outputs") or {}),
        "limits": {
            "jobLimitsType": "Command",
            "timeout": (parent.get("limits") or {}).get("trialTimeout"),
        },
        "resources": trial.get("resources"),
    }
