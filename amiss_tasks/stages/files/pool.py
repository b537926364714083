"""Blocks of lines that several processes read, with what they found in the order of the file."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import cycle
from pathlib import Path
from typing import Any, Protocol, Self

from amiss_tasks.stages.files.scratch import scratch_directory
from gridrun.errors import EnvironmentFault, GridrunError
from gridrun.worker import Channel, ChildProcess, Ending, last_printed

CHILD_BYTES = 128 << 20
"""Memory of a process that reads blocks, measured."""

WORTH_BYTES = 96 << 20
"""Size of a file, mostly packed, from which on it is read sooner by several processes.

Each takes half a CPU second to start.
"""

_AHEAD = 2
"""Blocks that a process has before its first answer: one that it reads, and the next."""

MOST_PROCESSES = 32
"""More would wait for this one, which unpacks for all of them."""

MOST_AHEAD = _AHEAD * MOST_PROCESSES
"""Blocks that are given away, at most, before what is in the first of them is known."""

_SERVE = f"{__name__}:serve"
_WAIT_SECONDS = 1.0


class Work(Protocol):
    """What is done with blocks; it and what it gives can be pickled."""

    def read(self, block: Any, /) -> Any:
        """What a block has, whatever stands before and after it."""
        ...


class Pool:
    """Processes that read blocks; none is started before there is a file worth it.

    They end with this one, however it ends.

    Args:
        count: How many, 1 for none: blocks are then read here.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._stack = ExitStack()
        self._children: list[ChildProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def is_worth(self, path: Path) -> bool:
        """Whether a file is read sooner by several processes."""
        return self.count > 1 and path.stat().st_size >= WORTH_BYTES

    def results(self, work: Work, blocks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """What each block has, in their order.

        Args:
            work: What is done with them.
            blocks: The blocks, each alone or in a tuple with what else is needed to read it.

        Raises:
            EnvironmentFault: A process ended.
        """
        if not self._children:
            place = self._stack.enter_context(scratch_directory())
            for _ in range(self.count):
                child = ChildProcess(_SERVE, parent_directory=place)
                self._children.append(self._stack.enter_context(closing(child)))
        for child in self._children:
            child.send(work)
        waiting: deque[ChildProcess] = deque()
        answers: dict[ChildProcess, deque[Any]] = {child: deque() for child in self._children}
        turns = cycle(self._children)
        for block in blocks:
            if len(waiting) >= _AHEAD * self.count:
                yield _answer(waiting.popleft(), answers)
            child = next(turns)
            child.send(block)
            waiting.append(child)
        while waiting:
            yield _answer(waiting.popleft(), answers)


def processes_for(most_bytes: int | None, base_bytes: int) -> int:
    """How many processes read: as many as there are processors, if memory has room for them.

    Args:
        most_bytes: Memory that reading may take, None for any.
        base_bytes: What it takes without them; they and this get half of it.
    """
    cores = len(os.sched_getaffinity(0))
    room = cores if most_bytes is None else (most_bytes // 2 - base_bytes) // CHILD_BYTES
    return max(1, min(cores, room, MOST_PROCESSES))


def _answer(child: ChildProcess, answers: dict[ChildProcess, deque[Any]]) -> Any:
    ending: Ending | None = None
    while not answers[child]:
        if ending is not None:
            raise EnvironmentFault(
                f"a process that read the inputs {ending.reason}; {last_printed(child.take_log())}",
                todo="is there memory left? run it again; what was read meanwhile was not kept",
            )
        messages, ending = child.wait(_WAIT_SECONDS)
        answers[child].extend(messages)
    answer = answers[child].popleft()
    if isinstance(answer, GridrunError):
        raise answer
    return answer


def serve(channel: Channel) -> None:
    """Read blocks until the parent is gone.

    Args:
        channel: To the parent; its requests are a work, then blocks for it, then another work.
    """
    work: Work | None = None
    for request in channel.requests():
        if isinstance(request, tuple):
            assert work is not None, "a work comes first"
            channel.reply(work.read(request))
        else:
            work = request
