"""What was asked and what was answered, without anything secret."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One request. `status` 0: the connection was cut; `fault`: made by a fault on demand."""

    at_s: float
    method: str
    host: str
    path: str
    status: int
    fault: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Journal:
    """Every request in order; bodies, queries and headers are never kept."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._unknown: list[str] = []

    def add(self, method: str, host: str, path: str, status: int, *, fault: bool) -> None:
        """Note one answered request."""
        entry = Entry(time.monotonic() - self._start, method, host, path, status, fault)
        with self._lock:
            self._entries.append(entry)

    def add_unknown(self, what: str) -> None:
        """Note something that the service does not know how to answer."""
        with self._lock:
            self._unknown.append(what)

    @property
    def entries(self) -> list[Entry]:
        """A copy of what was noted so far."""
        with self._lock:
            return list(self._entries)

    @property
    def unknown(self) -> list[str]:
        """A copy of what was asked and not known."""
        with self._lock:
            return list(self._unknown)

    def matching(self, pattern: str) -> list[Entry]:
        """The entries whose "METHOD path" matches the regular expression."""
        expression = re.compile(pattern)
        return [entry for entry in self.entries if expression.search(str(entry))]
