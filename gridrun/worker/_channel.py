"""How a process and the child it may lose speak: one framing, used by all.

A request is a file, whose number is sent as one line, so that the parent never blocks in
a write. Answers are pickles behind a length. Both sides are the same installation on the
same machine.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gridrun.errors import EnvironmentFault, GridrunError, UserError
from gridrun.worker import _log

LOG = "log"
"""Name of the file that the child prints to."""

_LENGTH = struct.Struct("=Q")
_ERRORS = (UserError, EnvironmentFault, GridrunError)
"""What crosses as an error: the first that fits."""


class Channel:
    """The child's side.

    Args:
        directory: Shared with the parent; requests and the log are there.
        commands: Descriptor of the pipe that names requests.
        replies: Descriptor of the pipe that answers go to.
    """

    def __init__(self, directory: Path, commands: int, replies: int) -> None:
        self.directory = directory
        self._commands = os.fdopen(commands, encoding="utf-8")
        self._replies = replies

    def requests(self) -> Iterator[Any]:
        """What the parent asks, one after the other, until it is gone."""
        for line in self._commands:
            path = request_file(self.directory, int(line))
            request = pickle.loads(path.read_bytes())  # noqa: S301 - our own parent's
            path.unlink()
            yield request

    def reply(self, message: Any) -> None:
        """Send to the parent; returns when the message is in the pipe, whole."""
        rest = memoryview(framed(message))
        while rest:
            rest = rest[os.write(self._replies, rest) :]

    def fail(self, error: GridrunError) -> None:
        """Send an error that gridrun explains; of a kind that any parent knows."""
        kind = next(known for known in _ERRORS if isinstance(error, known))
        self.reply(kind(error.what, where=error.where, todo=error.todo))

    def printed(self) -> str:
        """What was printed since this was asked last."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        log = self.directory / LOG
        return _log.take(log) if log.stat().st_size else ""


def request_file(directory: Path, number: int) -> Path:
    """Where a request is while it is on its way."""
    return directory / f"request-{number}"


def framed(message: Any) -> bytes:
    """A message as it goes through a pipe."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Puts messages together from whatever pieces a pipe gives."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> Iterator[Any]:
        """Add what was read; gives the messages that are complete."""
        self._buffer += piece
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer, start)
            end = start + _LENGTH.size + size
            if len(self._buffer) < end:
                break
            yield pickle.loads(memoryview(self._buffer)[start + _LENGTH.size : end])  # noqa: S301 - our own child wrote it
            start = end
        del self._buffer[:start]
