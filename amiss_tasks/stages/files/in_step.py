"""Readings that need the same files: each file is read once, and all go on block by block.

A reading is a generator that yields whenever it has read a block of a file that may be shared, and
before it opens one. As long as all yield in turn, a block waits for the last of them and is gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

_Found = TypeVar("_Found")
_Arguments = ParamSpec("_Arguments")


class Shared:
    """Files that some readings share; a reading joins before any of them opens one."""

    def __init__(self) -> None:
        self.readings = 0
        """How many have joined."""
        self._left: dict[Path, list[Iterator[bytes]]] = {}

    def join(self) -> None:
        """Be one of those that read the files."""
        self.readings += 1

    def of(self, path: Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The blocks of a file, for each reading once.

        Args:
            path: The file.
            blocks: How it is read; only those of the first who asks are.
        """
        left = self._left.setdefault(path, [])
        if not left:
            waiting: dict[int, deque[bytes]] = {at: deque() for at in range(self.readings)}
            left.extend(_own(blocks, waiting, at) for at in waiting)
        return left.pop()


def _own(blocks: Iterator[bytes], waiting: dict[int, deque[bytes]], number: int) -> Iterator[bytes]:
    """Blocks, each once; one that is read waits for the others, but for those that have ended."""
    try:
        while True:
            if not waiting[number]:
                block = next(blocks, None)
                if block is None:
                    return
                for each in waiting.values():
                    each.append(block)
            yield waiting[number].popleft()
    finally:
        del waiting[number]


def in_step(readings: Sequence[Generator[None, None, _Found]]) -> list[_Found]:
    """What readings find, which go on in turn; the first that fails ends all."""
    found: dict[int, _Found] = {}
    with ExitStack() as stack:
        for reading in readings:
            stack.callback(reading.close)
        going = dict(enumerate(readings))
        while going:
            for number, reading in [*going.items()]:
                try:
                    next(reading)
                except StopIteration as ended:
                    found[number] = ended.value
                    del going[number]
    return [found[number] for number in range(len(readings))]


def alone(
    reading: Callable[_Arguments, Generator[None, None, _Found]],
) -> Callable[_Arguments, _Found]:
    """The same as a function that reads to the end."""

    @wraps(reading)
    def read(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Found:
        (found,) = in_step([reading(*args, **kwargs)])
        return found

    return read
