"""Segments that came from one child, held against their own last lines and its manifest."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from gridrun.errors import EnvironmentFault, counted
from gridrun.shard._segments import (
    MANIFEST,
    Manifest,
    SegmentFacts,
    TornSegment,
    checked_segment,
    is_segment,
    read_manifest,
)


class SegmentReader:
    """Files of one child; each segment that is good is given once.

    They are copies, and removed: a segment that is not what it should be, too, so that it
    is fetched again, as it may have been looked at while it was being written. Where they
    are the child's own files, they are left alone.

    Args:
        child: Its name, for messages.
        directory: Where its files are put.
        are_copies: Whether they are.
    """

    def __init__(self, child: str, directory: Path, *, are_copies: bool = True) -> None:
        self._are_copies = are_copies
        self._child = child
        self._directory = directory
        self._manifest: Manifest | None = None
        self._read: dict[str, SegmentFacts] = {}
        self.problems: dict[str, str] = {}
        """File to what is wrong with it, as of the last call."""

    @property
    def has_manifest(self) -> bool:
        """Whether the manifest was read."""
        return self._manifest is not None

    def segments(self, read_before: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        """Names and lines of the segments that came since the last call.

        Args:
            read_before: Names that need not come any more.

        Raises:
            EnvironmentFault: A segment that was taken in is not the one that the child wrote.
        """
        self.problems = {}
        if self._directory.is_dir():
            self._read_manifest()
            for path in sorted(self._directory.iterdir()):
                is_new = self._are_copies or path.name not in read_before
                if is_segment(path.name) and is_new and (lines := self._lines(path)) is not None:
                    yield path.name, lines
                    self._remove(path)
        self._hold_against_manifest(read_before)

    def _read_manifest(self) -> None:
        path = self._directory / MANIFEST
        if not path.exists():
            return
        try:
            self._manifest = read_manifest(path)
        except TornSegment as error:
            self.problems[MANIFEST] = f"{error}"
        self._remove(path)

    def _lines(self, path: Path) -> list[str] | None:
        try:
            lines, self._read[path.name] = checked_segment(path, self._manifest)
        except TornSegment as error:
            self.problems[path.name] = f"{error}"
            self._remove(path)
            return None
        return lines

    def _remove(self, path: Path) -> None:
        if self._are_copies:
            path.unlink()

    def _hold_against_manifest(self, read_before: Collection[str]) -> None:
        for facts in self._manifest.segments if self._manifest is not None else ():
            read = self._read.get(facts.name)
            if read is None:
                if facts.name not in read_before:
                    text = f"{facts.name} is named by the manifest, and did not come whole"
                    self.problems.setdefault(facts.name, text)
            elif read != facts:
                raise EnvironmentFault(
                    f"{facts.name} had {counted(read.rows, 'event')} when it was read, its "
                    f"manifest says {facts.rows}, or they are not the same ones",
                    where=self._child,
                    todo="the outcomes were modified after the child wrote them: do not trust "
                    "those in the ledger; compare with `gridrun local` in a copy of the study",
                )
