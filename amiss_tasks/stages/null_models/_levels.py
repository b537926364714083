"""What null models know of the rows of a block, as a level for each row; kept in its artifact."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.features.frequencies import is_frequency_feature
from amiss_tasks.r.arrays import BoolArray, IntArray
from amiss_tasks.stages.block_tables import text_array, text_of, variant_of
from amiss_tasks.stages.columns.words import Codes, Words, is_none, ranks
from amiss_tasks.stages.splits.gene_groups import gene_groups
from amiss_tasks.stages.table import GENE, LACKS, Made, VariantTable

Levels = npt.NDArray[np.generic]
"""Level of each row, numbers or text, shape (rows,)."""

CONSEQUENCE = "consequence"

GENE_LEVEL = "gene"

_BITS = 30
"""Columns that have room in a number, beside that of a pattern of others."""

_ARRAY = "null model:"
"""How the arrays of an artifact are called that hold levels."""


@dataclass(frozen=True)
class KnownLevels:
    """Levels of the rows of a block.

    Args:
        place: Row id to position.
        levels: Null model to the level of each row.
        missingness: How often features are missing, as a payload of results.
    """

    place: Mapping[str, int]
    levels: Mapping[str, Levels]
    missingness: bytes = b""

    def of(self, row_ids: Sequence[str]) -> dict[str, Levels]:
        """Null model to the level of each of these rows."""
        at = np.array([self.place[row_id] for row_id in row_ids], np.int64)
        return {name: levels[at] for name, levels in self.levels.items()}

    @cached_property
    def groups(self) -> IntArray | None:
        """Group of each row by the genes of its variant, named alike in all blocks of a study.

        Groups are those of a split by gene (``gene_groups``), called by the least name that stands
        for a gene or variant of theirs (``_name_of``). None where rows have no genes.
        """
        if GENE_LEVEL not in self.levels:
            return None
        variants = [variant_of(row_id) for row_id in self.place]
        genes = self.levels[GENE_LEVEL].tolist()
        group = gene_groups(variants, [gene or None for gene in genes])
        names = np.array(
            [gene or _name_of(variant) for gene, variant in zip(genes, variants, strict=True)]
        )
        least = np.full(int(group.max(initial=-1)) + 1, np.iinfo(np.int64).max)
        np.minimum.at(least, group, names)
        found: IntArray = least[group]
        return found

    def groups_of(self, row_ids: Sequence[str]) -> IntArray | None:
        """Group of each of these rows, None where rows have no genes."""
        if self.groups is None:
            return None
        found: IntArray = self.groups[[self.place[row_id] for row_id in row_ids]]
        return found


def _name_of(text: str | None) -> int:
    """A number that stands for a text in all blocks; 0 for none.

    It has the 63 bits of a positive number: of 4 million texts (variants without a gene have names
    as well) two have one number in 9 of 10 million studies, of 40,000 genes in 9 of 10^11.
    """
    if text is None:
        return 0
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def missing_of(
    table: VariantTable, features: FeatureSet, present: Sequence[str]
) -> Made[BoolArray]:
    """Which rows lack each feature, and each allele frequency that is none.

    Args:
        table: The rows as read: no a-priori value is in the place of a missing one yet.
        features: The study's features.
        present: Names of those that the rows have.
    """
    own = [f.name for f in features.features if f.name in present]
    beside = {name.removeprefix(LACKS): name for name in table.beside if name.startswith(LACKS)}

    def flags(name: str) -> BoolArray:
        if name not in beside:
            return _is_missing(table, name)
        found: BoolArray = table.beside[beside[name]].astype(np.bool_)
        return found

    return Made(tuple({**dict.fromkeys(own), **beside}), flags)


def levels_of(
    table: VariantTable, features: FeatureSet, present: Sequence[str], consequences: Words[str]
) -> dict[str, Levels]:
    """What null models know of rows beside their consequence.

    Args:
        table: The rows as read: no a-priori value is in the place of a missing one yet.
        features: The study's features.
        present: Names of those that the rows have.
        consequences: Consequence of each row.

    Returns:
        Null model to the level of each row.
    """
    missing = missing_of(table, features, present)
    no_frequency = {f.name for f in features.features if not is_frequency_feature(f)}
    frequencies = [name for name in missing if name not in no_frequency]
    others = [name for name in missing if name in no_frequency]
    found: dict[str, Levels] = {f"{name} missing": missing[name] for name in frequencies}
    found["pattern"] = _coded(missing, others, table.rows)
    if frequencies:
        found["pattern with AF"] = _coded(missing, [*others, *frequencies], table.rows)
        pattern = _coded(missing, frequencies, table.rows)
        levels = Words(range(table.rows), pattern)
        found[f"{CONSEQUENCE} + AF"] = consequences.beside(levels).codes.astype(np.int32)
    if GENE in table.beside:
        genes = Words.of(table.beside[GENE])
        names = np.array([_name_of(name) for name in genes.distinct], np.int64)
        found[GENE_LEVEL] = names[genes.codes]
    return found


def arrays_of(
    levels: Mapping[str, Levels], missingness: bytes, order: IntArray
) -> dict[str, Levels]:
    """Levels as arrays of an artifact.

    Args:
        levels: Null model to the level of each row.
        missingness: How often features are missing, as a payload of results.
        order: Positions of the rows in the order in which the artifact has them.
    """
    arrays: dict[str, Levels] = {
        f"{_ARRAY}names": text_array(tuple(levels)),
        f"{_ARRAY}missingness": np.frombuffer(missingness, np.uint8),
    }
    return arrays | {f"{_ARRAY}{n}": own[order] for n, own in enumerate(levels.values())}


def load_levels(path: Path) -> KnownLevels:
    """The levels that an artifact has, of both parts where it is split."""
    with np.load(path, allow_pickle=False) as arrays:
        ids = ("row_ids",) if "row_ids" in arrays else ("train_row_ids", "test_row_ids")
        row_ids = [row_id for name in ids for row_id in text_of(arrays[name])]
        names = text_of(arrays[f"{_ARRAY}names"]) if f"{_ARRAY}names" in arrays else ()
        levels = {name: arrays[f"{_ARRAY}{number}"] for number, name in enumerate(names)}
        of_block = arrays[f"{_ARRAY}missingness"].tobytes() if names else b""
    return KnownLevels({row_id: at for at, row_id in enumerate(row_ids)}, levels, of_block)


def _is_missing(table: VariantTable, name: str) -> BoolArray:
    if name in table.numeric:
        return np.isnan(table.numeric[name])
    return Words.of(table.text[name]).are(is_none)


def _coded(missing: Mapping[str, BoolArray], names: Sequence[str], rows: int) -> Codes:
    """A number for each pattern of some columns, in the order of these as bits."""
    codes: Codes = np.zeros(rows, np.int32)
    for begin in range(0, len(names), _BITS):
        bits = codes.astype(np.int64)
        for name in names[begin : begin + _BITS]:
            bits *= 2
            bits += missing[name]
        _, codes = ranks(bits)
    return codes
