"""The key ``slurm`` of ``study.yaml``: which jobs a study asks Slurm for."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gridrun.documents.tree import Leaf, Node
from gridrun.pipeline import InputRole
from gridrun.shard.queue import LEASE_SECONDS
from gridrun.store.paths import StudyPaths
from gridrun.study import Section
from gridrun.study.backend_keys import BackendKey, BackendValue, paths_elsewhere, settings_below
from gridrun.study.schema_parts import (
    SIZE,
    Schema,
    input_files,
    inputs_together,
    mapping,
    number,
    settings,
)

_WHOLE: Callable[[Section, str], Any] = partial(Section.whole, least=1)
_PLAIN: Mapping[str, Callable[[Section, str], Any]] = {
    "path": Section.path,
    "shared_disk": Section.switch,
    "node_path": Section.text,
    "partition": Section.text,
    "account": Section.text,
    "qos": Section.text,
    "cpus": _WHOLE,
    "max_array": _WHOLE,
    "max_running": _WHOLE,
    "max_queued": _WHOLE,
    "notice_minutes": Section.number,
    "shard_minutes": Section.number,
    "setup": Section.text,
    "python": Section.text,
    "lease_seconds": Section.number,
    "poll_seconds": Section.number,
    "hourly_rate": Section.number,
}
_KEYS = (*_PLAIN, "hours", "memory", "options", "inputs")
_NAME = "slurm"
"""Folder beside the study file that takes shards where no other is named."""

OWN_OPTIONS: Mapping[str, str] = {
    "array": "max_array, max_running",
    "a": "max_array, max_running",
    "account": "account",
    "A": "account",
    "partition": "partition",
    "p": "partition",
    "qos": "qos",
    "q": "qos",
    "time": "hours",
    "t": "hours",
    "mem": "memory",
    "mem-per-cpu": "memory",
    "cpus-per-task": "cpus",
    "c": "cpus",
    **dict.fromkeys(("job-name", "J", "output", "o", "error", "e", "chdir", "D", "input", "i"), ""),
    **dict.fromkeys(("signal", "parsable", "wrap", "requeue", "no-requeue", "open-mode"), ""),
    **dict.fromkeys(("ntasks", "n", "nodes", "N"), ""),
}
"""Options of sbatch that gridrun gives, with the setting to use for it where there is one."""

T = TypeVar("T")


@dataclass(frozen=True)
class Bounds:
    """What an estimate may not leave; with both equal it is no estimate any more.

    Args:
        least: Lower bound.
        most: Upper bound, or None.
    """

    least: float
    most: float | None = None

    def keep(self, value: float) -> float:
        """The value within the bounds; the upper one has precedence."""
        return min(max(value, self.least), self.most if self.most is not None else math.inf)


@dataclass(frozen=True)
class SlurmSettings:
    """Which jobs a study asks for.

    Args:
        path: Folder of the shards, which the nodes see if the disk is shared.
        partition: Name, or empty for the cluster's default.
        account: The same.
        qos: The same.
        hours: Bounds of a job's time limit.
        memory: Bounds of a job's memory, in bytes.
        cpus: Processors of a job: so many workers run in it.
        max_array: Most tasks of a job array; None for what Slurm allows.
        max_running: Most tasks of an array at once; None for what Slurm gives.
        max_queued: Most array tasks in the queue at once; None for any number.
        notice_minutes: How long before a job's time limit no other task of the study is begun.
        shard_minutes: Estimated length of a shard.
        options: Further options of sbatch.
        setup: Lines of bash that come before gridrun in a job.
        python: Words that start a Python with gridrun on a node; None for the one that runs here.
        lease_seconds: After which a silent worker's shard is free, and files are no longer late.
        poll_seconds: Between two looks, for who waits.
        hourly_rate: Price of a job for an hour, in whatever currency, or None.
        shared_disk: Whether the nodes see the folder.
        node_path: Where a node keeps shards on its own disk if they do not.
        memo: Where the study remembers in which folder it put what, or None.
    """

    path: Path
    partition: str = ""
    account: str = ""
    qos: str = ""
    hours: Bounds = Bounds(1.0, 24.0)
    memory: Bounds = Bounds(2e9)
    cpus: int = 1
    max_array: int | None = None
    max_running: int | None = None
    max_queued: int | None = None
    notice_minutes: float = 5.0
    shard_minutes: float = 30.0
    options: tuple[str, ...] = ()
    setup: str = ""
    python: str | None = None
    lease_seconds: float = LEASE_SECONDS
    poll_seconds: float = 15.0
    hourly_rate: float | None = None
    shared_disk: bool = True
    node_path: str = "/tmp"  # noqa: S108 - each shard has a directory of this user alone below it
    memo: Path | None = None


def without_key(file: Path) -> SlurmSettings:
    """Settings of a study that has no such key."""
    directory = file.absolute().parent
    return SlurmSettings(directory / _NAME, memo=StudyPaths(directory).sweeps)


def read_slurm(node: Node, file: Path, inputs: Mapping[str, InputRole]) -> BackendValue:
    """The settings behind the key ``slurm``; see ``gridrun.study.backend_keys``.

    Raises:
        InputError: With every fault.
    """
    section = settings_below("slurm", node, file, _KEYS)
    found = section.given(_PLAIN)
    plain = without_key(file)
    for key, read in (("hours", Section.number), ("memory", Section.size)):
        if key in section.nodes:
            found[key] = _bounds(section, key, read, getattr(plain, key))
    if "options" in section.nodes:
        found["options"] = _options(section)
    paths = paths_elsewhere(section, inputs)
    _check_node_path(section, found)
    return BackendValue(replace(plain, **found), section.reader.finish(), paths)


def _check_node_path(section: Section, found: Mapping[str, Any]) -> None:
    """What goes together with nodes that have no shared disk, and what does not."""
    if not (node_path := Path(found.get("node_path", "/"))).is_absolute():
        advice = "give the directory as each node has it: node_path: /scratch"
        section.reader.fault(
            f"{node_path} is no path from the root", section.nodes["node_path"], advice
        )
    if "node_path" in found and found.get("shared_disk", True):
        advice = "add shared_disk: no, or remove it"
        section.reader.fault(
            "node_path is for nodes without a shared disk", section.nodes["node_path"], advice
        )
    if "inputs" in section.nodes and not found.get("shared_disk", True):
        section.reader.fault(
            "inputs that a job reads need a disk that all nodes see",
            section.nodes["inputs"],
            "have them read here: inputs of the study, and none below slurm",
        )


def _bounds(
    section: Section, key: str, read: Callable[[Section, str], float | None], plain: Bounds
) -> Bounds:
    """One value, or its bounds."""
    if isinstance(section.nodes[key], Leaf):
        value = read(section, key)
        return Bounds(value, value) if value is not None else plain
    advice = f"give {key}: VALUE, or {key}: {{least: VALUE, most: VALUE}}"
    inner = section.inner(key, ("least", "most"), f"bound of {key}", advice, expected="bounds")
    if inner is None:
        return plain
    found = {name: value for name in inner.nodes if (value := read(inner, name)) is not None}
    bounds = replace(plain, **found)
    if bounds.most is not None and bounds.least > bounds.most:
        if set(inner.nodes) == {"least", "most"}:
            section.reader.fault(f'the least of "{key}" is more than the most', section.nodes[key])
        # where one was given the other one makes room
        return Bounds(bounds.most, bounds.most) if "most" in found else Bounds(bounds.least)
    return bounds


def _options(section: Section) -> tuple[str, ...]:
    """Words of further options; those that gridrun gives are refused."""
    node = section.nodes["options"]
    text = section.text("options") or ""
    try:
        words = shlex.split(text)
    except ValueError as error:
        section.reader.fault(f"the options are not whole: {error}", node, "close the quotation")
        return ()
    for word in words:
        name = word[2:].partition("=")[0] if word.startswith("--") else word[1:2]
        if word.startswith("-") and name in OWN_OPTIONS:
            own = OWN_OPTIONS[name]
            advice = f"use the setting {own}" if own else "remove it"
            section.reader.fault(f"gridrun gives the option {word} of sbatch itself", node, advice)
    return tuple(words)


def schema_of_slurm(inputs: Mapping[str, InputRole]) -> Schema:
    """What :func:`read_slurm` accepts, for editors."""
    files = mapping(input_files(inputs), **inputs_together(inputs))

    def bounds(value: Schema) -> Schema:
        return {"anyOf": [value, mapping({"least": value, "most": value})]}

    return mapping(
        {
            **settings({**_PLAIN, "options": Section.text}),
            "hours": bounds(number()),
            "memory": bounds(SIZE),
            "inputs": files,
        }
    )


KEY = BackendKey(
    backend="slurm",
    description="Which jobs the study asks Slurm for.",
    read=read_slurm,
    default=without_key,
    inputs_key="inputs",
    command="gridrun slurm",
    schema=schema_of_slurm,
)
