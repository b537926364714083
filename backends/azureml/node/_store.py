"""A datastore as a child sees it that has SDK v1: inputs come from it, blocks' tables go there.

Runs on a node, in the image, under the child's own sign-in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends.azureml.settings import AzureData
from backends.azureml.stamps import Stamp, blob_of, stamp_of
from gridrun.errors import EnvironmentFault


class Datastore:
    """Copies from and to a datastore; ``_mounts.Mounts`` has the same methods.

    Args:
        data: Where the data are.

    Raises:
        EnvironmentFault: It cannot be opened.
    """

    def __init__(self, data: AzureData) -> None:
        self._data = data
        self._store = _opened(data.datastore)

    def stamps(self) -> dict[str, Stamp]:
        """Role to what the datastore says of its input."""
        return {
            role: stamp_of(blob_of(self._store, path)) for role, path in self._data.inputs.items()
        }

    def bring_input(self, role: str, directory: Path) -> Path | None:
        """Copy an input to the node; None where it is not there."""
        return self._download(self._data.inputs[role], directory)

    def bring_block(self, checksum: str, directory: Path) -> Path | None:
        """Copy the tables of a block to the node; None where they are not there."""
        return self._download(f"{self._folder}/{checksum}", directory)

    def put_blocks(self, files: Sequence[Path]) -> None:
        """Keep the tables of blocks, which lie in one directory, under their names."""
        if files:
            self._store.upload_files(
                [str(path) for path in files],
                relative_root=str(files[0].parent),
                target_path=self._folder,
                overwrite=True,
                show_progress=False,
            )

    @property
    def _folder(self) -> str:
        return f"{self._data.folder}/blocks".lstrip("/")

    def _download(self, path: str, directory: Path) -> Path | None:
        directory.mkdir(parents=True, exist_ok=True)
        # everything whose name begins so comes along, an index beside a table for example
        self._store.download(str(directory), prefix=path, overwrite=True, show_progress=False)
        found = directory / path
        return found if found.is_file() else None


def _opened(name: str) -> Any:
    from azureml.core import Datastore as SdkDatastore
    from azureml.core import Run

    workspace = Run.get_context(allow_offline=False).experiment.workspace
    try:
        return SdkDatastore.get(workspace, name)
    except Exception as error:
        text = " ".join(str(getattr(error, "message", None) or error).split())[:300]
        raise EnvironmentFault(
            f"it cannot be opened: {text}",
            where=f"datastore {name}",
            todo="check that the workspace has a datastore of this name, and that the compute "
            "cluster may read it",
        ) from error
