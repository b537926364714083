"""What each of the core's keys of ``study.yaml`` may hold. Rules here, reading in ``_study``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrun.documents.tree import Entries, Node, known_list
from gridrun.pipeline import (
    InputRole,
    Pipeline,
    default_classifiers,
    inputs_lacking,
    refused_classifier,
)
from gridrun.plan.selection import DESIGNS, RANDOM
from gridrun.plan.units import Limits
from gridrun.study._reader import KeyReader
from gridrun.study._section import Section

KEYS = (
    "inputs",
    "grid",
    "folds",
    "seed",
    "protocol",
    "classifiers",
    "limits",
    "sample",
    "rows",
    "report",
)
"""Keys of ``study.yaml`` that the core reads; the pipeline and backends may have more."""

MOST_FOLDS = 10_000
LEAST_READ_BYTES = 1 << 29
"""Below half a gigabyte hardly a row has room beside Python, its libraries and a chunk of text."""
MOST_SEED = 2**31 - 1
"""R's largest seed."""


def read_study_keys(
    reader: KeyReader,
    root: Entries,
    parameters: Sequence[str],
    added: Sequence[str],
    packages: Mapping[str, str],
) -> Section:
    """The study's keys; parameters that stand outside ``grid`` are shown where to go.

    Args:
        reader: Takes the faults.
        root: The study.
        parameters: Names of the pipeline's parameters.
        added: Names of the keys that the pipeline adds.
        packages: Key that a backend adds to the package that brings it.
    """
    known = (*KEYS, *added, *packages)
    also = [name for name in parameters if name not in known]
    brought = ", ".join(f"{name} ({package})" for name, package in packages.items())
    hint = f"keys of backends come with their package; installed: {brought or 'none'}"
    section = Section(reader, root, known, "key", also=also, hint=hint)
    strays = [name for name in section.keys if name in also]
    if strays:
        reader.fault(
            f"parameters of the grid are among the study's keys: {known_list(strays, 3)}",
            section.keys[strays[0]],
            "put them below the key grid, or give the path of a grid file there: "
            "grid: parameter_grid.json",
        )
    return section


def read_classifiers(
    reader: KeyReader, node: Node, pipeline: Pipeline, protocol: str
) -> tuple[str, ...]:
    """Classifiers in the pipeline's order, whatever order they are given in.

    Args:
        reader: Takes faults and notes.
        node: The node.
        pipeline: The pipeline.
        protocol: The study's protocol; empty where none is known.
    """
    key = 'key "classifiers"'
    known, default = pipeline.classifiers, default_classifiers(pipeline)
    if not node.items:
        limited = [name for name in known if name not in default]
        named = f"; {known_list(limited)} where it is named" if limited else ""
        reader.fault(
            f"{key} has an empty list, so nothing would be trained",
            node,
            f"known values: {known_list(default)}; without the key all of them run{named}",
        )
    given: list[str] = []
    for item in node.items:
        name = reader.word(key, item, known)
        if name in given:
            reader.note(f'{key} has "{name}" more than once; it is counted once', item)
        elif name is not None:
            given.append(name)
            refused = refused_classifier(pipeline, name, protocol)
            if refused is not None:
                message, todo = refused
                reader.fault(f'{key} has "{name}", {message}', item, todo)
    return tuple(name for name in known if name in given)


def read_inputs(reader: KeyReader, node: Node, inputs: Mapping[str, InputRole]) -> dict[str, Path]:
    """Role of each file to path: as given if absolute, else from the study file's directory.

    Whether the files are there is for the pipeline to check.
    """
    advice = "give " + ", ".join(f"{role}: PATH" for role, it in inputs.items() if not it.many)
    entries = reader.entries(node, 'key "inputs"', advice, expected="paths")
    if entries is None:
        return {}
    section = Section(reader, entries, tuple(inputs), "input")
    for role, todo in inputs_lacking(inputs, section.nodes).items():
        reader.fault(f'input "{role}" is missing below "inputs"', node, todo)
    return section.files(inputs, Section.path)


def read_limits(reader: KeyReader, node: Node) -> Limits:
    """What one task may use, and the reading of the inputs."""
    advice = "give task_seconds: SECONDS, read: {memory: SIZE} or both, or remove the key"
    entries = reader.entries(node, 'key "limits"', advice, expected="limits")
    if entries is None:
        return Limits()
    section = Section(reader, entries, ("task_seconds", "read", "mem_mb"), "limit")
    if "mem_mb" in section.keys:
        reader.fault(
            'limit "mem_mb" is of a later version: this one does not watch memory',
            section.keys["mem_mb"],
            "remove it; task_seconds can be given, and read: {memory: SIZE}",
        )
    allowed = "a number of seconds above 0; without the key there is no limit"
    stage = section.inner(
        "read", ("memory",), "limit of read", "give read: {memory: 1.5 GB}", expected="a size"
    )
    size = stage.size("memory", LEAST_READ_BYTES) if stage is not None else None
    return Limits(
        task_seconds=section.number("task_seconds", allowed=allowed),
        read_bytes=size or Limits().read_bytes,
    )


@dataclass(frozen=True)
class SampleKey:
    """What the key ``sample`` says.

    Args:
        design: How blocks are drawn.
        combinations: How many combinations to draw, or None.
        blocks: How many blocks to draw, or None.
    """

    design: str = RANDOM
    combinations: int | None = None
    blocks: int | None = None


def read_sample(keys: Section) -> SampleKey:
    """What to draw of the grid: a number of combinations, or a design and how much of it."""
    node = keys.nodes.get("sample")
    if not isinstance(node, Entries):
        why = "of combinations; or {design: balanced, blocks: N}"
        return SampleKey(combinations=keys.whole("sample", 1, why=why))
    section = Section(keys.reader, node, ("design", "blocks", "combinations"), "key of sample")
    if len({"blocks", "combinations"} & section.keys.keys()) != 1:
        both = "both blocks and combinations" if "blocks" in section.keys else "no number"
        keys.reader.fault(
            f'key "sample" has {both}',
            node,
            "give one of the two, as in sample: {design: balanced, blocks: 200}",
        )
    return SampleKey(
        design=section.word("design", DESIGNS) or RANDOM,
        combinations=section.whole("combinations", 1),
        blocks=section.whole("blocks", 1),
    )
