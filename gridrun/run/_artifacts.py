"""Artifacts of blocks on the driver: verified whenever they are read, made again where damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from gridrun.errors import EnvironmentFault, Fault
from gridrun.pipeline import Source, Value
from gridrun.pipeline.comparison import CountsClasses
from gridrun.report.class_rows import FewRows
from gridrun.shard.remote_inputs import stub_from
from gridrun.store.cache import made_again, recorded_sum
from gridrun.store.patience import patiently

_DAMAGED = "its content is not what was written"


class Artifacts:
    """Asks a source for artifacts, and knows of each the checksum of its bytes.

    Args:
        source: Opens, once, what makes the artifacts.
        say: Called with each note of the source, and on each block with few rows of a class.
    """

    def __init__(self, source: Callable[[], Source], say: Callable[[Fault | str], None]) -> None:
        self._source = source
        self._say = say
        self._blocks: dict[str, Mapping[str, Value]] = {}
        self._known: dict[str, tuple[str, str]] = {}
        self._few_rows = FewRows()

    def make(self, block: Mapping[str, Value]) -> tuple[str, str]:
        """Digest of a block's artifact, and checksum of the tables that it is or stands for.

        Raises:
            TaskFailure: The block cannot be made.
            GridrunError: It cannot be kept.
        """
        source = self._source()
        digest = source.artifact(block)
        for note in source.notes():
            self._say(note)
        if isinstance(source, CountsClasses):
            said = self._few_rows.of(block, source.class_rows(digest))
            if said:
                self._say(said)
        self._blocks[digest] = block
        path = source.path(digest)
        recorded = recorded_sum(path)
        if digest not in self._known or recorded not in (None, self._known[digest][0]):
            content = _bytes(path)
            stub = stub_from(content)
            written = recorded or _sum(content)
            self._known[digest] = (written, stub.checksum if stub is not None else written)
        return digest, self._known[digest][1]

    def read(self, digest: str) -> bytes:
        """Bytes of an artifact, those that were made.

        Raises:
            EnvironmentFault: They cannot be had, though they were made again.
        """
        source = self._source()
        path = source.path(digest)
        content = _bytes(path)
        if self._is_whole(digest, path, content):
            return content
        path.unlink(missing_ok=True)
        if digest in self._blocks:
            self.make(self._blocks[digest])
            content = _bytes(path)
            if self._is_whole(digest, path, content):
                self._say(made_again(path, _DAMAGED))
                return content
        raise EnvironmentFault(
            "the tables of a block are not what was written",
            where=str(path),
            todo="run the same command again, which makes them anew; if this comes back, the disk "
            "does not keep what is written to it",
        )

    def _is_whole(self, digest: str, path: Path, content: bytes) -> bool:
        expected = recorded_sum(path) or self._known.get(digest, ("",))[0]
        return _sum(content) == expected if expected else path.exists()


def _bytes(path: Path) -> bytes:
    try:
        return patiently(path.read_bytes)
    except OSError:
        return b""  # what is not there is not whole


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
