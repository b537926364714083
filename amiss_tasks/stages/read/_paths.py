"""Quick looks at the paths of a study's inputs: nothing is opened that could hang."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping

from amiss_tasks.stages.read._report import FileReport

CADD_ROLES = ("cadd_snv", "cadd_indel")
"""The two CADD tables, which a study has both or none of."""

ROLES = ("vcf", *CADD_ROLES)
"""Inputs of amiss, in the order its functions take them."""


def check_path(role: str, report: FileReport) -> bool:
    """Say what is wrong with a path.

    Args:
        role: ``vcf``, ``cadd_snv`` or ``cadd_indel``.
        report: The file's report, which knows the path.

    Returns:
        Whether the path leads to a regular file that may be read.
    """
    path = report.file
    key = f"inputs.{role} in the study names it"
    try:
        mode = path.stat().st_mode
    except ValueError:
        report.stop("is not a path: it has a NUL byte", todo=f"{key}; name the right file")
        return False
    except OSError as error:
        if error.errno == errno.ELOOP:
            report.stop("symbolic link loop", todo=f"{key}; name a file")
        elif error.errno in (errno.ENOENT, errno.ENOTDIR):
            target = f" (a symbolic link to {path.readlink()})" if path.is_symlink() else ""
            report.stop(f"does not exist{target}", todo=f"{key}; name the right file")
        elif error.errno == errno.EACCES:
            report.stop("no permission to read its directory", todo=key)
        else:
            report.stop(f"cannot be examined: {error.strerror}", todo=key)
        return False
    if stat.S_ISDIR(mode):
        report.stop("is a directory", todo=f"{key}; name a file in it")
        return False
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"
        report.stop(
            f"is not a regular file ({kind})",
            todo=f"{key}; save the data to a file first: it is read more than once",
        )
        return False
    if not os.access(path, os.R_OK):
        report.stop("no permission to read it", todo=f"{key}; chmod u+r, or ask its owner")
        return False
    return True


def check_same_files(reports: Mapping[str, FileReport]) -> None:
    """Say which of the readable inputs are one and the same file."""
    seen: dict[tuple[int, int], str] = {}
    for role, report in reports.items():
        if report.broken:
            continue
        status = report.file.stat()
        identity = (status.st_dev, status.st_ino)
        other = seen.setdefault(identity, role)
        if other != role:
            report.fault(
                f"{role} is the same file as {other} ({reports[other].file})",
                todo=f"name different files for {other} and {role}",
            )
