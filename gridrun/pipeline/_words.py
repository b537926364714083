"""Words of a pipeline in help and messages: for its input files, and where the core has none."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class InputRole:
    """An input file: a key below ``inputs``, and an option of ``gridrun init`` and ``predict``.

    Args:
        description: What the file is, for ``gridrun init``.
        example: Name that a new study has for it where none is given.
        comment: What stands behind it in a new study; empty for nothing.
        predicted: What the file is where its rows are predicted; empty where
            ``gridrun predict`` does not take one.
        group: Inputs of one group may be left out, all of them or none; empty for an input
            that every study has.
    """

    description: str
    example: str
    comment: str = ""
    predicted: str = ""
    group: str = ""


def inputs_lacking(inputs: Mapping[str, InputRole], given: Container[str]) -> dict[str, str]:
    """Inputs that are not given, though they have to be.

    Args:
        inputs: ``Pipeline.inputs``, or some of them.
        given: Roles that are given.

    Returns:
        Role to what to do about it, as a sentence without its full stop.
    """
    begun: dict[str, list[str]] = {}
    for role, it in inputs.items():
        if it.group and role in given:
            begun.setdefault(it.group, []).append(role)
    lacking = {}
    for role, it in inputs.items():
        if role not in given and (not it.group or it.group in begun):
            others = " and ".join(begun.get(it.group, ()))
            lacking[role] = f"add {role}: PATH" + (f", or leave {others} out too" if others else "")
    return lacking


def inputs_advice(inputs: Mapping[str, InputRole]) -> str:
    """Which inputs a study has to name, and which it may.

    Args:
        inputs: ``Pipeline.inputs``.
    """
    needed = [role for role, it in inputs.items() if not it.group]
    groups: dict[str, list[str]] = {}
    for role, it in inputs.items():
        if it.group:
            groups.setdefault(it.group, []).append(role)
    parts = (
        [f"{_listed(needed)}{', each' if len(needed) > 1 else ''} with a path"] if needed else []
    )
    parts += [f"{_listed(roles)} where there are any" for roles in groups.values()]
    return f"give {', and '.join(parts)}" if parts else "leave inputs out"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


@dataclass(frozen=True)
class LeadingMetric:
    """The one number that stands for a combination where only one can be shown.

    It is the largest of the means of some classifiers; NaN where one of them lacks a value.

    Args:
        name: Under which it is shown.
        column: Result column that means are taken of.
        classifiers: Those that are compared.
    """

    name: str
    column: str
    classifiers: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """Words for sentences and help of the core.

    Args:
        row: What one row of the inputs is; its plural has an ``s``.
        predictions: What the table of predictions has a row for, as a sentence.
    """

    row: str = "row"
    predictions: str = "The table has one row for each row of the inputs."


PLAIN_START = """\
# A gridrun study. Paths are relative to this file.

inputs:
{inputs}

protocol: {protocol}
folds: 10
seed: 1

# without this key: all of them
classifiers: [{classifiers}]

limits:
  task_seconds: 3600  # a task that takes longer is ended and recorded as timeout

"""
"""``Pipeline.study_start`` of a pipeline that has no more to say."""
