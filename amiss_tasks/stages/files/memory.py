"""How much reading holds, and whether memory and disk have room for it."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from amiss_tasks.features.feature_set import VEP, FeatureSet
from amiss_tasks.stages.files.pool import CHILD_BYTES, processes_for
from gridrun.errors import EnvironmentFault, UserError, counted, in_bytes
from gridrun.worker import free_memory

BASE_BYTES = 256 * 10**6
"""Python, its libraries, and the chunks that are being read, measured."""

HELD_BYTES = 32 * 10**6
"""Rows of more bytes go to disk whatever reading may take, so that its memory does not grow."""

_SIDES = 2
"""What is held of a row's bytes: as it was read, and joined."""

_GB = 10**9


_MADE_BYTES = 110
"""Of a row, while a block in which all are labelled is made: measured with amiss's features."""

_NAMED_BYTES = 450
"""Of a labelled row whose tables a process holds, beside its features: mostly text, measured."""


_SPLIT_BYTES = 300
"""Of a labelled row while it is split and encoded, beside its features: its words, measured."""


def labelling_bytes(rows: float) -> float:
    """Bytes that are taken while the rows of a block are labelled, and written as they are.

    Args:
        rows: Of the block, labelled or not.
    """
    return rows * _MADE_BYTES


def split_bytes(rows: float, columns: float) -> float:
    """Bytes that are taken while labelled rows are split, encoded and written.

    Args:
        rows: How many, of both parts.
        columns: Their columns.
    """
    return rows * (_SPLIT_BYTES + 8 * columns)


def tables_bytes(rows: float, columns: float, tables: int = 1) -> float:
    """Bytes of labelled rows that are held as tables.

    Args:
        rows: How many, of both parts.
        columns: Their columns.
        tables: How often each number is held.
    """
    return rows * (_NAMED_BYTES + 8 * columns * tables)


def require_memory(needed: float, block: str) -> None:
    """Stop where making a block would take more memory than there is, before it takes any.

    Args:
        needed: Bytes.
        block: Values of its parameters.

    Raises:
        EnvironmentFault: It would.
    """
    free = free_memory()
    if needed > free:
        raise EnvironmentFault(
            f"memory has no room for a block: its rows take about {in_bytes(round(needed))} while "
            f"it is made, and {in_bytes(free)} are free",
            where=block,
            todo="end other programs, run the study where there is more memory, or let the grid "
            "keep fewer rows (--rows draws some); then run the same command again",
        )


def bytes_beside(features: FeatureSet, inputs: Mapping[str, str]) -> int:
    """Bytes of a row that are read from tables: a number each, and what names it."""
    numbers = [each for each in features.features if each.is_numeric and each.file != VEP]
    return 8 * len(numbers) + 64 * (len(inputs) > 1)


class Disk(Protocol):
    """Where rows go once memory has no room for them."""

    @property
    def is_used(self) -> bool:
        """Whether it has none."""
        ...

    def begin(self) -> None:
        """Have rows of all files go there from now on."""
        ...

    def take(self, table: Any) -> None:
        """Take in rows, in the order of the file."""
        ...


class Memory:
    """Counts the rows that are kept while inputs are read; says when there is room for no more.

    What the disk has no room for is refused once that is certain: rows of the VCF alone are not
    before the tables are read, for some may have none there. So is a draw that is too large.

    A row of amiss's features takes some 330 bytes of the VCF, as many of CADD, and both again
    once they are joined.

    Args:
        most: Bytes that reading may take, None for any number.
        directory: Where the joined table is written; it need not be there yet.
        beside_bytes: Of a row, read from other files than the VCF.
        draws: How many variants are drawn; None where all that are kept are used.
        readings: How many share the memory.
    """

    def __init__(
        self,
        most: int | None,
        directory: Path,
        beside_bytes: int,
        *,
        draws: int | None = None,
        readings: int = 1,
    ) -> None:
        self._sides = _SIDES * readings
        self._draws = draws
        self._most = most
        self._directory = next(path for path in (directory, *directory.parents) if path.exists())
        self._beside = beside_bytes
        self.processes = processes_for(most, BASE_BYTES)
        """How many processes may read."""
        self._base = BASE_BYTES + readings * (self.processes - 1) * CHILD_BYTES
        self._of_vcf = self._of_tables = self._rows = 0

    def hold_rows(self, rows: int, size: int, share: float) -> bool:
        """Take in what the VCF gave so far, as far as it is in memory.

        Args:
            rows: Rows that are kept.
            size: Their bytes.
            share: Share of the file that is read.

        Returns:
            Whether memory has room for them, and for what will be joined to them.

        Raises:
            UserError: It has not, and they are drawn.
            EnvironmentFault: Their table is more than the disk has.
        """
        self._rows, self._of_vcf = rows, size
        if not self._beside:
            self.check_disk(size)
        return self._has_room(size + rows * self._beside, share)

    def hold_more(self, size: int) -> bool:
        """Take in some bytes of rows of a table that the VCF has too; as ``hold_rows``."""
        self._of_tables += size
        self.check_disk(self._of_tables)
        held = max(self._of_vcf + self._of_tables, self._rows * self._beside)
        return self._has_room(held, 1.0)

    def check_disk(self, size: int) -> None:
        """Stop where a table of joined rows that takes so many bytes, or more, has no room.

        Raises:
            EnvironmentFault: It is so.
        """
        free = shutil.disk_usage(self._directory).free
        if size > free:
            raise EnvironmentFault(
                f"no space left to write: the table of joined rows takes {in_bytes(size)} or "
                f"more, and {in_bytes(free)} are free",
                where=str(self._directory),
                todo="free some space, or let the grid keep fewer rows; then run the same command "
                "again",
            )

    def _has_room(self, size: int, share: float) -> bool:
        if self._most is None or self._base + self._sides * size <= self._most:
            return self._draws is not None or self._most is None or size <= HELD_BYTES
        if self._draws is None:
            return False
        expected = self._base + self._sides * size / max(share, 1e-3)
        raise UserError(
            f"reading would take more memory than it may ({in_bytes(self._most)}): --rows "
            f"draws {counted(self._draws, 'variant')} with all of their transcripts, and "
            f"takes about {math.ceil(expected / _GB):,} GB",
            todo="ask for fewer --rows, or let reading take more, in study.yaml: limits: "
            f"{{read: {{memory: {math.ceil(1.2 * expected / _GB)} GB}}}}",
        )
