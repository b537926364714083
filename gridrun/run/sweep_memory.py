"""What a study remembers of shards it wrote: in which folder, whether given up; for backends."""

from __future__ import annotations

import shutil
from pathlib import Path

from gridrun.shard.queue import ShardQueue
from gridrun.store.paths import make_file

_PLACE, _CANCELLED = "place", "cancelled"


class SweepMemory:
    """Kept on the driver's disk, below the study: the folder may be anywhere, or gone.

    Args:
        directory: Made when needed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def note(self, sweep: str, folder: Path) -> None:
        """Remember a sweep's folder, before it is written there."""
        make_file(self._directory / sweep / _PLACE).write_text(str(folder.absolute()), "utf-8")

    def folder(self, sweep: str) -> Path | None:
        """The folder of a sweep; None where it is not known, or what is kept of it is damaged."""
        try:
            path = Path((self._directory / sweep / _PLACE).read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            return None
        return path if path.is_absolute() and "\0" not in str(path) else None

    def folders(self) -> list[Path]:
        """All folders in which something may lie."""
        names = [path.name for path in self._directory.glob("*")]
        return sorted({folder for name in names if (folder := self.folder(name)) is not None})

    def queue(self, sweep: str, folder: Path) -> ShardQueue:
        """The shards of a sweep.

        Args:
            sweep: Its name.
            folder: Where to look first: it may have been moved, or named anew.
        """
        found = ShardQueue(folder / sweep)
        known = self.folder(sweep)
        return found if found.exists or known is None else ShardQueue(known / sweep)

    def cancel(self, sweep: str) -> None:
        """Remember that a sweep is given up, whether its folder can be reached or not."""
        make_file(self._directory / sweep / _CANCELLED)

    def is_cancelled(self, sweep: str) -> bool:
        """Whether it was given up."""
        return (self._directory / sweep / _CANCELLED).exists()

    def forget(self, sweep: str) -> None:
        """Nothing more will come of a sweep."""
        shutil.rmtree(self._directory / sweep, ignore_errors=True)
