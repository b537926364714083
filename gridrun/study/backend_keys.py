"""Keys of ``study.yaml`` that a backend adds: where and how it runs a study.

A backend's package registers each under the entry point group ``gridrun.study_keys``,
by the name of the key. It is loaded for studies that have the key. What it says becomes
``Study.backend_options[backend]``; no result depends on it, so no fingerprint knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from gridrun.documents.tree import Node
from gridrun.errors import EnvironmentFault, Fault, InputError
from gridrun.pipeline import InputRole, inputs_lacking
from gridrun.study._reader import KeyReader
from gridrun.study._section import Section

GROUP = "gridrun.study_keys"


@dataclass(frozen=True)
class BackendValue:
    """The value of a backend's key, as read.

    Args:
        settings: For the backend's factory.
        notes: What was accepted but is worth saying.
        inputs_elsewhere: Role to the display name of its place, for inputs that the backend has
            read where they are; empty where the study's own ``inputs`` name them.
    """

    settings: Any
    notes: tuple[Fault, ...] = ()
    inputs_elsewhere: Mapping[str, str] = field(default_factory=dict)


def _anything(inputs: Mapping[str, InputRole]) -> Mapping[str, Any]:
    """The schema of a key of which editors know nothing."""
    del inputs
    return {}


@dataclass(frozen=True)
class BackendKey:
    """One key.

    Args:
        backend: Name of the backend, as registered under ``gridrun.backends``.
        description: One sentence on what the key says.
        read: Called with the node behind the key, the study file as the user named it,
            and the inputs of the pipeline by role. Raises ``InputError`` with every fault.
        default: Settings of a study without the key, by its file; raises ``UserError``
            where a study needs it.
        inputs_key: Setting below the key that names inputs which stay elsewhere, or empty.
        command: What a person types to have such inputs read, or empty.
        schema: Called with the inputs of the pipeline; JSON Schema of what ``read`` accepts, for
            editors.
    """

    backend: str
    description: str
    read: Callable[[Node, Path, Mapping[str, InputRole]], BackendValue]
    default: Callable[[Path], Any]
    inputs_key: str = ""
    command: str = ""
    schema: Callable[[Mapping[str, InputRole]], Mapping[str, Any]] = _anything


def backend_keys(taken: Collection[str] = ()) -> dict[str, EntryPoint]:
    """The keys that installed packages bring, by name; none is loaded.

    Args:
        taken: Keys of the core and of the pipeline.

    Raises:
        EnvironmentFault: A key is one of those, or two packages bring it.
    """
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        if entry.name in taken:
            raise EnvironmentFault(
                f'the package {package_of(entry)} brings the key "{entry.name}" of studies, which '
                "gridrun or the pipeline has already",
                todo="uninstall it, or have its key renamed",
            )
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise EnvironmentFault(
                f'the key "{entry.name}" of studies is brought by two packages: '
                f"{package_of(other)} and {package_of(entry)}",
                todo="uninstall one of them",
            )
    return found


def load_backend_key(entry: EntryPoint) -> BackendKey:
    """The key behind an entry point.

    Raises:
        EnvironmentFault: Its package cannot be loaded.
    """
    try:
        return cast("BackendKey", entry.load())
    except (ImportError, AttributeError) as error:
        raise EnvironmentFault(
            f'the key "{entry.name}" of studies is brought by the package {package_of(entry)}, '
            f"which cannot be loaded: {error}",
            todo="install the package again, with its dependencies",
        ) from error


def settings_below(key: str, node: Node, file: Path, known: Sequence[str]) -> Section:
    """The settings that stand below a backend's key; none of them is read yet.

    Args:
        key: The key, which its page of the documentation is named after as well.
        node: What stands behind it.
        file: The study file as the user named it.
        known: Settings that there are.

    Raises:
        InputError: It is not a mapping.
    """
    reader = KeyReader(file)
    todo = f"known settings: {', '.join(known)}; see docs/{key}.md"
    entries = reader.entries(node, f'key "{key}"', todo, expected="settings")
    if entries is None:
        raise InputError(reader.faults)
    return Section(reader, entries, known, f"{key} setting")


def paths_elsewhere(settings: Section, inputs: Mapping[str, InputRole]) -> dict[str, str]:
    """Paths below the setting ``inputs``, as the machines that read them see them, by role.

    Empty where there is no such setting. Whether they are there is not known here.
    """
    advice = "inputs: {" + ", ".join(f"{role}: PATH" for role in inputs) + "}"
    inner = settings.inner("inputs", tuple(inputs), "input", advice)
    if inner is None:
        return {}
    if missing := inputs_lacking(inputs, inner.nodes):
        text = f"inputs lacks {', '.join(missing)}"
        settings.reader.fault(text, settings.nodes["inputs"], advice)
    return {role: str(path) for role, path in inner.files(inputs, Section.path).items()}


def package_of(entry: EntryPoint) -> str:
    """Display name of the installed package that brings an entry point."""
    return entry.dist.name if entry.dist is not None else entry.module
