"""Outcome segments: events as JSON lines, in files that are whole or not there.

A segment ends with a line that says how many events it has and their checksum, so
that a torn copy is recognised without the manifest. Names differ from one start of
a worker to the next: a worker that begins again in an empty directory overwrites
nothing that was uploaded before.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from gridrun._version import __version__
from gridrun.errors import counted, in_bytes
from gridrun.plan.fingerprint import digest_of_text
from gridrun.shard._text import NOT_AS_WRITTEN, dump
from gridrun.store.cache import replacing
from gridrun.store.patience import patiently

MANIFEST = "manifest.json"
_NAME = re.compile(r"segment-[0-9a-f]{12}-\d{5}\.jsonl")

FLUSH_SECONDS = 2.0
"""Shortest time between two segments; their number grows with the logarithm of time only."""

_SHARE_OF_TIME = 100

MOST_BYTES = 1 << 30
"""A segment that is larger is not read: its writer begins another one at a small part of that."""

_FULL_BYTES = 64 << 20


class TornSegment(Exception):
    """A segment is not whole, or not what its manifest says."""


@dataclass(frozen=True)
class SegmentFacts:
    """What is known of a segment.

    Args:
        name: File name.
        rows: Number of events.
        checksum: Of the events' lines.
    """

    name: str
    rows: int
    checksum: str


@dataclass(frozen=True)
class Manifest:
    """What a worker says when its shard is through.

    Args:
        shard: Name of the shard.
        tasks: Tasks of the shard, each of which has a final event.
        segments: All that lie beside it.
    """

    shard: str
    tasks: int
    segments: tuple[SegmentFacts, ...]


def is_segment(name: str) -> bool:
    """Whether a file name is that of a segment."""
    return _NAME.fullmatch(name) is not None


class SegmentWriter:
    """Collects lines and writes them as segments.

    Args:
        directory: Made if missing.
        clock: Monotonic seconds.
    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.monotonic) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._clock = clock
        self._start = secrets.token_hex(6)
        self._began = self._last = clock()
        self._lines: list[str] = []
        self._bytes = 0
        self._count = 0

    def add(self, line: str) -> None:
        """Take the line of an event."""
        self._lines.append(line)
        self._bytes += len(line)

    def seconds_to_flush(self) -> float:
        """Seconds until ``flush`` should be called; at most ``FLUSH_SECONDS`` in a short run.

        0 once there is so much that a segment is full.
        """
        if self._bytes >= _FULL_BYTES:
            return 0.0
        pause = max(FLUSH_SECONDS, (self._clock() - self._began) / _SHARE_OF_TIME)
        return max(self._last + pause - self._clock(), 0.0)

    def flush(self) -> None:
        """Write what was taken, if anything was."""
        self._last = self._clock()
        if not self._lines:
            return
        self._count += 1
        body = "".join(f"{line}\n" for line in self._lines)
        facts = {"rows": len(self._lines), "checksum": digest_of_text(body)}
        end = dump({**facts, "gridrun": __version__})
        name = f"segment-{self._start}-{self._count:05d}.jsonl"
        self._put(name, f"{body}{end}\n")
        self._lines, self._bytes = [], 0

    def finish(self, shard: str, tasks: int) -> None:
        """Write the rest, and the manifest over every segment of the directory."""
        self.flush()
        names = sorted(path.name for path in self._directory.iterdir() if is_segment(path.name))
        facts = tuple(checked_segment(self._directory / name)[1] for name in names)
        text = json.dumps(asdict(Manifest(shard, tasks, facts)), indent=1)
        self._put(MANIFEST, f"{text}\n")

    def _put(self, name: str, text: str) -> None:
        def write() -> None:
            with replacing(self._directory / name) as aside:
                aside.write_text(text, "utf-8", newline="\n")

        patiently(write)


def read_segment(path: Path) -> list[str]:
    """The events' lines of a segment.

    Raises:
        TornSegment: It is not whole.
        OSError: It cannot be read.
    """
    return checked_segment(path)[0]


def written_by(path: Path) -> str:
    """The version of gridrun that wrote a whole segment; empty where it did not say so yet."""
    version = json.loads(_bytes_of(path).splitlines()[-1]).get("gridrun", "")
    return version if isinstance(version, str) else ""


def checked_segment(path: Path, manifest: Manifest | None = None) -> tuple[list[str], SegmentFacts]:
    """The events' lines of a segment, and what is known of it.

    Args:
        path: The segment.
        manifest: Of its worker, where there is one.

    Raises:
        TornSegment: It is not whole, or not the one that the manifest names.
        OSError: It cannot be read.
    """
    raw = _bytes_of(path)
    try:
        body, _, end = raw.decode("utf-8").removesuffix("\n").rpartition("\n")
        data = json.loads(end)
        rows, checksum = data["rows"], data["checksum"]
    except NOT_AS_WRITTEN as error:
        raise TornSegment(f"{path.name} has no end: {error}") from error
    lines = body.split("\n")
    if len(lines) != rows or digest_of_text(f"{body}\n") != checksum or not raw.endswith(b"\n"):
        raise TornSegment(f"{path.name} is not what its last line says")
    found = SegmentFacts(path.name, rows, checksum)
    for facts in manifest.segments if manifest is not None else ():
        if facts.name == path.name and facts != found:
            count = f"{counted(rows, 'event')}, not {facts.rows}"
            how = "its events are others" if rows == facts.rows else count
            raise TornSegment(f"{path.name} is not what the manifest says: {how}")
    return lines, found


def read_manifest(path: Path) -> Manifest:
    """A manifest.

    Raises:
        TornSegment: It is not whole.
        OSError: It cannot be read.
    """
    try:
        data = json.loads(_bytes_of(path))
        segments = tuple(SegmentFacts(**facts) for facts in data["segments"])
        return Manifest(data["shard"], data["tasks"], segments)
    except NOT_AS_WRITTEN as error:
        raise TornSegment(f"{path.name} is not whole: {error}") from error


def _bytes_of(path: Path) -> bytes:
    size = patiently(path.stat).st_size
    if size > MOST_BYTES:
        raise TornSegment(f"{path.name} has {in_bytes(size)}, more than any that gridrun writes")
    return patiently(path.read_bytes)
