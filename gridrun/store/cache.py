"""Stored stage results, addressed by digest. Files are written aside and renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
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

    def make(self, digest: str, suffix: str, write: Callable[[Path], object]) -> Path:
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


def with_replacement(target: Path, write: Callable[[Path], object]) -> None:
    """Write a file by a function, as in ``replacing``.

    Args:
        target: Its directory is made if missing.
        write: Writes to the path it is given.
    """
    with replacing(target) as aside:
        write(aside)


@contextlib.contextmanager
def replacing(target: Path, *, one_writer: bool = False) -> Iterator[Path]:
    """Write a file aside and rename it, so that it is whole or not there.

    Args:
        target: Its directory is made if missing.
        one_writer: Whether something else sees to it that nobody writes the file at the
            same time. What a killed process left is then written over, not left behind.

    Yields:
        A path in the same directory. It becomes ``target`` unless something is raised.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if one_writer:
        aside = target.with_name(f".{target.name}.new")
    else:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        aside = Path(name)
    try:
        yield aside
        if not one_writer:
            aside.chmod(0o666 & ~_umask())  # mkstemp lets nobody else read
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
