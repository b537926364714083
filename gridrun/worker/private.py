"""Directories that no other user of the machine can look into, rename or replace.

What is executed or unpickled lies in one. A directory of mode 0700 is not enough: whoever may
write to a directory above it can put another in its place.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import tempfile
from pathlib import Path

from gridrun.errors import EnvironmentFault


def private_directory(prefix: str, parent: Path | None = None) -> Path:
    """Make a directory of this user alone.

    Args:
        prefix: How its name begins.
        parent: Where it is made; None for the system's temporary directory.

    Raises:
        EnvironmentFault: Other users may replace the directory, or one above it.
    """
    place = Path(parent or tempfile.gettempdir()).resolve()
    why = who_may_replace(place)
    if why:
        raise EnvironmentFault(
            f"what gridrun runs would lie below {place}, but {why}",
            todo="set TMPDIR to a directory that only you, or only root, can change",
        )
    return Path(tempfile.mkdtemp(prefix=prefix, dir=place))


def who_may_replace(directory: Path) -> str:
    """Why something of this user in a directory is not safe from others; empty when it is.

    Sent to the nodes of clusters by itself, so it needs nothing but Python.
    """

    def first_line(path: str) -> list[str]:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - as short as it gets
            return file.readline().split()

    trusted = {0, os.geteuid()}
    if first_line("/proc/self/uid_map") != ["0", "0", "4294967295"]:
        # in a container of an ordinary user, root's files seem to be nobody's
        trusted.add(int(first_line("/proc/sys/kernel/overflowuid")[0]))
    own_groups = {0}
    with contextlib.suppress(KeyError):
        name = pwd.getpwuid(os.geteuid()).pw_name
        own_groups.add(grp.getgrnam(name).gr_gid)  # which many systems give to each user
    for place in (directory, *directory.parents):
        status = place.stat()
        mode = status.st_mode
        if status.st_uid not in trusted:
            return f"{place} belongs to another user (uid {status.st_uid})"
        if mode & stat.S_ISVTX:
            continue  # others can add to it, but not rename what is ours
        if mode & stat.S_IWOTH:
            return f"every user can rename what is in {place} (mode {stat.S_IMODE(mode):04o})"
        if mode & stat.S_IWGRP and status.st_gid not in own_groups:
            return f"its group can rename what is in {place} (mode {stat.S_IMODE(mode):04o})"
    return ""
