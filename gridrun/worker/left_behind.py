"""Directories that are removed whatever happens: by who made them, or by who comes next.

A process that is killed leaves its directory, and what it started may live on. Whether somebody
is still there is asked of the kernel: the process that made a directory holds a lock in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gridrun.errors import counted
from gridrun.worker.private import private_directory

MARK = "GRIDRUN_CHILD"
"""Variable by which all that a child started is known, whoever has become its parent."""

_PREFIX = "gridrun-"
_OWNER = "owner"
"""Name of the file with the lock."""

_SWEEP_SECONDS = 10.0
_HELD: dict[Path, int] = {}
"""Descriptors of this process's locks."""


def own_directory(prefix: str, parent: Path | None = None) -> Path:
    """Make a directory of this user alone that does not outlive this process for long.

    Args:
        prefix: How its name goes on from ``gridrun-``.
        parent: Where it is made; None for the system's temporary directory.

    Raises:
        EnvironmentFault: Other users may replace the directory, or one above it.
    """
    directory = private_directory(f"{_PREFIX}{prefix}", parent)
    hold(directory)
    return directory


def hold(directory: Path) -> None:
    """Say that a directory is this process's own until it ends, or removes the directory."""
    new = directory / f"{_OWNER}-new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(OSError):  # a disk without locks: nobody will take it for left
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(directory / _OWNER)  # it is never there without its lock
    _HELD[directory] = handle


def remove_own(directory: Path) -> None:
    """Remove a directory of this process, whoever has something in it open; may come twice."""
    sweep(directory)
    handle = _HELD.pop(directory, None)
    if handle is not None:
        os.close(handle)


def clear_left_behind(parent: Path | None = None) -> str:
    """Remove directories whose processes were killed, with all that these had started.

    Args:
        parent: Where they are; None for the system's temporary directory.

    Returns:
        What was found, for people; empty when nothing was.
    """
    place = Path(parent or tempfile.gettempdir()).resolve()
    found = 0
    with contextlib.suppress(OSError):  # nobody may list it
        for directory in place.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):  # removed meanwhile, or another user's
                if directory.lstat().st_uid == os.geteuid() and _is_left(directory):
                    sweep(directory)
                    found += 1
    if not found:
        return ""
    return (
        f"{counted(found, 'temporary folder')} of processes that were killed, and what these had "
        f"started, removed from {place}"
    )


def users_of(directory: Path) -> Iterator[int]:
    """Process ids of this user's processes that have a file below a directory open.

    So are those that a child with its place there has started. This process and its parent (the
    driver, while it lives) are left out.
    """
    prefix = f"{directory}{os.sep}"
    mark = os.fsencode(f"{MARK}={prefix}")
    spared = {os.getpid(), os.getppid()}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) in spared:
            continue
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours to look into
            if any(_target(link).startswith(prefix) for link in (process / "fd").iterdir()) or _has(
                process, mark
            ):
                yield int(process.name)


def sweep(directory: Path) -> None:
    """Kill the users of a directory until there are none, then remove it."""
    deadline = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < deadline:
        found = list(users_of(directory))
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            break
        time.sleep(0.05)
    shutil.rmtree(directory, ignore_errors=True)


def _is_left(directory: Path) -> bool:
    """Whether who made a directory is gone; not where nobody has said who that was."""
    handle = os.open(directory / _OWNER, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _has(process: Path, mark: bytes) -> bool:
    """Whether a process has a variable whose text begins so.

    One that has just begun another program has neither variables nor arguments for a moment, when
    whoever started it takes it for started.
    """
    deadline = time.monotonic() + _SWEEP_SECONDS
    while not (text := (process / "environ").read_bytes()):
        is_beginning = (process / "exe").exists() and not (process / "cmdline").read_bytes()
        if not is_beginning or time.monotonic() > deadline:
            break
        time.sleep(0.005)
    return any(word.startswith(mark) for word in text.split(b"\0"))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""
