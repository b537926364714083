"""What the core knows of a pipeline: names, axes and three calls.

The core expands, plans, dispatches and records; what a stage computes is the
pipeline's business (``amiss_tasks`` is the one that ships). A pipeline is
found by name, ``"package.module:ATTRIBUTE"``, so that the core never imports
it and a worker elsewhere finds the same one.
"""

from __future__ import annotations

import importlib
from typing import cast

from gridrun.pipeline._axes import Parameter, Stage, Value
from gridrun.pipeline._columns import Column, names_of, refuse_undeclared
from gridrun.pipeline._contract import ChecksCode, Pipeline, Runner, Source, StageHook
from gridrun.pipeline._dependence import stage_parts, stage_prefix
from gridrun.pipeline._tasks import RUN, Disposition, Settings, TaskFailure, TaskResult, TaskSpec

__all__ = [
    "DEFAULT_PIPELINE",
    "RUN",
    "ChecksCode",
    "Column",
    "Disposition",
    "Parameter",
    "Pipeline",
    "Runner",
    "Settings",
    "Source",
    "Stage",
    "StageHook",
    "TaskFailure",
    "TaskResult",
    "TaskSpec",
    "Value",
    "load_pipeline",
    "names_of",
    "refuse_undeclared",
    "stage_parts",
    "stage_prefix",
]

DEFAULT_PIPELINE = "amiss_tasks:PIPELINE"


def load_pipeline(name: str = DEFAULT_PIPELINE) -> Pipeline:
    """Import a pipeline by ``"module:ATTRIBUTE"``."""
    module, _, attribute = name.partition(":")
    return cast("Pipeline", getattr(importlib.import_module(module), attribute))
