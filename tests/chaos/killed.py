"""Runs a toy study and kills itself at its n-th write. Arguments: directory, n, options, a file.

What is counted goes to that file, a line each, before it happens: a transaction that is begun, one
that is about to be committed, one that was, and each file that is opened to be written, renamed,
removed or made a directory. Other threads do not count, as their turn is not the same in two runs;
the ledger's thread commits nothing here before it is asked, but for a group that is full.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from toystudies import open_toy

from gridrun.store.ledger import Ledger

WRITING = os.O_WRONLY | os.O_RDWR


class Points:
    """Counts places where a kill may fall, and kills at one of them.

    Args:
        place: Below which files count.
        nth: The kill; 0 for none.
        log: Where each is written.
    """

    def __init__(self, place: Path, nth: int, log: Path) -> None:
        self._place, self._nth = str(place), nth
        self._count = 0
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._main = threading.get_ident()

    def at(self, what: str) -> None:
        if threading.get_ident() != self._main:
            return
        self._count += 1
        os.write(self._log, f"{what}\n".encode())
        if self._count == self._nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            counts = isinstance(flags, int) and flags & WRITING
        else:
            path, counts = arguments[0] if arguments else "", True
        if event not in {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"} or not counts:
            return
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._place):
            self.at(f"{event} {Path(path).name}")


class Counted(sqlite3.Connection):
    """A connection whose transactions count."""

    points: Points

    def execute(self, statement, *more):
        word = statement.split(" ", 1)[0]
        if word == "COMMIT":
            self.points.at("before COMMIT")
        found = super().execute(statement, *more)
        if word in {"BEGIN", "COMMIT"}:
            self.points.at(f"after {word}")
        return found


def main() -> None:
    directory, nth, options, log = sys.argv[1:]
    points = Points(Path(directory), int(nth), Path(log))
    Counted.points = points
    plain = sqlite3.connect

    def connect(*arguments, **more):
        return plain(*arguments, factory=Counted, **more)

    sqlite3.connect = connect
    writing = sys.modules[Ledger.__module__]
    writing.COMMIT_SECONDS, writing._GROUP = 3600.0, 3
    sys.addaudithook(points.hook)
    sys.exit(open_toy(Path(directory), **json.loads(options)).run(backend="inprocess").exit_code)


if __name__ == "__main__":
    main()
