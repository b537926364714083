"""Rows of a study's files on disk, from when memory has no room for them, until they are joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.features.feature_set import KEYS
from amiss_tasks.stages.columns.spilled import Sorted
from amiss_tasks.stages.columns.stretches import Stretches
from amiss_tasks.stages.files.scratch import scratch_directory
from gridrun.store.faults import cannot_write

ROWS_OF_PIECE = 16_000
"""Rows of the VCF in a piece, about; those of one place are in one piece."""

BATCHES_OF_PIECE = 50
"""So many times fewer rows are read to be left out where a piece begins or ends."""

VCF = "vcf"
"""Role of the VCF."""

_VCF_NAMES = ("CHROM", "POS")


class OnDisk:
    """Rows of files, kept in pieces of the order in which R's ``merge`` has them.

    Pieces hold rows of the same stretches of a genome, so each can be joined alone, and what is
    joined stands one after another as if all had been sorted together.

    Args:
        place: Directory in which a directory of its own is made, once there are rows.
        stack: Removes that.
    """

    def __init__(self, place: Path, stack: ExitStack) -> None:
        self._place, self._stack = place, stack
        self._stretches = Stretches()
        self._kept: dict[str, Sorted] = {}
        self._transcript: Any = None
        self.is_used = False
        """Whether memory had no room for some rows."""

    @cached_property
    def directory(self) -> Path:
        """Where rows are kept; gone with all that is in it once they are not needed any more."""
        return self._stack.enter_context(scratch_directory(self._place))

    def of(self, role: str) -> Shelf:
        """Where the rows of a file are kept."""
        return Shelf(self, role)

    def take(self, role: str, table: Any) -> None:
        """Take in rows of a file, in its order.

        Args:
            role: Of the file.
            table: Arrow table; all that come of the file have the same columns.
        """
        if role not in self._kept:
            todo = "free some space, or let the grid keep fewer rows; then run the command again"
            file = self.directory / f"{len(self._kept)}.arrow"
            rows_of_batch = max(1, ROWS_OF_PIECE // BATCHES_OF_PIECE)
            self._kept[role] = Sorted(file, "they are joined", todo, rows_of_batch)
        chromosome, position = _VCF_NAMES if role == VCF else KEYS[:2]
        if role == VCF and self._transcript is None:
            self._transcript = table["Feature"].drop_null().slice(0, 1)
        self._kept[role].add(table, self._stretches.of(table[chromosome], table[position]))

    def transcripts(self, vcf: Any) -> Any:
        """The transcripts of a VCF, that of its first row first; an Arrow column.

        Args:
            vcf: Arrow table of its rows, if memory had room for them.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self.is_used:
            return vcf["Feature"]
        batches = (batch["Feature"] for batch in self._kept[VCF].all())
        return pa.chunked_array([*self._transcript.chunks, *map(pc.unique, batches)], pa.string())

    @contextmanager
    def writing(self, schema: Any) -> Iterator[JoinedFile]:
        """Write joined rows, piece by piece, to a file beside those that are joined.

        Args:
            schema: Arrow schema of all pieces.
        """
        import pyarrow as pa

        file = self.directory / "joined.arrow"
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            yield JoinedFile(file, writer)

    def pieces(self) -> Iterator[Mapping[str, Any]]:
        """Yield the pieces in their order, once all rows are there: role to Arrow table."""
        for kept in self._kept.values():
            kept.finish()
        bounds = self._kept[VCF].bounds
        bounds = bounds[np.lexsort(bounds.T[::-1])]
        stretches: list[tuple[int, int]] = []
        size = 0
        for first, end in self._stretches.in_order():
            cut = first
            of_chromosome = slice(*np.searchsorted(bounds[:, 0], (first, end)))
            for begin, _, rows in bounds[of_chromosome].tolist():
                if size >= ROWS_OF_PIECE and begin > cut:
                    yield self._piece([*stretches, (cut, begin)])
                    stretches, cut, size = [], begin, 0
                size += rows
            stretches.append((cut, end))
        yield self._piece(stretches or [(0, 0)])

    def _piece(self, stretches: list[tuple[int, int]]) -> Mapping[str, Any]:
        return {role: kept.within(stretches) for role, kept in self._kept.items()}


@dataclass(frozen=True)
class JoinedFile:
    """A file of joined rows that is written.

    Args:
        file: The file.
        writer: Of Arrow.
    """

    file: Path
    writer: Any

    def write(self, table: Any) -> None:
        """Write a piece.

        Raises:
            EnvironmentFault: The disk has no room for it.
        """
        try:
            self.writer.write_table(table)
        except OSError as error:
            raise cannot_write(self.file, error) from error


@dataclass(frozen=True)
class Shelf:
    """Where the rows of one file are kept.

    Args:
        disk: The rows of all files.
        role: Of the file.
    """

    disk: OnDisk
    role: str

    @property
    def is_used(self) -> bool:
        """Whether rows go there from now on."""
        return self.disk.is_used

    def begin(self) -> None:
        """Have rows of all files go there from now on."""
        self.disk.is_used = True

    def take(self, table: Any) -> None:
        """Take in rows, in the order of the file."""
        self.disk.take(self.role, table)
