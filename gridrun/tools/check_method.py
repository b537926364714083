"""Trying a file of the user's own: check after check, in a process that may hang or die.

What is checked is the pipeline's business; here is the process, its limit, and how
its end is told.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from gridrun.errors import EnvironmentFault, GridrunError, UserError
from gridrun.pipeline import DEFAULT_PIPELINE, load_pipeline
from gridrun.pipeline.file_checks import FAILED, TRYING, Check, TriesFiles

_START = "start"
_UNTIL = "until"

START_SECONDS = 120.0
"""A process that has not tried anything by then is given up."""

_CHILD = "import sys; from gridrun.tools.check_method import child; child(sys.argv[1:])"


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
        path: The R file.
        params: Hyperparameters it is tried with.
        seconds: Most that one check may take.
        pipeline: Name that ``load_pipeline`` takes.

    Yields:
        Each check when it is done. A process that dies or takes too long is a failed one.

    Raises:
        UserError: There is no such file, or it does not parse.
        EnvironmentFault: R does not start.
    """
    receive, send = os.pipe()
    with tempfile.TemporaryFile() as printed, os.fdopen(receive, "rb") as messages:
        arguments = [pipeline, kind, str(path), json.dumps(dict(params or {})), str(send)]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-c", _CHILD, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            pass_fds=[send],
            start_new_session=True,
        )
        os.close(send)
        try:
            yield from _checks(process, messages, printed, seconds)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def child(arguments: list[str]) -> None:
    """Side of the process that may die: name of the pipeline, kind, path, params, descriptor."""
    name, kind, path, params, send = arguments
    os.set_inheritable(int(send), False)  # noqa: FBT003 - takes no keyword
    with os.fdopen(int(send), "w", encoding="utf-8") as out:

        def tell(message: Mapping[str, Any]) -> None:
            out.write(json.dumps(message) + "\n")
            out.flush()

        try:
            pipeline = load_pipeline(name)
            if not isinstance(pipeline, TriesFiles):
                raise UserError(f"pipeline {name} takes no files of one's own")
            for check in pipeline.try_file(kind, Path(path), json.loads(params)):
                sys.stdout.flush()
                # where the file of what is printed ends now: the reader may come to look
                # when the next check has printed already
                tell({**vars(check), _UNTIL: os.lseek(1, 0, os.SEEK_CUR)})
        except GridrunError as error:
            tell(
                {"error": error.what, "where": error.where, "todo": error.todo}
                | {"is_mistake": isinstance(error, UserError)}
            )
            return
        tell({"ended": True})


def _checks(
    process: subprocess.Popen[bytes], messages: IO[bytes], printed: IO[bytes], seconds: float
) -> Iterator[Check]:
    what, position = _START, 0
    for message in _messages(messages, seconds):
        if message is None and what == _START:
            raise EnvironmentFault(f"R has not started after {START_SECONDS:g} s")
        if message is None:
            said, _ = _printed(printed, position)
            reason = f"no end after {seconds:g} s; --seconds gives it longer"
            yield Check(what, FAILED, reason, said)
            return
        if "ended" in message:
            return
        if "error" in message:
            kind = UserError if message["is_mistake"] else EnvironmentFault
            raise kind(message["error"], where=message["where"], todo=message["todo"])
        until = message.pop(_UNTIL)
        check = Check(**message)
        if check.verdict == TRYING:
            what = check.what
            continue
        said, position = _printed(printed, position, until)
        yield Check(check.what, check.verdict, check.found, said)
    said, _ = _printed(printed, position)
    yield Check(what, FAILED, f"the process died: {_fate(process.wait())}", said)


def _messages(pipe: IO[bytes], seconds: float) -> Iterator[dict[str, Any] | None]:
    """Messages until the pipe ends; None when none came in time, the first within its own."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        held = b""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                yield None
                return
            data = os.read(pipe.fileno(), 1 << 16)
            if not data:
                return
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                yield json.loads(line)
                deadline = time.monotonic() + seconds


def _printed(file: IO[bytes], position: int, end: int | None = None) -> tuple[str, int]:
    """What was printed since a position, up to another or all of it, and where it ends."""
    if end is None:
        end = os.fstat(file.fileno()).st_size
    data = os.pread(file.fileno(), end - position, position)
    return data.decode("utf-8", "replace").strip("\n"), end


def _fate(code: int) -> str:
    if code < 0:
        return f"signal {-code} ({signal.Signals(-code).name})"
    return f"exit code {code}"
