"""How full the columns of the first records of a VCF are, as text; nothing is parsed or joined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import isfinite

from amiss_tasks.features.consequences import can_exist
from amiss_tasks.stages.read.vcf import VcfRecord
from amiss_tasks.stages.values.parsing import MISSING

_BLOCKS_AT_ONCE = 20_000


@cache
def has_value(cell: str) -> bool:
    """Whether a cell, or some part of a list in it, has a value."""
    return any(part not in MISSING for part in cell.replace("&", ",").split(","))


@cache
def _is_number(cell: str) -> bool:
    try:
        return all(
            isfinite(float(part))
            for part in cell.replace("&", ",").split(",")
            if part not in MISSING
        )
    except ValueError:
        return False


@dataclass
class ColumnsSeen:
    """Counts over the CSQ blocks of some records.

    Args:
        fields: CSQ fields in the order of a block.
        records: Records that were counted.
        chromosomes: Chromosomes of these, each once, in the order of the file.
        without_blocks: Those of them that have no CSQ block.
        significances: CLNSIG to its records; empty where a record has none.
        statuses: CLNREVSTAT to its records.
        blocks: Consequence to its blocks.
        values: Field to consequence to the blocks of it that have a value in the field.
        lists: Fields that have more than one value in some block.
        texts: Fields with a value that is no number.
    """

    fields: tuple[str, ...]
    records: int = 0
    chromosomes: dict[str, None] = field(default_factory=dict)
    without_blocks: int = 0
    significances: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    blocks: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[str]] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def add_all(self, records: Iterable[VcfRecord]) -> None:
        """Count records; blocks of another width than the header says are left out."""
        blocks: list[list[str]] = []
        for record in records:
            self.records += 1
            self.chromosomes[record.chrom] = None
            self.without_blocks += not record.csq_blocks
            self.significances[record.info.get("CLNSIG", "")] += 1
            self.statuses[record.info.get("CLNREVSTAT", "")] += 1
            if record.is_sound:
                blocks.extend(record.csq_blocks)
            if len(blocks) >= _BLOCKS_AT_ONCE:
                self._count(blocks)
                blocks = []
        self._count(blocks)

    def _count(self, blocks: Sequence[Sequence[str]]) -> None:
        if not blocks:
            return
        columns = dict(zip(self.fields, zip(*blocks, strict=True), strict=True))
        consequences = columns.get("Consequence", ("",) * len(blocks))
        self.blocks.update(consequences)
        for name, cells in columns.items():
            found = self.values.setdefault(name, Counter())
            for (consequence, cell), count in Counter(
                zip(consequences, cells, strict=True)
            ).items():
                if has_value(cell):
                    found[consequence] += count
                    if "&" in cell and name != "Consequence":
                        self.lists.add(name)
                    if not _is_number(cell):
                        self.texts.add(name)

    def share(self, name: str, applies_to: tuple[str, ...] = ()) -> float | None:
        """Share of the blocks on which a feature can exist that have a value in a field.

        Args:
            name: CSQ field.
            applies_to: Consequences on which the feature can exist; empty: all.

        Returns:
            0 to 1, or None where it can exist on no block.
        """
        where = [known for known in self.blocks if can_exist(applies_to, known)]
        blocks = sum(self.blocks[known] for known in where)
        if not blocks:
            return None
        found = self.values.get(name, Counter())
        return sum(found[known] for known in where) / blocks

    @property
    def empty(self) -> tuple[str, ...]:
        """Fields without a value in any block, in order."""
        return tuple(name for name in self.fields if not self.values.get(name))

    @property
    def numeric(self) -> tuple[str, ...]:
        """Fields with values that are all numbers, in order."""
        return tuple(name for name in self.names_with(self.fields) if name not in self.texts)

    def names_with(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of some names that are fields with a value in some block."""
        return tuple(name for name in names if self.values.get(name))
