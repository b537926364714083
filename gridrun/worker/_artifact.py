"""An artifact as it reached a worker, held against the checksum that its unit brought along."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from gridrun.errors import EnvironmentFault
from gridrun.plan.units import Unit
from gridrun.store.faults import in_temporary


class DamagedArtifact(EnvironmentFault):
    """What came is not what was sent; nothing of the unit was run."""


def put_artifact(unit: Unit, read: Callable[[str], bytes], path: Path) -> None:
    """Have the artifact of a unit in a file, those bytes and no others.

    Args:
        unit: The unit.
        read: Content of an artifact by digest; asked if the file does not have it.
        path: The file; may be there from an earlier unit.

    Raises:
        DamagedArtifact: The bytes are not those that were made on the driver.
    """
    if path.exists() and (not unit.checksum or _sum(path.read_bytes()) == unit.checksum):
        return
    content = read(unit.artifact)
    if unit.checksum and _sum(content) != unit.checksum:
        raise DamagedArtifact(
            f"the tables of a block were damaged on their way to the worker ({unit.artifact})",
            todo="run the same command again; tasks that were sent away have to be cancelled first",
        )
    with in_temporary(path.parent):
        path.write_bytes(content)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
