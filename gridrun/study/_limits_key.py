"""The key ``limits``: what tasks may use, in one shape for all that can be limited."""

from __future__ import annotations

from dataclasses import replace

from gridrun.documents.tree import Entries, Node
from gridrun.pipeline import Pipeline
from gridrun.plan.limits import CLASSIFIER, Limit, Limits
from gridrun.study import schema_parts as parts
from gridrun.study._reader import KeyReader
from gridrun.study._section import Section

_TASK = "task"
_SECONDS = "task_seconds"
"""Short for the seconds of ``task``: the one limit that there was at first."""

_READ = "read"
_LEAST_READ_BYTES = 500_000_000
"""Below that hardly a row has room beside Python, its libraries and a chunk of text."""

_ADVICE = "give task: {seconds: SECONDS, memory: SIZE}, or remove the key"
_ALLOWED = "a number of seconds above 0"


def read_limits(reader: KeyReader, node: Node, pipeline: Pipeline) -> Limits:
    """What tasks may use, and the reading of the inputs.

    Args:
        reader: Takes the faults.
        node: Behind the key.
        pipeline: Of the study, with the values that the study adds.
    """
    entries = reader.entries(node, 'key "limits"', _ADVICE, expected="limits")
    if entries is None:
        return Limits()
    stages, values = _stages(pipeline), _values(pipeline)
    section = Section(reader, entries, (_TASK, _READ, *stages, _SECONDS, *values), "limit")
    of_tasks = [name for name in section.nodes if name not in (_SECONDS, _READ)]
    found = {name: _limit(section, name) for name in of_tasks}
    task = found.get(_TASK, Limit())
    if _SECONDS in section.nodes:
        seconds = section.number(_SECONDS, allowed=_ALLOWED)
        if task.seconds is not None:
            reader.fault(
                f'limit "{_SECONDS}" is short for the seconds of "{_TASK}", which are given too',
                section.keys[_SECONDS],
                "keep one of the two",
            )
        task = replace(task, seconds=seconds)
    reading = section.inner(_READ, ("memory",), "limit of read", "give memory: SIZE")
    read_bytes = reading.size("memory", _LEAST_READ_BYTES) if reading is not None else None
    return Limits(
        task,
        {name: limit for name, limit in found.items() if name in stages},
        {name: limit for name, limit in found.items() if name in values},
        read_bytes or Limits().read_bytes,
    )


def limits_schema(pipeline: Pipeline) -> parts.Schema:
    """What ``read_limits`` accepts.

    Args:
        pipeline: Of any study; values that a study adds are not known.
    """
    limit = parts.mapping({"seconds": parts.number(), "memory": parts.SIZE}, minProperties=1)
    reading = parts.mapping({"memory": parts.SIZE})
    named = dict.fromkeys((_TASK, *_stages(pipeline)), limit)
    names = "|".join((*(parameter.name for parameter in pipeline.parameters), CLASSIFIER))
    return parts.mapping(
        {**named, _READ: reading, _SECONDS: parts.number()},
        patternProperties={f"^({names})=": limit},
    )


def _stages(pipeline: Pipeline) -> list[str]:
    """Stages that run in tasks."""
    return [stage.name for stage in pipeline.stages if not stage.on_driver]


def _values(pipeline: Pipeline) -> list[str]:
    """What tasks may have in common, as ``Limits.values`` names it."""
    of_parameters = [
        f"{parameter.name}={value}"
        for parameter in pipeline.parameters
        for value in parameter.values
    ]
    return [*of_parameters, *(f"{CLASSIFIER}={name}" for name in pipeline.classifiers)]


def _limit(section: Section, name: str) -> Limit:
    node = section.nodes[name]
    todo = "give seconds: NUMBER, memory: SIZE, or both"
    inner = section.inner(name, ("seconds", "memory"), f"limit of {name}", todo, expected="limits")
    if inner is None:
        return Limit()
    if isinstance(node, Entries) and not node.pairs:
        section.reader.fault(f'limit "{name}" limits nothing', node, todo)
    return Limit(inner.number("seconds", allowed=_ALLOWED), inner.size("memory"))
