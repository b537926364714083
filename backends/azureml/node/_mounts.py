"""A datastore as a child sees it that was sent by SDK v2: paths, which the platform mounts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from backends.azureml.mounts import BLOCKS, input_names
from backends.azureml.settings import AzureData
from backends.azureml.stamps import Stamp


class Mounts:
    """Copies from and to mounted paths; ``_store.Datastore`` has the same methods.

    Args:
        data: Where the data are.
        places: Name of a mount, as in ``backends.azureml.mounts``, to its path.
        stamps: File with what the datastore said of the inputs when the job was sent.
    """

    def __init__(self, data: AzureData, places: Mapping[str, Path], stamps: Path) -> None:
        self._inputs = {
            role: places[name] for role, name in input_names(data).items() if name in places
        }
        self._blocks = places[BLOCKS]
        self._stamps = stamps

    def stamps(self) -> dict[str, Stamp]:
        """Role to what the datastore said of its input before it was copied.

        Who takes in the report asks again, so what was changed meanwhile is noticed.
        """
        if not self._stamps.exists():
            return {}
        found: dict[str, Stamp] = json.loads(self._stamps.read_text("utf-8"))
        return found

    def bring_input(self, role: str, directory: Path) -> Path | None:
        """An input, which the platform has copied to the node; None where it is not there."""
        del directory
        found = self._inputs[role]
        return found if found.is_file() else None

    def bring_block(self, checksum: str, directory: Path) -> Path | None:
        """Copy the tables of a block to the node; None where they are not there."""
        found = self._blocks / checksum
        if not found.is_file():
            return None
        directory.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(found, directory / checksum))

    def put_blocks(self, files: Sequence[Path]) -> None:
        """Keep the tables of blocks under their names."""
        for path in files:
            shutil.copyfile(path, self._blocks / path.name)
