"""Faults of the disk in words, for everything that reads and writes a study's files."""

from __future__ import annotations

from pathlib import Path

from gridrun.errors import UserError

_FULL = (28, 122)
"""ENOSPC, EDQUOT."""


def no_space(path: Path) -> UserError:
    """The disk is full."""
    return UserError(
        "no space left on the disk",
        where=str(path),
        todo="free some space, then run the same command again: what was committed is kept",
    )


def cannot_write(path: Path, error: OSError) -> UserError:
    """A file of the study cannot be written or read."""
    if error.errno in _FULL:
        return no_space(Path(error.filename) if error.filename else path)
    return UserError(
        f"{error.strerror or error}",
        where=str(error.filename or path),
        todo="make the study directory writable for the user who runs the study",
    )
