"""Whether others than the user could change what a study keeps to go on, before a run takes it."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gridrun.errors import Fault, UserError
from gridrun.store.paths import StudyPaths

_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def closed_to_others(paths: StudyPaths) -> Iterator[Fault]:
    """Take from others what lets them change `.gridrun` or what is directly in it, and say so.

    A run makes it for the user alone. It may have been made by hand, copied, or be a link
    to a directory elsewhere: what it leads to counts. Who may only read it, may go on to.

    Args:
        paths: Of the study.

    Yields:
        What others could change; what they can still, and in which directory above.

    Raises:
        UserError: Something of it belongs to another user, who can change it whatever its mode is.
    """
    state = paths.state
    if not state.is_dir():
        return
    # the owner of the study's directory can put another one in its place anyway
    trusted = {0, os.geteuid(), paths.directory.stat().st_uid}
    were: list[str] = []
    are: list[str] = []
    for each in (state, *sorted(state.iterdir())):
        with contextlib.suppress(FileNotFoundError):  # a ledger's log goes when it is closed
            status = each.stat()
            if status.st_uid not in trusted and status.st_uid != _uid_there(state):
                raise _of_another(each, status.st_uid)
            if status.st_mode & _OF_OTHERS:
                said = f"{each.relative_to(state.parent)} (mode {stat.S_IMODE(status.st_mode):04o})"
                (were if _is_closed(each, status.st_mode) else are).append(said)
    if were:
        yield Fault(
            paths.directory,
            f"others than you could change {', '.join(were)}, which nobody else can from now on",
            todo="if you do not trust everyone who could, move .gridrun away: a run makes it anew, "
            "and computes all results again",
        )
    if are:
        yield Fault(
            paths.directory,
            f"others than you can change {', '.join(are)}, and that cannot be taken from them here",
            todo="unless you trust every user of this machine, move the study to a place of yours "
            "on a file system that keeps modes",
        )
    else:
        yield from _above(state)


def _uid_there(directory: Path) -> int | None:
    """Who owns a new file there, which a server may decide; None where none can be made."""
    try:
        with tempfile.TemporaryFile(dir=directory) as made:
            return os.fstat(made.fileno()).st_uid
    except OSError:
        return None


def _is_closed(path: Path, mode: int) -> bool:
    """Make something the user's alone; whether that was possible."""
    with contextlib.suppress(PermissionError):  # its owner is another one that is trusted
        path.chmod(0o700 if stat.S_ISDIR(mode) else 0o600)
    return not path.stat().st_mode & _OF_OTHERS


def _of_another(path: Path, uid: int) -> UserError:
    return UserError(
        f"this belongs to another user (uid {uid}), who can change it while a run trusts it",
        where=str(path),
        todo="run the study as that user, have it given to you (`chown -R`), or move .gridrun "
        "away: a run makes it anew, and computes all results again",
    )


def _above(state: Path) -> Iterator[Fault]:
    """The first directory above in which every user can put another one in its place."""
    for place in dict.fromkeys((*state.absolute().parents, *state.resolve().parents)):
        mode = place.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield Fault(
                place,
                f"every user of this machine can rename what is in this directory (mode "
                f"{stat.S_IMODE(mode):04o}), and so put files of theirs in the place of the "
                "study's",
                todo="take that from them (`chmod o-w`), unless you trust all of them",
            )
            return
