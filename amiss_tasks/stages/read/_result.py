"""What reading the inputs gives, and where it is kept.

One Arrow file holds the table and, in its schema's metadata, notes and counts,
so that they appear together or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss_tasks.features.feature_set import KEYS, VARIANT, FeatureSet
from amiss_tasks.r.arrays import IntArray
from amiss_tasks.stages.table import GENE, VariantTable, is_beside
from gridrun.errors import EnvironmentFault, Fault, UserError, in_bytes
from gridrun.store.cache import fault_of, write_entry
from gridrun.store.faults import disk_fault

_FORMAT = 1
_METADATA = b"gridrun"


@dataclass(frozen=True)
class ReadCounts:
    """How much was read, and what was left out for which reason.

    Args:
        records: Records of the VCF.
        blocks: CSQ blocks of the VCF.
        cadd_rows: Rows of the two CADD tables together.
        records_dropped: Reason to records that no combination can use; each
            record is counted once.
        variants_without_cadd: Kept variants without a row in the result.
        rows_without_cadd: Kept transcript rows without a row in CADD.
        review: CLNREVSTAT to records.
        rows: Rows of the result, for all records: one per variant and transcript.
        variants: Variants of the result.
    """

    records: int = 0
    blocks: int = 0
    cadd_rows: int = 0
    records_dropped: Mapping[str, int] = field(default_factory=dict)
    variants_without_cadd: int = 0
    rows_without_cadd: int = 0
    review: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    variants: int = 0


@dataclass(frozen=True)
class ReadResult:
    """The joined table: all transcripts, all review tiers.

    Args:
        path: The Arrow file it is kept in (of all variants, when ``table`` is a subset).
        table: Arrow table in the row order of R's ``merge``; columns ``KEYS``,
            the text and numeric columns of the features, and where rows came from.
        notes: What was found worth saying.
        counts: How much was read and left out.
        features: The features that were read.
    """

    path: Path
    table: Any
    notes: tuple[Fault, ...]
    counts: ReadCounts
    features: FeatureSet

    @cached_property
    def text(self) -> dict[str, npt.NDArray[np.object_]]:
        """Text columns as object arrays of ``str`` and None, for cutting rows out."""
        # transcripts of lists are not there where each feature with some is read from elsewhere
        there = [n for n in self.features.text_columns if n in self.table.column_names]
        return {name: _objects(self.table[name]) for name in (*KEYS, *there)}

    @cached_property
    def numbers(self) -> dict[str, npt.NDArray[np.float64]]:
        """Numeric columns as float64, NaN for NA."""
        return {
            name: self.table[name].combine_chunks().to_numpy(zero_copy_only=False)
            for name in self.features.numeric_columns
        }

    @cached_property
    def beside(self) -> dict[str, npt.NDArray[np.generic]]:
        """Columns that are there for null models alone."""
        return {
            name: _objects(self.table[name])
            if name == GENE
            else self.table[name].combine_chunks().to_numpy(zero_copy_only=False)
            for name in filter(is_beside, self.table.column_names)
        }

    @property
    def clnsig(self) -> list[str | None]:
        """The values of CLNSIG that some row has, each once."""
        values: list[str | None] = self.table["CLNSIG"].unique().to_pylist()
        return values

    def take(self, rows: IntArray) -> VariantTable:
        """The rows at these positions, in this order."""
        return VariantTable(
            text={name: values[rows].tolist() for name, values in self.text.items()},
            numeric={name: values[rows] for name, values in self.numbers.items()},
            rows=len(rows),
            beside={name: values[rows] for name, values in self.beside.items()},
        )


def sample_variants(table: Any, number: int, seed: int) -> Any:
    """Keep all rows of ``number`` variants, drawn by seed and content.

    A variant's place in the draw is a hash of the seed and its chromosome,
    position, Ref and Alt: the order of rows does not matter, and a larger
    number keeps the variants of a smaller one.

    Args:
        table: The joined table.
        number: How many variants.
        seed: Any whole number.
    """
    import pyarrow as pa

    keys = list(zip(*(table[name].to_pylist() for name in VARIANT), strict=True))
    places = {
        key: hashlib.sha256("\t".join((str(seed), *map(str, key))).encode()).digest()
        for key in set(keys)
    }
    drawn = set(sorted(places, key=places.__getitem__)[:number])
    return table.filter(pa.array([key in drawn for key in keys], pa.bool_()))


def _objects(column: Any) -> npt.NDArray[np.object_]:
    """Text as Python objects, one for each distinct text: values repeat a lot."""
    codes = column.combine_chunks().dictionary_encode()
    distinct = np.array([*codes.dictionary.to_pylist(), None], dtype=object)
    missing = len(distinct) - 1
    objects: npt.NDArray[np.object_] = distinct[codes.indices.fill_null(missing).to_numpy()]
    return objects


def cache_path(cache_dir: Path, digest: str) -> Path:
    """Where the table of inputs with this digest is kept."""
    return cache_dir / f"read-{digest}.arrow"


def save(result: ReadResult, files: Mapping[str, Path]) -> None:
    """Keep a table at its path; a reader never sees half of it.

    Args:
        result: What reading gave.
        files: Role to file: notes are kept by role, for the file may move.

    Raises:
        UserError: There is no room, or no permission, to write.
    """
    import pyarrow as pa

    roles = {file: role for role, file in files.items()}
    notes = [[roles[note.file], note.message, note.line, note.todo] for note in result.notes]
    content = {"format": _FORMAT, "counts": asdict(result.counts), "notes": notes}
    table = result.table.replace_schema_metadata({_METADATA: json.dumps(content).encode()})

    def write(aside: Path) -> None:
        with pa.OSFile(str(aside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)

    try:
        write_entry(result.path, write)
    except OSError as error:
        size = f"the table of joined variants takes {in_bytes(table.nbytes)}"
        fault = disk_fault(error, result.path)
        if fault is not None:
            raise EnvironmentFault(
                fault.what, where=fault.where, todo=f"{fault.todo}; {size}"
            ) from error
        raise UserError(
            f"cannot be written: {error}",
            where=str(result.path),
            todo=f"make the directory writable: {size}",
        ) from error


def load(
    path: Path, files: Mapping[str, Path], features: FeatureSet
) -> tuple[ReadResult | None, str]:
    """Read a cache file whose bytes are those that were written.

    Arrow is never given others: it maps the file, and a single wrong bit can end the process.

    Args:
        path: Where it would be.
        files: Role to file as the user names it now, for the notes.
        features: The study's features; those that the table has were read.

    Returns:
        Its content, None when there is none that can be used; and what is wrong with it, empty
        when nothing is.
    """
    import pyarrow as pa

    fault = fault_of(path)
    if fault is not None:
        return None, fault
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        content = json.loads((table.schema.metadata or {}).get(_METADATA, b"{}"))
    except (OSError, pa.ArrowInvalid, ValueError):
        return None, ""  # a cache may be emptied at any time; it is then made anew
    if content.get("format") != _FORMAT:
        return None, ""
    notes = tuple(
        Fault(files[role], message, line, todo) for role, message, line, todo in content["notes"]
    )
    counts = ReadCounts(**content["counts"])
    return ReadResult(path, table, notes, counts, features.of_table(table.column_names)), ""
