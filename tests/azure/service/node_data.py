"""Data of jobs on a node: inputs are brought there, named outputs go to their datastore."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .state import ARTIFACT_CONTAINER, State

_URI = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resource[gG]roups/[^/]+(?:/providers/[^/]+)?"
    r"/workspaces/[^/]+/)?datastores/(?P<store>[^/]+)/paths/(?P<path>.*)"
)
LITERAL = "literal"


class DataTrouble(Exception):
    """Why a job cannot have its data; the text is the job's error."""


def place_of(state: State, uri: str) -> tuple[str, str]:
    """Container and path of a uri of a datastore.

    Raises:
        DataTrouble: It is none, or the datastore is not known.
    """
    found = _URI.fullmatch(uri)
    container = container_of(state, found["store"]) if found else None
    if found is None or container is None:
        message = f"DataAccessError(NotFound): {uri} leads to no datastore of the workspace"
        raise DataTrouble(message)
    return container, found["path"]


def container_of(state: State, datastore: str) -> str | None:
    """The container of a datastore; None if there is none of that name."""
    if datastore == "workspaceartifactstore":
        return ARTIFACT_CONTAINER
    return state.datastores.get(datastore)


def bring_inputs(state: State, inputs: dict[str, Any], root: Path) -> dict[str, str]:
    """Put the inputs of a job on its node.

    Args:
        state: The service's state.
        inputs: The job's inputs as they were sent.
        root: Takes a directory for each.

    Returns:
        Name to what stands for it in the command line: a path, or the value of a literal.

    Raises:
        DataTrouble: An input is not there.
    """
    values = {}
    for name, wanted in inputs.items():
        if wanted["jobInputType"] == LITERAL:
            values[name] = str(wanted["value"])
            continue
        if (wanted.get("mode") or "ReadOnlyMount") == "Direct":
            values[name] = wanted["uri"]
            continue
        values[name] = str(_bring(state, wanted["uri"], wanted["jobInputType"], root / name))
    return values


def _bring(state: State, uri: str, kind: str, directory: Path) -> Path:
    container, path = place_of(state, uri)
    prefix = path if not path or path.endswith("/") else f"{path}/"
    directory.mkdir(parents=True)
    with state.changed:
        found = {
            name: blob.content
            for (where, name), blob in state.blobs.items()
            if where == container and (name == path or name.startswith(prefix))
        }
    if kind == "uri_file" and path in found:
        target = directory / Path(path).name
        target.write_bytes(found[path])
        return target
    if kind == "uri_file" or not found:
        message = f"DataAccessError(NotFound): the data at {uri} were not found"
        raise DataTrouble(message)
    for name, content in found.items():
        target = directory / (name[len(prefix) :] or Path(name).name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return directory


class NamedOutputs:
    """The folders of a job's named outputs on a node.

    Args:
        state: The service's state.
        outputs: The job's outputs as they were sent.
        root: Takes a directory for each.
        default: Where an output without a uri goes: a uri, to which its name is added.
    """

    def __init__(self, state: State, outputs: dict[str, Any], root: Path, default: str) -> None:
        self._state = state
        self._root = root
        self._places = {}
        self._mounted = set()
        for name, wanted in outputs.items():
            self._places[name] = place_of(state, wanted.get("uri") or f"{default}/{name}/")
            if (wanted.get("mode") or "ReadWriteMount") == "ReadWriteMount":
                self._mounted.add(name)
            (root / name).mkdir(parents=True)
        self._seen: dict[str, tuple[int, int]] = {}

    @property
    def values(self) -> dict[str, str]:
        """Name to the directory that stands for it in the command line."""
        return {name: str(self._root / name) for name in self._places}

    def capture(self, *, at_end: bool) -> None:
        """Store what lies in the mounted folders; at the job's end also in the others."""
        for name, (container, path) in self._places.items():
            if not at_end and name not in self._mounted:
                continue
            for file in sorted(file for file in (self._root / name).rglob("*") if file.is_file()):
                found = file.stat()
                now = (found.st_size, found.st_mtime_ns)
                if self._seen.get(str(file)) == now:
                    continue
                self._seen[str(file)] = now
                relative = file.relative_to(self._root / name).as_posix()
                blob = f"{path.rstrip('/')}/{relative}"
                self._state.put_blob(container, blob, file.read_bytes())
