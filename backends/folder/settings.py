"""The key ``folder`` of ``study.yaml``: where shards are written, and how long they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrun.documents.tree import Entries, Node, kind_of
from gridrun.errors import Fault, InputError
from gridrun.shard.queue import LEASE_SECONDS
from gridrun.store.paths import StudyPaths
from gridrun.study import KeyReader, Section
from gridrun.study.backend_keys import BackendKey, BackendValue

_KEYS = ("path", "inputs", "shard_minutes", "workers", "lease_seconds", "poll_seconds")
_NAME = "shards"
"""Folder beside the study file that takes shards where no other is named."""

SHARD_MINUTES = 10.0
WORKERS = 8
POLL_SECONDS = 5.0


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
    shard_minutes: float = SHARD_MINUTES
    workers: int = WORKERS
    lease_seconds: float = LEASE_SECONDS
    poll_seconds: float = POLL_SECONDS
    memory: Path | None = None


def without_key(file: Path) -> FolderSettings:
    """Settings of a study that has no such key."""
    directory = file.absolute().parent
    return FolderSettings(directory / _NAME, memory=StudyPaths(directory).sweeps)


def read_folder(node: Node, file: Path, roles: Sequence[str]) -> BackendValue:
    """The settings behind the key ``folder``; see ``gridrun.study.backend_keys``.

    Raises:
        InputError: With every fault.
    """
    usual = without_key(file)
    if not isinstance(node, Entries):
        message = f'key "folder" has {kind_of(node)}, expected settings'
        todo = f"known settings: {', '.join(_KEYS)}; see docs/folder.md"
        raise InputError([Fault(file, message, node.line, todo)])
    reader = KeyReader(file)
    section = Section(reader, node, _KEYS, "folder setting")
    settings = FolderSettings(
        section.path("path") or usual.path,
        section.number("shard_minutes", SHARD_MINUTES) or SHARD_MINUTES,
        section.whole("workers", WORKERS, 1) or WORKERS,
        section.number("lease_seconds", LEASE_SECONDS) or LEASE_SECONDS,
        section.number("poll_seconds", POLL_SECONDS) or POLL_SECONDS,
        usual.memory,
    )
    inputs = _read_inputs(reader, section, roles) if section.has("inputs") else {}
    if reader.faults:
        raise InputError(reader.faults)
    return BackendValue(settings, tuple(reader.notes), inputs)


def _read_inputs(reader: KeyReader, section: Section, roles: Sequence[str]) -> dict[str, str]:
    """Paths of inputs as the workers see them; those of other machines are not looked at."""
    node = section.at("inputs")
    advice = "inputs: {" + ", ".join(f"{role}: PATH" for role in roles) + "}"
    if not isinstance(node, Entries):
        reader.fault(f'folder setting "inputs" has {kind_of(node)}', node, advice)
        return {}
    inner = Section(reader, node, roles, "input")
    missing = [role for role in roles if not inner.has(role)]
    if missing:
        reader.fault(f"inputs lacks {', '.join(missing)}", node, advice)
    return {role: str(path) for role in roles if (path := inner.path(role)) is not None}


KEY = BackendKey(
    backend="folder",
    description="Where shards are written for workers to find.",
    read=read_folder,
    default=without_key,
    inputs_key="inputs",
    command="gridrun shards",
)
