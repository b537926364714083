"""Whether code of the user's own has left its process as it was; see own/process.R."""

from __future__ import annotations

import os
from pathlib import Path

from amiss_tasks.tasks.own_python.loaded import python_functions
from amiss_tasks.tasks.r_calls import RCalls, scalar
from gridrun.pipeline import TaskFailure

_PROCESS_R = "own/process.R"
_SIGNALS = ("SigBlk", "SigIgn", "SigCgt", "Umask")
"""Lines of the kernel's about a process that code in it can change."""


class ProcessWatch:
    """Compares the process, and R in it, with what they are now.

    Args:
        calls: R of this process, in which no code of the user's own has run yet.
    """

    def __init__(self, calls: RCalls) -> None:
        self._calls = calls
        calls.source(_PROCESS_R)
        self._r = calls("process_mark").value
        self._before = _own_state()
        self._functions = python_functions()

    def has_changed(self) -> bool:
        """Whether the next task would find it another one."""
        if _own_state() != self._before or python_functions() != self._functions:
            return True
        try:
            return bool(scalar(self._calls("process_changed", self._r).value.python()))
        except TaskFailure:
            return True  # not even this can be run in it


def _own_state() -> tuple[str, ...]:
    lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return (
        *(line for line in lines if line.startswith(_SIGNALS)),
        children.read_text("ascii") if children.exists() else "",
        str(Path.cwd()),
        repr(sorted(os.environ.items())),
    )
