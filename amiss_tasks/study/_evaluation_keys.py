"""The keys of ``study.yaml`` that say how models are evaluated, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from amiss_tasks.evaluation import EVALUATE, KINDS, PREDICTIONS, Evaluation
from gridrun.documents.tree import Leaf, Node, kind_of, known_list
from gridrun.errors import Fault, InputError, did_you_mean
from gridrun.pipeline.study_keys import KeyValue, StudyKey

_YES_NO: Mapping[object, bool] = {True: True, "yes": True, False: False, "no": False}
"""YAML 1.2 takes ``yes`` for text; people mean the same by both."""


def _read_evaluate(node: Node, file: Path) -> KeyValue:
    value = node.value if isinstance(node, Leaf) else None
    if isinstance(value, str) and value in KINDS:
        return KeyValue(value)
    near = did_you_mean(value, KINDS) if isinstance(value, str) else ""
    message = f'key "{EVALUATE}" has {kind_of(node)}'
    todo = f"{near} known values: {known_list(KINDS)}".strip()
    raise InputError([Fault(file, message, node.line, todo)])


def _read_predictions(node: Node, file: Path) -> KeyValue:
    # a number would equal true or false
    if isinstance(node, Leaf) and isinstance(node.value, str | bool) and node.value in _YES_NO:
        return KeyValue(_YES_NO[node.value])
    message = f'key "{PREDICTIONS}" has {kind_of(node)}'
    raise InputError([Fault(file, message, node.line, "allowed: yes, no")])


EVALUATION_KEYS: Mapping[str, StudyKey] = {
    EVALUATE: StudyKey(
        "On what models are tested: cv, hold-out or repeated hold-out.",
        _read_evaluate,
        lambda data: Evaluation(data).fingerprint if data else None,
    ),
    PREDICTIONS: StudyKey(
        "Whether the predictions of every test row are kept.",
        _read_predictions,
        lambda data: "kept" if data else None,
    ),
}
"""Name of the key to how it is read."""
