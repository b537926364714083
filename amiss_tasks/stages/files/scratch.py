"""A directory that is gone once its process is: cleared by the next one, if need be."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gridrun.store.paths import make_directory
from gridrun.worker import private_directory

PREFIX = "gridrun-read-"
_LOCK = "lock"


@contextmanager
def scratch_directory(place: Path | None = None) -> Iterator[Path]:
    """Make a directory of this user alone, and clear those of processes that were killed.

    Args:
        place: Where it is made; None for the system's temporary directory.

    A living process holds the lock of its own; the kernel lets go of it when the process ends,
    however it ends.
    """
    _clear(Path(place or tempfile.gettempdir()))
    if place is None:
        directory = private_directory(PREFIX)
    else:
        make_directory(place)
        directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    aside = directory / "aside"
    with aside.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        aside.rename(directory / _LOCK)  # so that nobody finds it before it is held
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _clear(place: Path) -> None:
    for directory in place.glob(f"{PREFIX}*"):
        # another user's, or gone meanwhile
        with suppress(OSError):
            if directory.stat().st_uid != os.geteuid():
                continue
            with (directory / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
