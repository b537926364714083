"""A call of a pipeline in a process of its own, for commands that need its R themselves.

A crash of R then is a message instead of the end of the command, and what R prints
does not mix with what the command prints. Workers have more than that (limits,
restarts), see ``gridrun.worker``; this is for one call that a person waits for.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrun.errors import EnvironmentFault, GridrunError, UserError
from gridrun.pipeline import TaskFailure, load_pipeline
from gridrun.worker._parent_death import die_with_parent

_CHILD = "import sys; from gridrun.worker.isolated import main; sys.exit(main(sys.argv[1:]))"
_ASKED, _ANSWER, _LOG = "asked", "answer", "log"
_LINES_SHOWN = 5
_ERRORS = (UserError, EnvironmentFault, GridrunError)
"""What a child may raise; the first that fits is raised again."""


@dataclass(frozen=True)
class _Failed:
    """An error that gridrun explains, as plain data."""

    kind: str
    what: str
    where: str | None
    todo: str | None


def call_apart(
    pipeline: str, options: Mapping[str, Any], method: str, arguments: Mapping[str, Any]
) -> Any:
    """Call a method of a pipeline in a process of its own.

    Args:
        pipeline: Name that ``load_pipeline`` takes.
        options: The study's options (``Settings.options``).
        method: Name of the method.
        arguments: Its arguments by name; they and its value can be pickled.

    Raises:
        GridrunError: What the call raised; or the process ended without an answer.
    """
    with tempfile.TemporaryDirectory(prefix="gridrun-") as name:
        directory = Path(name)
        asked = (pipeline, dict(options), method, dict(arguments))
        (directory / _ASKED).write_bytes(pickle.dumps(asked))
        with (directory / _LOG).open("wb") as log:
            ran = subprocess.run(  # noqa: S603 - our own interpreter and text
                [sys.executable, "-c", _CHILD, name, str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        answer = directory / _ANSWER
        if not answer.exists():
            raise _without_answer(ran.returncode, directory / _LOG)
        found = pickle.loads(answer.read_bytes())  # noqa: S301 - our own child's
    if isinstance(found, _Failed):
        kind = next(error for error in _ERRORS if error.__name__ == found.kind)
        raise kind(found.what, where=found.where, todo=found.todo)
    return found


def _without_answer(code: int, log: Path) -> GridrunError:
    """What is to be said of a process that ended before it could answer."""
    how = f"exit code {code}"
    if code < 0:
        how = f"signal {-code} ({signal.strsignal(-code)})"
    printed = log.read_text("utf-8", "replace").strip().splitlines()[-_LINES_SHOWN:]
    last = "\n  ".join(printed) if printed else "it printed nothing"
    todo = "`gridrun doctor` looks at R and its packages"
    if code == -signal.SIGKILL:
        todo = "the system ends processes that need more memory than there is"
    return EnvironmentFault(
        f"the process with R in it ended without an answer: {how}; last it printed:\n  {last}",
        todo=todo,
    )


def _answer(directory: Path) -> Any:
    pipeline, options, method, arguments = pickle.loads((directory / _ASKED).read_bytes())  # noqa: S301 - our own parent's
    try:
        return getattr(load_pipeline(pipeline).of_study(options), method)(**arguments)
    except TaskFailure as failure:
        return _Failed(GridrunError.__name__, failure.message, None, None)
    except GridrunError as error:
        kind = next(known for known in _ERRORS if isinstance(error, known))
        return _Failed(kind.__name__, error.what, error.where, error.todo)


def main(arguments: list[str]) -> int:
    """Answer what the parent asked for.

    Args:
        arguments: Directory shared with the parent, its process id.

    Returns:
        Exit code: 0 with an answer, errors included that gridrun explains.
    """
    directory = Path(arguments[0])
    die_with_parent(int(arguments[1]))
    try:
        found = _answer(directory)
    except Exception:  # noqa: BLE001 - told to the parent by its log
        traceback.print_exc()
        return 1
    aside = directory / f"{_ANSWER}.aside"
    aside.write_bytes(pickle.dumps(found))
    aside.replace(directory / _ANSWER)
    return 0
