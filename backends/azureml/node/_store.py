"""A datastore as a child sees it: inputs come from it, blocks' tables go to it and come back.

Runs on a node, in the image, under the child's own sign-in.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.azureml.settings import AzureData
from backends.azureml.stamps import Stamp, is_same, stamp_of
from gridrun.errors import EnvironmentFault
from gridrun.plan.fingerprint import digest_of_file
from gridrun.shard import ARTIFACTS, open_shard
from gridrun.shard.remote_inputs import ReadingReport, stub_from


def data_of(path: Path) -> AzureData:
    """Where the data are, as it travels beside the shards."""
    return AzureData(**json.loads(path.read_text("utf-8")))


def bring_inputs(data: AzureData, directory: Path) -> tuple[dict[str, Path], list[str]]:
    """Copy the inputs to the node.

    Returns:
        Role to file, and the roles of those that are not in the datastore.
    """
    store = _datastore(data.datastore)
    found = {role: _download(store, path, directory / role) for role, path in data.inputs.items()}
    there = {role: path for role, path in found.items() if path is not None}
    return there, [role for role in found if role not in there]


def stamps_of(data: AzureData) -> dict[str, Stamp]:
    """Role to what the datastore says of its input."""
    store = _datastore(data.datastore)
    return {role: stamp_of(store, path) for role, path in data.inputs.items()}


def changed(before: Mapping[str, Stamp], now: Mapping[str, Stamp]) -> list[str]:
    """Roles whose inputs are not what they were."""
    return [role for role in before if not is_same(before[role], now[role])]


def put_blocks(data: AzureData, report: ReadingReport, directory: Path) -> None:
    """Keep the tables of the blocks beside the inputs, each under its checksum."""
    store = _datastore(data.datastore)
    with tempfile.TemporaryDirectory(dir=directory) as name:
        for block in report.blocks:
            if block.artifact:
                (directory / block.artifact).replace(Path(name) / block.checksum)
        files = [str(path) for path in sorted(Path(name).iterdir())]
        if files:
            store.upload_files(
                files,
                relative_root=name,
                target_path=_folder(data),
                overwrite=True,
                show_progress=False,
            )


def bring_blocks(data: AzureData, archive: Path, number: int, place: Path) -> int:
    """Put a shard's archive and its tables, in the place of their stubs, into a directory.

    Args:
        data: Where the data are.
        archive: Of shards, with stubs beside it.
        number: Which shard.
        place: The directory; on the node's own disk.

    Returns:
        How many tables were brought.

    Raises:
        EnvironmentFault: One is not there, or not what its stub says.
    """
    shutil.copyfile(archive, place / archive.name)
    (place / ARTIFACTS).mkdir()
    wanted = sorted({unit.artifact for unit in open_shard(archive, number).units if unit.artifact})
    store = _datastore(data.datastore) if wanted else None
    for artifact in wanted:
        stub = stub_from((archive.parent / ARTIFACTS / artifact).read_bytes())
        assert stub is not None, "with data elsewhere nothing but stubs travels"
        path = f"{_folder(data)}/{stub.checksum}"
        found = _download(store, path, place / "brought")
        if found is None or digest_of_file(found) != stub.checksum:
            verdict = "is not there" if found is None else "is not what was made"
            raise EnvironmentFault(
                f"the tables of a block are missing: {path} {verdict}",
                where=f"datastore {data.datastore}",
                todo="have the inputs read again: gridrun azure STUDY --read-again",
            )
        found.replace(place / ARTIFACTS / artifact)
    return len(wanted)


def _folder(data: AzureData) -> str:
    return f"{data.folder}/blocks".lstrip("/")


def _datastore(name: str) -> Any:
    from azureml.core import Datastore, Run

    workspace = Run.get_context(allow_offline=False).experiment.workspace
    try:
        return Datastore.get(workspace, name)
    except Exception as error:
        text = " ".join(str(getattr(error, "message", None) or error).split())[:300]
        raise EnvironmentFault(
            f"it cannot be opened: {text}",
            where=f"datastore {name}",
            todo="check that the workspace has a datastore of this name, and that the compute "
            "cluster may read it",
        ) from error


def _download(store: Any, path: str, directory: Path) -> Path | None:
    """A file of a datastore; None where it is not there."""
    directory.mkdir(parents=True, exist_ok=True)
    # everything whose name begins so comes along, an index beside a table for example
    store.download(str(directory), prefix=path, overwrite=True, show_progress=False)
    found = directory / path
    return found if found.is_file() else None


def places(data: AzureData) -> Mapping[str, str]:
    """Role to the display name of its input's place."""
    return {role: data.place(role) for role in data.inputs}
