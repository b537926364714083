"""First bytes of inputs, held by who reads no further, for who reads the file after it.

Headers are read, rows counted and files compared before an input is read as a whole. In one
process each byte is read once all the same: what these have read is in memory until the reading
has passed it. A file that was changed meanwhile (see ``input_stamp``) is read anew.
"""

from __future__ import annotations

import io
import os
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO, Any

from gridrun.store.patience import patient_file, patiently

_held: dict[str, tuple[str, bytearray]] = {}
"""Name of a file to its stamp and the first of its bytes."""

_lock = Lock()


def input_stamp(path: Path) -> str:
    """What distinguishes one state of a file from another without reading it.

    The time of its last change of any kind stands beside that of its content, which
    whoever writes a file may set as they like.
    """
    stat = path.stat()
    parts = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    return " ".join([str(path.resolve()), *map(str, parts)])


def open_input(path: Path, holding: int = 0) -> IO[bytes]:
    """Open a file as ``open_patiently`` does; what is held of it comes from memory.

    Args:
        path: A regular file.
        holding: So many of its first bytes are held at most, if they are read. With 0 they are
            read for the last time: what is held is let go once it is passed.

    Raises:
        OSError: It cannot be read; reading raises it as well.
        UserError: It was lost with its server and is another one now; reading raises it.
    """
    return io.BufferedReader(_Held(path, holding))


class _Held(io.RawIOBase):
    def __init__(self, path: Path, holding: int) -> None:
        super().__init__()
        self._name = str(path)
        self._holding = holding
        stamp = patiently(partial(input_stamp, path))
        found, first = _held.get(self._name, ("", bytearray()))
        self._first = first if found == stamp else bytearray()
        if holding:
            _held[self._name] = (stamp, self._first)
        self._file = patient_file(path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any, /) -> int:
        at, known = self.tell(), len(self._first)
        if at < known:
            piece = self._first[at : at + len(buffer)]
            buffer[: len(piece)] = piece
            self.seek(at + len(piece))
            return len(piece)
        size: int = self._file.readinto(buffer)
        with _lock:
            if at == len(self._first) < self._holding:
                self._first += buffer[: min(size, self._holding - at)]
            elif at == known and not self._holding:
                _held.pop(self._name, None)
                self._first = bytearray()
        return size

    def close(self) -> None:
        self._file.close()
        super().close()
