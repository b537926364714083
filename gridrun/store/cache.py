"""Stored stage results, addressed by digest. Files are written aside and renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


class Cache:
    """A directory of files named by digest.

    Args:
        directory: Made when the first file is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, digest: str, suffix: str) -> Path:
        """Where a result is, or would be."""
        return self.directory / f"{digest}{suffix}"

    def make(self, digest: str, suffix: str, write: Callable[[Path], None]) -> Path:
        """The file of a result, written if it is not there.

        Args:
            digest: Digest of everything that determines the content.
            suffix: File name ending, with its dot.
            write: Writes the whole file to the path it is given.
        """
        target = self.path(digest, suffix)
        if not target.exists():
            with_replacement(target, write)
        return target


def with_replacement(target: Path, write: Callable[[Path], None]) -> None:
    """Write a file aside and rename it, so that it is whole or not there.

    Args:
        target: Its directory is made if missing.
        write: Writes to the path it is given, which lies in the same directory.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    aside = Path(name)
    try:
        write(aside)
        aside.chmod(0o666 & ~_umask())
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
