"""A datastore as a child sees it that has SDK v1: inputs come from it, blocks' tables go there.

Runs on a node, in the image, under the child's own sign-in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from backends.azureml.sdk.secrets import without_secrets
from backends.azureml.settings import AzureData
from backends.azureml.stamps import Stamp, blob_of, stamp_of
from gridrun.errors import EnvironmentFault, UserError


class Datastore:
    """Copies from and to a datastore; ``_mounts.Mounts`` has the same methods.

    Args:
        data: Where the data are.

    Raises:
        EnvironmentFault: It cannot be opened, or later: a file cannot be copied.
    """

    def __init__(self, data: AzureData) -> None:
        self._data = data
        self._store = _opened(data.datastore)

    def stamps(self) -> dict[str, Stamp]:
        """Role to what the datastore says of its input."""
        found = {}
        for role, path in self._data.inputs.items():
            with self._explained(path, "be asked for"):
                found[role] = stamp_of(blob_of(self._store, path))
        return found

    def bring_input(self, role: str, directory: Path) -> Path | None:
        """Copy an input to the node; None where it is not there."""
        return self._download(self._data.inputs[role], directory)

    def bring_block(self, checksum: str, directory: Path) -> Path | None:
        """Copy the tables of a block to the node; None where they are not there."""
        return self._download(f"{self._folder}/{checksum}", directory)

    def put_blocks(self, files: Sequence[Path]) -> None:
        """Keep the tables of blocks, which lie in one directory, under their names."""
        # the SDK's own upload logs what fails, and goes on; so does its download
        for path in files:
            name = f"{self._folder}/{path.name}"
            with self._explained(name, "be put there"), path.open("rb") as file:
                blob_of(self._store, name).upload_blob(file, overwrite=True)

    @property
    def _folder(self) -> str:
        return f"{self._data.folder}/blocks".lstrip("/")

    def _download(self, path: str, directory: Path) -> Path | None:
        found = directory / path
        with self._explained(path, "be copied to the node"):
            blob = blob_of(self._store, path)
            if not blob.exists():
                return None
            found.parent.mkdir(parents=True, exist_ok=True)
            with found.open("wb") as file:
                blob.download_blob().readinto(file)
        return found

    @contextlib.contextmanager
    def _explained(self, path: str, doing: str) -> Iterator[None]:
        """Have what the storage refuses be a fault that names the file."""
        from azure.core.exceptions import AzureError

        try:
            yield
        except AzureError as error:
            text = without_secrets(" ".join(error.message.split()))[:300]
            raise EnvironmentFault(
                f"it cannot {doing}: {text}",
                where=f"datastore {self._data.datastore}: {path}",
                todo="run the same command again; if that does not help, check that the workspace "
                "has the present key of the datastore's storage account, and that its firewall "
                "lets the compute cluster in",
            ) from error


def _opened(name: str) -> Any:
    from azureml.core import Datastore as SdkDatastore
    from azureml.core import Run

    workspace = Run.get_context(allow_offline=False).experiment.workspace
    try:
        return SdkDatastore.get(workspace, name)
    except Exception as error:
        text = " ".join(str(getattr(error, "message", None) or error).split())[:300]
        # the SDK raises what the service answered in the course of another exception
        answers = [getattr(each, "response", None) for each in (error, error.__context__)]
        statuses = {getattr(answer, "status_code", None) for answer in answers}
        is_missing = HTTPStatus.NOT_FOUND in statuses  # a name of the study, as under SDK v2
        raise (UserError if is_missing else EnvironmentFault)(
            f"it cannot be opened: {text}",
            where=f"datastore {name}",
            todo="check that the workspace has a datastore of this name, and that the compute "
            "cluster may read it",
        ) from error
