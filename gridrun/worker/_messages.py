"""What supervisor and child say to each other, and how it is framed on a pipe.

A unit travels to the child as a file whose name is sent as one line, so that
the supervisor never blocks in a write. Answers are pickles behind a length.
Both sides are the same installation on the same machine.
"""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gridrun.pipeline import TaskResult, TaskSpec

_LENGTH = struct.Struct("=I")


@dataclass(frozen=True)
class Dispatch:
    """Tasks for the child.

    Args:
        tasks: Position in the unit and task.
        artifact: Path of the block's artifact, or None.
        quarantined: (stage, key) pairs that must not be started again.
    """

    tasks: tuple[tuple[int, TaskSpec], ...]
    artifact: str | None
    quarantined: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Ready:
    """The pipeline's runner is open."""

    environment: Mapping[str, str]


@dataclass(frozen=True)
class Broken:
    """The runner could not be opened.

    Args:
        text: What went wrong.
        todo: What to do about it, where the pipeline knows.
        explained: Whether the pipeline explained it; trying again is then no use.
    """

    text: str
    todo: str | None
    explained: bool


@dataclass(frozen=True)
class Ran:
    """A task ran to its end."""

    position: int
    started: float
    seconds: float
    result: TaskResult
    log: str


@dataclass(frozen=True)
class Raised:
    """A task raised; the process lives on."""

    position: int
    started: float
    seconds: float
    kind: str
    reason: str
    stage: str
    log: str


@dataclass(frozen=True)
class Refused:
    """A task came to a stage that is quarantined."""

    position: int
    started: float
    seconds: float
    stage: str
    key: str
    log: str


@dataclass(frozen=True)
class Idle:
    """The dispatch is through, or was left because of a stop."""


Outcome = Ran | Raised | Refused
Message = Ready | Broken | Ran | Raised | Refused | Idle


def send(handle: int, message: Message) -> None:
    """Write one message, whole, to a blocking pipe."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        rest = rest[os.write(handle, rest) :]


class Decoder:
    """Puts messages together from whatever pieces a pipe gives."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> Iterator[Message]:
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
