"""What a pipeline is and may offer: stages, parameters, columns, study keys; for all above.

The core expands, plans, dispatches and records; what a stage computes, and what
people call it, is the pipeline's business. A pipeline is found by name,
``"package.module:ATTRIBUTE"``, so that the core never imports it and a worker
elsewhere finds the same one.
"""

from __future__ import annotations

from gridrun.pipeline._axes import Parameter, Stage, Value
from gridrun.pipeline._classifiers import (
    LimitsClassifiers,
    default_classifiers,
    refused_classifier,
)
from gridrun.pipeline._columns import Column, names_of, refuse_undeclared
from gridrun.pipeline._contract import (
    ChecksCode,
    KnowsVersions,
    NeedsMore,
    Pipeline,
    Runner,
    SeparatesTasks,
    Source,
    StageHook,
)
from gridrun.pipeline._dependence import stage_parts, stage_prefix
from gridrun.pipeline._example import HasExample
from gridrun.pipeline._inputs import (
    InputPath,
    InputRole,
    TakesDigests,
    by_role,
    inputs_advice,
    inputs_lacking,
    unknown_inputs,
)
from gridrun.pipeline._load import DEFAULT_PIPELINE, load_pipeline
from gridrun.pipeline._null_models import (
    BLOCK_TABLE,
    NULL_MODELS,
    HasBlockTable,
    HasNullModels,
)
from gridrun.pipeline._tasks import RUN, Disposition, Settings, TaskFailure, TaskResult, TaskSpec
from gridrun.pipeline._words import PLAIN_START, LeadingMetric, Words

__all__ = [
    "BLOCK_TABLE",
    "DEFAULT_PIPELINE",
    "NULL_MODELS",
    "PLAIN_START",
    "RUN",
    "ChecksCode",
    "Column",
    "Disposition",
    "HasBlockTable",
    "HasExample",
    "HasNullModels",
    "InputPath",
    "InputRole",
    "KnowsVersions",
    "LeadingMetric",
    "LimitsClassifiers",
    "NeedsMore",
    "Parameter",
    "Pipeline",
    "Runner",
    "SeparatesTasks",
    "Settings",
    "Source",
    "Stage",
    "StageHook",
    "TakesDigests",
    "TaskFailure",
    "TaskResult",
    "TaskSpec",
    "Value",
    "Words",
    "by_role",
    "default_classifiers",
    "inputs_advice",
    "inputs_lacking",
    "load_pipeline",
    "names_of",
    "refuse_undeclared",
    "refused_classifier",
    "stage_parts",
    "stage_prefix",
    "unknown_inputs",
]
