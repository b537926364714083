"""Whether what is written goes to the files that others find in the ledger's place."""

from __future__ import annotations

from pathlib import Path

from gridrun.errors import EnvironmentFault


class InPlace:
    """The ledger's files as a writer's first commit left them.

    A file that was removed or replaced takes writes as before, from the process that has it open:
    SQLite, with write-ahead logging, does not notice.

    Args:
        path: The ledger's file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[Path, tuple[int, int]] = {}

    def require(self) -> None:
        """Call after each commit.

        Raises:
            EnvironmentFault: The ledger, or its log, is not the file it was.
        """
        # the log is there for as long as anybody has the ledger open, if it ever is
        for file in (self._path, self._path.with_name(f"{self._path.name}-wal")):
            found = _identity(file)
            if found != self._files.get(file, found):
                raise EnvironmentFault(
                    f"{file.name} was removed or replaced while this run wrote to it",
                    where=str(self._path),
                    todo="put the ledger back if it was moved, and start the run again: what it "
                    "recorded since then may be lost, and is done again",
                )
            if found is not None:
                self._files[file] = found


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino
