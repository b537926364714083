"""Processes that must not outlive the one that started them, nor who takes it over."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_killing: list[bool] = []


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent goes, however it goes.

    The parent is the thread that started this process, so that thread has to
    live as long as this process is wanted.

    Args:
        parent: Process id of the parent, when known: it may have died before this call.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def adopt_orphans(*, kill: bool = False) -> None:
    """Become the parent of whatever descendants lose theirs, so that daemons stay in the family.

    Linux alone has this; a process that all is well with notices nothing of it.

    Args:
        kill: Whether children that this process did not start by ``ChildProcess`` are to be
            killed whenever one of those has ended; for processes that start nothing else.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if kill:
        _killing.append(True)


def kills_strays() -> bool:
    """Whether a child that this process did not start is a daemon's."""
    return bool(_killing)
