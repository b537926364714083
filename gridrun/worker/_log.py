"""What a process prints: one file, emptied after each task, never too long."""

from __future__ import annotations

import os
from pathlib import Path

from gridrun.errors import printable

HEAD_BYTES = TAIL_BYTES = 512 << 10
"""Kept of the beginning and of the end of what an attempt printed."""

TRIM_BYTES = 256 << 20
"""Size at which a file that is still being written loses its middle."""


def open_log(path: Path) -> int:
    """Open for appending: every writer, C's included, then writes at the current end."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def take(path: Path) -> str:
    """Read what was printed and empty the file.

    Returns:
        The text, without what terminals obey; beginning and end only, with a line that says
        so, where it is longer.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= HEAD_BYTES + TAIL_BYTES:
            text = file.read()
        else:
            head = file.read(HEAD_BYTES)
            file.seek(size - TAIL_BYTES)
            text = head + _gap(size - HEAD_BYTES - TAIL_BYTES) + file.read()
    os.truncate(path, 0)
    # a progress bar begins its line again and again
    lines = text.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return printable(lines)


def trim(path: Path) -> None:
    """Keep a file that grows without end from filling the disk."""
    size = path.stat().st_size
    if size > TRIM_BYTES:
        os.truncate(path, HEAD_BYTES)
        handle = open_log(path)
        try:
            os.write(handle, _gap(size - HEAD_BYTES))
        finally:
            os.close(handle)


def _gap(left_out_bytes: int) -> bytes:
    return f"\n[... {left_out_bytes} bytes left out here ...]\n".encode()
