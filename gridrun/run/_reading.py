"""How far inputs are read: what part of the files this process has gone through, and what is left.

The kernel knows how far an open file is read (``/proc/self/fdinfo``), so that whoever reads it, and
however it is packed, need not say so. Where there is no such directory nothing is said.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gridrun.errors import in_bytes, time_left

SECONDS = 15.0
"""Time between two words on how far inputs are read; shorter reading is not worth one."""


_Identity = tuple[int, int]


@contextlib.contextmanager
def telling(
    files: Iterable[Path],
    what: str,
    say: Callable[[str], None],
    process: int | None = None,
) -> Iterator[None]:
    """Say every now and then how far files are read, and how long the rest may take.

    Args:
        files: The files; those that are not there are left out.
        what: What is being done with them, for example ``reading the inputs``.
        say: Takes each text, in a thread of its own.
        process: Id of the process that reads them; this one where left out.
    """
    sizes: dict[_Identity, int] = {}
    for path in files:
        with contextlib.suppress(OSError):
            stat = path.stat()
            sizes[stat.st_dev, stat.st_ino] = stat.st_size
    ended = threading.Event()
    began = time.monotonic()

    def watch() -> None:
        read = dict.fromkeys(sizes, 0)
        while not ended.wait(SECONDS):
            for identity, position in _positions(sizes, process or os.getpid()):
                read[identity] = max(read[identity], position)
            if read == sizes:
                return
            if any(read.values()):
                say(_text(what, sum(read.values()), sum(sizes.values()), time.monotonic() - began))

    thread = threading.Thread(target=watch, name="reading", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _positions(sizes: dict[_Identity, int], process: int) -> Iterator[tuple[_Identity, int]]:
    """Each of the files that is open in a process, and how far it is read (bytes)."""
    files, positions = Path(f"/proc/{process}/fd"), Path(f"/proc/{process}/fdinfo")
    with contextlib.suppress(OSError):
        for name in os.listdir(files):  # noqa: PTH208  # names, as both directories have them
            with contextlib.suppress(OSError):
                stat = (files / name).stat()
                identity = (stat.st_dev, stat.st_ino)
                if identity in sizes:
                    first = (positions / name).read_text().split(maxsplit=2)[1]
                    yield identity, min(int(first), sizes[identity])


def _text(what: str, read: int, total: int, seconds: float) -> str:
    left = time_left(seconds, read / total)
    return f"{what}: {read / total:.0%} of {in_bytes(total)} read, {left}"
