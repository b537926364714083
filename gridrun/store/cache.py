"""Stored stage results, addressed by digest, each verified when it is read.

Files are written aside and renamed. An entry's name is a digest of what it was made from, not of
its bytes; the digest of these stands in a file beside it, in the form of ``sha256sum``.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from gridrun.errors import Fault
from gridrun.plan.fingerprint import digest_of_file
from gridrun.store.faults import cannot_write
from gridrun.store.paths import file_mode, make_directory, make_file
from gridrun.store.patience import patiently

DAMAGED_ARCHIVE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, KeyError)
"""What zipfile may raise, beside OSError, of an archive with wrong bits: of its parts, too."""

_RANDOM = "[a-z0-9_]" * 8
"""What ``tempfile`` adds to a name."""

SUM_SUFFIX = ".sha256"
"""Ending of the file that holds the digest of an entry's bytes."""


class Cache:
    """A directory of files named by digest.

    Args:
        directory: Made when the first file is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.notes: list[Fault] = []
        """What was said of entries that were not whole, and made again."""
        self._verified: dict[Path, tuple[int, ...]] = {}

    def path(self, digest: str, suffix: str) -> Path:
        """Where a result is, or would be."""
        return self.directory / f"{digest}{suffix}"

    def make(self, digest: str, suffix: str, write: Callable[[Path], object]) -> Path:
        """The file of a result, written if it is not there or not whole.

        Args:
            digest: Digest of everything that determines the content.
            suffix: File name ending, with its dot.
            write: Writes the whole file to the path it is given.

        Raises:
            UserError: It cannot be written.
        """
        target = self.path(digest, suffix)
        if self._verified.get(target) == _stamp(target) is not None:
            return target
        fault = fault_of(target)
        if fault is not None:
            try:
                patiently(lambda: write_entry(target, write))
            except OSError as error:
                raise cannot_write(target, error) from error
            if fault:
                self.notes.append(made_again(target, fault))
        if (stamp := _stamp(target)) is not None:
            self._verified[target] = stamp
        return target


def write_entry(target: Path, write: Callable[[Path], object]) -> None:
    """Write an entry aside and rename it, with the digest of its bytes beside it.

    Args:
        target: Its directory is made if missing. What is there is replaced, whatever it is.
        write: Writes the whole file to the path it is given.
    """
    for path in (target, sum_path(target)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)  # no file can take the place of a directory
    with replacing(target) as aside:
        write(aside)
        text = f"{digest_of_file(aside)}  {target.name}\n"
        # the digest is first in its place: what a kill leaves is an entry that is made again
        with replacing(sum_path(target)) as beside:
            beside.write_text(text, "utf-8")


def sum_path(entry: Path) -> Path:
    """The file beside an entry that holds the digest of its bytes."""
    return entry.with_name(f"{entry.name}{SUM_SUFFIX}")


def recorded_sum(entry: Path) -> str | None:
    """The digest that was recorded of an entry's bytes; None where there is none of this entry."""
    try:
        text = patiently(lambda: sum_path(entry).read_text("ascii"))
    except (OSError, ValueError):
        return None
    digest, _, name = text.rstrip("\n").partition("  ")
    return digest if name == entry.name else None


def fault_of(entry: Path) -> str | None:
    """Read an entry whole and say what is wrong with it.

    Returns:
        What is wrong; empty where it does not exist; None where nothing is wrong.
    """
    try:
        return patiently(lambda: _fault_of(entry))
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"


def _fault_of(entry: Path) -> str | None:
    if not os.path.lexists(entry):
        return ""
    if not entry.is_file():
        return "it is no file"
    recorded = recorded_sum(entry)
    if recorded is None:
        return "no digest of its content was recorded"
    return None if digest_of_file(entry) == recorded else "its content is not what was written"


def made_again(entry: Path, fault: str) -> Fault:
    """The note on an entry that was not whole."""
    return Fault(entry, f"this file of the cache was damaged and was made again: {fault}")


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


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
    make_directory(target.parent)
    handle = None
    if one_writer:
        aside = make_file(target.with_name(f".{target.name}.new"))
    else:
        handle, aside = _held_aside(target)
    try:
        yield aside
        if not one_writer:
            aside.chmod(file_mode(target) & ~_umask())  # mkstemp lets nobody else read
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(target)
    except OSError as error:
        # what is written to an open file fails without its name
        error.filename = error.filename or str(target)
        raise
    finally:
        aside.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)


def _held_aside(target: Path) -> tuple[int, Path]:
    """A new file beside a target, held by a lock; those that killed processes left are removed."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.{_RANDOM}"):
        # a lock that somebody has, and a place that has no locks, leave the file where it is
        with contextlib.suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle, Path(name)


def _umask() -> int:
    mask = os.umask(0o077)  # what another thread makes meanwhile is for the user alone
    os.umask(mask)
    return mask
