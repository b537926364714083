"""Trying a file of the user's own: check after check, in a process that may hang or die.

The pipeline says what is checked and the worker runs the process; this module limits the time
of each check, and reports how the process ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from gridrun.errors import EnvironmentFault, GridrunError, UserError
from gridrun.pipeline import DEFAULT_PIPELINE, load_pipeline
from gridrun.pipeline.file_checks import FAILED, TRYING, Check, TriesFiles
from gridrun.worker import Ending, TimeLimit
from gridrun.worker.isolated import Call, Item, start_call

_START = "start"

START_SECONDS = 120.0
"""A process that has not tried anything by then is given up."""


def try_file(
    kind: str,
    path: Path,
    params: Mapping[str, Any] | None = None,
    *,
    seconds: float = 60.0,
    pipeline: str = DEFAULT_PIPELINE,
) -> Iterator[Check]:
    """Try a file in a process of its own.

    Args:
        kind: ``method`` or ``classifier``.
        path: The R or Python file.
        params: Hyperparameters it is tried with.
        seconds: Time limit of each check.
        pipeline: Name that ``load_pipeline`` takes.

    Yields:
        Each check when it is done. A process that dies or takes too long is a failed one.

    Raises:
        UserError: There is no such file, or it does not parse.
        EnvironmentFault: R does not start.
    """
    if not isinstance(load_pipeline(pipeline), TriesFiles):
        raise UserError(f"the pipeline {pipeline} takes no files of your own")
    arguments = {"kind": kind, "path": path, "params": dict(params or {})}
    what, printed, limit = _START, "", TimeLimit(START_SECONDS)
    call = Call(pipeline, {}, "try_file", arguments)
    with closing(start_call(call, lambda: limit)) as child:
        for reply in child.replies():
            if isinstance(reply, GridrunError):
                raise reply
            if isinstance(reply, Ending):
                said = printed + child.take_log()
                yield _cut_short(what, reply, said.strip("\n"))
            elif isinstance(reply, Item):
                check: Check = reply.value
                what, printed = check.what, printed + reply.printed
                if check.verdict != TRYING:
                    yield replace(check, printed=printed.strip("\n"))
                    printed = ""
                limit = TimeLimit(seconds)
            else:
                return


def _cut_short(what: str, ending: Ending, said: str) -> Check:
    """The check during which the process ended."""
    if ending.limit is None:
        return Check(what, FAILED, f"the process {ending.reason}", said)
    if what == _START:
        raise EnvironmentFault(f"R has not started: the process {ending.reason}")
    return Check(what, FAILED, f"{ending.reason}; --seconds sets a longer limit", said)
