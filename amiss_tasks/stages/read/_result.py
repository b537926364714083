"""What reading the inputs gives, and where it is kept.

One Arrow file holds the table and, in its schema's metadata, notes and counts,
so that they appear together or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss_tasks.features.feature_set import KEYS, FeatureSet
from amiss_tasks.r.arrays import IntArray
from amiss_tasks.stages.columns.mapped import Mapped
from amiss_tasks.stages.columns.variants import Variants
from amiss_tasks.stages.columns.words import Words
from amiss_tasks.stages.table import GENE, Made, VariantTable, is_beside
from gridrun.errors import EnvironmentFault, Fault, UserError, in_bytes
from gridrun.store.cache import fault_of, made_again, write_entry
from gridrun.store.faults import disk_fault
from gridrun.store.patience import patiently

_FORMAT = 1
_PREFIX = "read-"
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
        path: The Arrow file it is kept in (of more variants, when ``table`` is a draw of them).
        table: Arrow table in the row order of R's ``merge``; columns ``KEYS``,
            the text and numeric columns of the features, and where rows came from.
        notes: What was found worth saying.
        counts: How much was read and left out.
        features: The features that were read.
        variants: All variants of the VCF, where they were asked for and it was read just now.
        mapped: The table, if it is mapped from a file.
        aside: That file, where it is not yet at ``path``.
    """

    path: Path
    table: Any
    notes: tuple[Fault, ...]
    counts: ReadCounts
    features: FeatureSet
    variants: Variants | None = None
    mapped: Mapped | None = None
    aside: Path | None = None

    def give_back(self) -> None:
        """Hold no pages of the file from which the table is mapped."""
        if self.mapped is not None:
            self.mapped.give_back()

    @property
    def key(self) -> str:
        """What it is kept under."""
        return self.path.stem.removeprefix(_PREFIX)

    @property
    def variants_path(self) -> Path:
        """Where all variants of the VCF are kept, used or not."""
        return self.path.with_suffix(".npy")

    @property
    def numbers(self) -> dict[str, npt.NDArray[np.float64]]:
        """Numeric columns as float64, NaN for NA."""
        return {name: _array(self.table[name]) for name in self.features.numeric_columns}

    @property
    def clnsig(self) -> list[str | None]:
        """The values of CLNSIG that some row has, each once."""
        pieces = (piece["CLNSIG"].unique().to_pylist() for piece in self.pieces("CLNSIG"))
        return list(dict.fromkeys(value for values in pieces for value in values))

    def pieces(self, *columns: str) -> Iterator[Any]:
        """Yield Arrow tables of some columns, of all rows, piece by piece."""
        return (self.mapped or Mapped(self.table)).pieces(*columns)

    def take(self, rows: IntArray) -> VariantTable:
        """The rows at these positions, in this order; nothing of others is made, or kept."""
        import pyarrow as pa

        taken = replace(self, table=self.table.take(pa.array(rows)), mapped=None)
        found = taken.only(pa.chunked_array([np.ones(len(rows), np.bool_)]))
        return replace(found, text=dict(found.text), numeric=dict(found.numeric))

    def only(self, chosen: Any) -> VariantTable:
        """Some rows, in their order; a column of them is made when it is asked for.

        Args:
            chosen: Whether each row is one of them: Arrow array of booleans, without nulls.
        """
        import pyarrow.compute as pc

        features, rows = self.features, int(pc.sum(chosen).as_py() or 0)
        # transcripts of lists are not there where each feature with some is read from elsewhere
        there = [name for name in features.text_columns if name in self.table.column_names]

        def pieces(name: str) -> Iterator[Any]:
            at = 0
            for piece in self.pieces(name):
                yield piece[name].filter(chosen.slice(at, len(piece)))
                at += len(piece)

        def numbers(name: str) -> npt.NDArray[Any]:
            return np.concatenate([_array(self.table[name][:0]), *map(_array, pieces(name))])

        def words(name: str) -> Words[str | None]:
            return _words([piece.dictionary_encode() for piece in pieces(name)])

        beside = [*filter(is_beside, self.table.column_names)]
        return VariantTable(
            text=Made((*KEYS, *there), words),
            numeric=Made(features.numeric_columns, numbers),
            rows=rows,
            beside=Made(beside, lambda name: (words if name == GENE else numbers)(name)),
        )


def _array(column: Any) -> npt.NDArray[Any]:
    """Numbers, or truth values; those of a table that is mapped from a file stay there."""
    values: npt.NDArray[Any] = column.combine_chunks().to_numpy(zero_copy_only=False)
    return values


def _words(pieces: Sequence[Any]) -> Words[str | None]:
    """Text of some dictionaries; None is a null."""
    import pyarrow as pa

    chunks = [chunk for piece in pieces for chunk in piece.chunks]
    if not chunks:
        return Words([], np.zeros(0, np.int32))
    coded = pa.chunked_array(chunks).unify_dictionaries()
    distinct = coded.chunk(0).dictionary.to_pylist()
    missing = len(distinct)
    codes = [chunk.indices.fill_null(missing).to_numpy() for chunk in coded.chunks]
    return Words([*distinct, *[None] * bool(coded.null_count)], np.concatenate(codes))


def cache_path(cache_dir: Path, digest: str) -> Path:
    """Where the table of inputs with this digest is kept."""
    return cache_dir / f"{_PREFIX}{digest}.arrow"


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
    about = json.dumps(content)
    table = result.table.replace_schema_metadata({_METADATA: about.encode()})

    def write(aside: Path) -> None:
        if result.aside is not None:
            result.aside.replace(aside)
            return
        with pa.OSFile(str(aside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)

    try:
        if result.variants is not None:
            # first, so that there is no table without them
            variants = result.variants
            patiently(lambda: write_entry(result.variants_path, variants.write))
        if result.aside is None:
            patiently(lambda: write_entry(result.path, write))
        else:  # it is moved there, which can be tried once
            note = _about(result.path)
            patiently(lambda: write_entry(note, lambda aside: aside.write_text(about, "utf-8")))
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


def _about(path: Path) -> Path:
    """Where notes and counts are that were known only after the table was written."""
    return path.with_suffix(".json")


def load(
    path: Path, files: Mapping[str, Path], features: FeatureSet, *, with_variants: bool = False
) -> tuple[ReadResult | None, Fault | None]:
    """Read a cache file whose bytes are those that were written.

    Arrow is never given others: it maps the file, and a single wrong bit can end the process.

    Args:
        path: Where it would be.
        files: Role to file as the user names it now, for the notes.
        features: The study's features; those that the table has were read.
        with_variants: Whether all variants of the VCF have to be there as well.

    Returns:
        Its content, None when there is none that can be used; and a note on what is wrong with it,
        None when nothing is.
    """
    beside = _about(path)
    of_table = [beside] if beside.exists() else []
    for entry in (path, *of_table, *([path.with_suffix(".npy")] if with_variants else ())):
        fault = fault_of(entry)
        if fault is not None:
            return None, made_again(entry, fault) if fault else None
    try:
        mapped = Mapped.of(path)
        table = mapped.table
        about = (table.schema.metadata or {}).get(_METADATA)
        content = json.loads(about or beside.read_bytes())
    except (OSError, ValueError):
        return None, None  # a cache may be emptied at any time; it is then made anew
    if content.get("format") != _FORMAT:
        return None, None
    notes = tuple(
        Fault(files[role], message, line, todo) for role, message, line, todo in content["notes"]
    )
    counts = ReadCounts(**content["counts"])
    kept = features.of_table(table.column_names)
    return ReadResult(path, table, notes, counts, kept, mapped=mapped), None
