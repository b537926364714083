"""Classifiers that a study has only if it names them: what a pipeline may know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from gridrun.pipeline._contract import Pipeline


@runtime_checkable
class LimitsClassifiers(Protocol):
    """A pipeline with classifiers that one protocol alone runs.

    A study has such a classifier only if it names it.
    """

    classifiers_only_under: Mapping[str, str]
    """Classifier to the name of that protocol."""
    classifiers_only_under_reason: str
    """Why the others do not run them, as a clause after a colon."""


def default_classifiers(pipeline: Pipeline) -> tuple[str, ...]:
    """What a study gets that names no classifier."""
    limited = pipeline.classifiers_only_under if isinstance(pipeline, LimitsClassifiers) else {}
    return tuple(name for name in pipeline.classifiers if name not in limited)


def refused_classifier(pipeline: Pipeline, name: str, protocol: str) -> tuple[str, str] | None:
    """Why a protocol does not run a classifier.

    Args:
        pipeline: The pipeline.
        name: The classifier.
        protocol: The study's protocol; empty where none is known, which refuses none.

    Returns:
        What is to be said after the classifier's name, and what to do; None where it runs.
    """
    if not protocol or not isinstance(pipeline, LimitsClassifiers):
        return None
    wanted = pipeline.classifiers_only_under.get(name, protocol)
    if wanted == protocol:
        return None
    reason = f": {pipeline.classifiers_only_under_reason}"
    return (
        f"which protocol {protocol} does not run{reason}",
        f"set protocol: {wanted} in the study file, or leave {name} out",
    )
