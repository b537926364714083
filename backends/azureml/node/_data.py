"""What a child does with data that stay in a datastore, whichever way it gets there."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from backends.azureml.mounts import mounts_in
from backends.azureml.node._mounts import Mounts
from backends.azureml.node._store import Datastore
from backends.azureml.settings import AzureData
from backends.azureml.stamps import Stamp, is_same
from gridrun.errors import EnvironmentFault
from gridrun.plan.fingerprint import digest_of_file
from gridrun.shard import ARTIFACTS, open_shard
from gridrun.shard.remote_inputs import ReadingReport, stub_from

Store = Datastore | Mounts
STAMPS = Path("stamps.json")


def data_of(path: Path) -> AzureData:
    """Where the data are, as it travels beside the shards."""
    return AzureData(**json.loads(path.read_text("utf-8")))


def store_of(data: AzureData, arguments: Sequence[str]) -> Store:
    """The way to the data: what the arguments say is mounted, else the SDK of the image.

    Raises:
        EnvironmentFault: The datastore cannot be opened.
    """
    places = mounts_in(arguments)
    return Mounts(data, places, STAMPS) if places else Datastore(data)


def bring_inputs(
    store: Store, data: AzureData, directory: Path
) -> tuple[dict[str, Path], list[str]]:
    """Copy the inputs to the node.

    Returns:
        Role to file, and the roles of those that are not in the datastore.
    """
    found = {role: store.bring_input(role, directory / role) for role in data.inputs}
    there = {role: path for role, path in found.items() if path is not None}
    return there, [role for role in found if role not in there]


def changed(before: Mapping[str, Stamp], now: Mapping[str, Stamp]) -> list[str]:
    """Roles whose inputs are not what they were."""
    return [role for role in before if not is_same(before[role], now[role])]


def put_blocks(store: Store, report: ReadingReport, directory: Path) -> None:
    """Keep the tables of the blocks beside the inputs, each under its checksum."""
    with tempfile.TemporaryDirectory(dir=directory) as name:
        for block in report.blocks:
            if block.artifact:
                (directory / block.artifact).replace(Path(name) / block.checksum)
        store.put_blocks(sorted(Path(name).iterdir()))


def bring_blocks(
    data: AzureData, arguments: Sequence[str], archive: Path, number: int, place: Path
) -> int:
    """Put a shard's archive and its tables, in the place of their stubs, into a directory.

    Args:
        data: Where the data are.
        arguments: Of the child.
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
    store = store_of(data, arguments) if wanted else None
    for artifact in wanted:
        stub = stub_from((archive.parent / ARTIFACTS / artifact).read_bytes())
        assert stub is not None, "with data elsewhere nothing but stubs travels"
        assert store is not None
        found = store.bring_block(stub.checksum, place / "brought")
        if found is None or digest_of_file(found) != stub.checksum:
            verdict = "is not there" if found is None else "is not what was made"
            path = f"{data.folder}/blocks/{stub.checksum}".lstrip("/")
            raise EnvironmentFault(
                f"the tables of a block are missing: {path} {verdict}",
                where=f"datastore {data.datastore}",
                todo="have the inputs read again: gridrun azure STUDY --read-again",
            )
        found.replace(place / ARTIFACTS / artifact)
    return len(wanted)


def places(data: AzureData) -> Mapping[str, str]:
    """Role to the display name of its input's place."""
    return {role: data.place(role) for role in data.inputs}
