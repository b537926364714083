"""The key ``folder`` of ``study.yaml``: where shards are written, and how long they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from gridrun.documents.tree import Node
from gridrun.pipeline import InputRole
from gridrun.shard.queue import LEASE_SECONDS
from gridrun.store.paths import StudyPaths
from gridrun.study import Section
from gridrun.study.backend_keys import BackendKey, BackendValue, paths_elsewhere, settings_below
from gridrun.study.schema_parts import Schema, input_files, inputs_together, mapping, settings

_PLAIN: Mapping[str, Callable[[Section, str], Any]] = {
    "path": Section.path,
    "shard_minutes": Section.number,
    "workers": partial(Section.whole, least=1),
    "lease_seconds": Section.number,
    "poll_seconds": Section.number,
}
_KEYS = ("path", "inputs", *list(_PLAIN)[1:])
_NAME = "shards"
"""Folder beside the study file that takes shards where no other is named."""


@dataclass(frozen=True)
class FolderSettings:
    """Where and how shards are written.

    Args:
        path: The folder.
        shard_minutes: Estimated length of a shard on one processor.
        workers: About how many processors will run shards; work is cut fine enough for them.
        lease_seconds: A shard whose worker is silent for so long is free again.
        poll_seconds: Between two looks, for who waits.
        memory: Where the study remembers in which folder it put what, or None.
    """

    path: Path
    shard_minutes: float = 10.0
    workers: int = 8
    lease_seconds: float = LEASE_SECONDS
    poll_seconds: float = 5.0
    memory: Path | None = None


def without_key(file: Path) -> FolderSettings:
    """Settings of a study that has no such key."""
    directory = file.absolute().parent
    return FolderSettings(directory / _NAME, memory=StudyPaths(directory).sweeps)


def read_folder(node: Node, file: Path, inputs: Mapping[str, InputRole]) -> BackendValue:
    """The settings behind the key ``folder``; see ``gridrun.study.backend_keys``.

    Raises:
        InputError: With every fault.
    """
    section = settings_below("folder", node, file, _KEYS)
    found = section.given(_PLAIN)
    paths = paths_elsewhere(section, inputs)
    return BackendValue(replace(without_key(file), **found), section.reader.finish(), paths)


def schema_of_folder(inputs: Mapping[str, InputRole]) -> Schema:
    """What :func:`read_folder` accepts, for editors."""
    files = mapping(input_files(inputs), **inputs_together(inputs))
    return mapping({**settings(_PLAIN), "inputs": files})


KEY = BackendKey(
    backend="folder",
    description="Where shards are written for workers to find.",
    read=read_folder,
    default=without_key,
    inputs_key="inputs",
    command="gridrun shards",
    schema=schema_of_folder,
)
