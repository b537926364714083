"""Inputs that need no labels, read in pieces, of which one at a time is in memory.

The VCF is read once, and then each table; rows are kept on disk until their piece is joined. So
the faults of all pieces are known before the first is given away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.features.feature_set import VARIANT, FeatureSet
from amiss_tasks.stages.columns.coded import Coded
from amiss_tasks.stages.columns.spilled import Places, Spilled
from amiss_tasks.stages.files.memory import BASE_BYTES
from amiss_tasks.stages.files.pool import Pool, processes_for
from amiss_tasks.stages.read._collect import VARIANT_FIELDS
from amiss_tasks.stages.read._join_checks import check_matches, check_transcripts, note_misplaced
from amiss_tasks.stages.read._judged import LeftOut, VcfRows
from amiss_tasks.stages.read._left_join import JoinTally, joined_rows
from amiss_tasks.stages.read._open import CADD_ROLES, Opened, notes_of, open_inputs
from amiss_tasks.stages.read._result import ReadCounts, ReadResult
from amiss_tasks.stages.read._study import read_vcf
from amiss_tasks.stages.read._table_rows import FoundRows, collect_rows
from amiss_tasks.stages.transcripts import pasted
from amiss_tasks.stages.values.combine import add_combinations
from gridrun.errors import Fault

ROWS_OF_PIECE = 50_000
"""Rows of the VCF in a piece, about; a record is in one piece."""


@dataclass(frozen=True)
class Unlabelled:
    """Rows that are to be predicted, whether ClinVar knows them or not.

    Args:
        read: The joined table; its path is no file.
        rows: Arrow table of the rows of the VCF that may join, in the order of the
            file: ``vcf_line``, ``CHROM``, ``POS``, ``REF``, ``ALT``, ``Feature``,
            ``Consequence``, ``CANONICAL`` and more.
        left_out: Records that give no row.
        has_cadd: Whether CADD tables are among the inputs.
    """

    read: ReadResult
    rows: Any
    left_out: Sequence[LeftOut]
    has_cadd: bool


class UnlabelledRows:
    """The rows of a VCF that are to be predicted, in pieces; see :func:`read_unlabelled`.

    Args:
        opened: The inputs.
        directory: Where rows are kept.
        rows_of_piece: Rows of the VCF in a piece, about.
        pool: Processes that may read.
    """

    def __init__(self, opened: Opened, directory: Path, rows_of_piece: int, pool: Pool) -> None:
        self._opened = opened
        self._pool = pool
        self._directory = directory
        self._rows_of_piece = rows_of_piece
        self._roles = [role for role in CADD_ROLES if role in opened.reports]
        self._rows, self._left_out, self._joined = map(self._spilled, ("rows", "left", "joined"))
        self._places = Places()
        self._last = self._size = 0

    def __len__(self) -> int:
        """Number of pieces."""
        return self._last + 1

    def __iter__(self) -> Iterator[Unlabelled]:
        """Yield the pieces, in the order of the VCF."""
        for number in range(len(self)):
            joined = self._joined.piece(number)
            read = ReadResult(Path(), joined, (), ReadCounts(), self._opened.kept)
            lines, *texts, reasons = (c.to_pylist() for c in self._left_out.piece(number).columns)
            left_out = map(LeftOut, lines, zip(*texts, strict=True), reasons)
            rows = self._rows.piece(number)
            yield Unlabelled(read, rows, tuple(left_out), bool(self._roles))

    @property
    def notes(self) -> tuple[Fault, ...]:
        """What was found worth saying."""
        return notes_of(self._opened.reports)

    def read(self) -> None:
        """Read all files and join the rows.

        Raises:
            InputError: With every fault of every file.
        """
        opened = self._opened
        self._left_out.add(_left_out_table(()), 0)
        with self._pool:  # its processes have ended before rows are joined
            vcf = read_vcf(
                opened,
                labelled=False,
                leave_out_other_alleles=True,
                each=self._take,
                pool=self._pool,
            )
            self._rows.finish()
            self._left_out.finish()
            self._places.finish()
            if vcf.variants.is_repeated():
                # rows with one name can be found only among all rows
                self._last = 0
                self._rows.join_pieces()
                self._left_out.join_pieces()
            readers = {**opened.cadd, **opened.tables}
            if any(self._pool.is_worth(reader.report.file) for reader in readers.values()):
                vcf.variants.keep(self._directory)
            tables = {role: self._table(role, vcf) for role in readers}
        if any(report.broken for report in opened.reports.values()):
            opened.raise_faults()
        reports = [opened.reports[role] for role in self._roles]
        found = [tables[role][0] for role in self._roles]
        # Without rows (a VCF of damaged lines only) there is nothing to compare.
        if found and vcf.records and not opened.faulty("vcf"):
            check_matches(vcf, found, opened.reports["vcf"], reports)
        self._join(vcf, tables)
        opened.raise_faults()
        self._joined.finish()

    def _spilled(self, name: str) -> Spilled:
        return Spilled(self._directory / f"{name}.arrow")

    def _take(self, table: Any, left_out: Sequence[LeftOut]) -> None:
        """Take in rows of the VCF, and records that give none."""
        if table is not None:
            self._rows.add(table, self._last)
            self._size += len(table)
            self._places.add(_names(table, VARIANT_FIELDS).distinct, self._last)
        self._left_out.add(_left_out_table(left_out), self._last)
        self._size += len(left_out)
        if self._size >= self._rows_of_piece:
            self._last, self._size = self._last + 1, 0

    def _table(self, role: str, vcf: VcfRows) -> tuple[FoundRows, Spilled]:
        """Read a table; its rows are kept in the pieces of their variants."""
        opened, kept, pool = self._opened, self._spilled(role), self._pool

        def take(table: Any) -> None:
            names = _names(table, VARIANT)
            pieces = np.minimum(self._places.of(names.distinct), self._last)
            kept.add(table, pieces[names.codes])

        if role in self._roles:
            reader = opened.cadd[role]
            found = collect_rows(reader, vcf.variants, opened.features, pool=pool, each=take)
        else:
            table = opened.tables[role]
            found = collect_rows(table, vcf.variants, opened.features, role, pool=pool, each=take)
        kept.add(found.table, 0)
        kept.finish()
        return found, kept

    def _join(self, vcf: VcfRows, tables: Mapping[str, tuple[FoundRows, Spilled]]) -> None:
        opened, tally = self._opened, JoinTally()
        joined = None
        for number in range(len(self)):
            of_piece = {
                role: replace(found, table=kept.piece(number))
                for role, (found, kept) in tables.items()
            }
            joined = joined_rows(
                replace(vcf, table=self._rows.piece(number)),
                [of_piece[role] for role in self._roles],
                {role: found for role, found in of_piece.items() if role not in self._roles},
                opened,
                tally,
            )
            if len(joined):
                joined = add_combinations(joined, opened.kept)
                note_misplaced(joined, opened.kept, opened.reports["features"])
                self._joined.add(joined, number)
        others = {role: found for role, (found, _) in tables.items() if role not in self._roles}
        tally.say(others, opened.reports, labelled=False)
        if self._joined.is_empty:
            self._joined.add(joined, 0)
            if self._roles and not opened.faulty("vcf"):
                check_transcripts(
                    self._transcripts(),
                    [tables[role][0] for role in self._roles],
                    opened.reports["vcf"],
                )

    def _transcripts(self) -> Any:
        """The distinct transcripts of all pieces, in the order in which they are met."""
        import pyarrow as pa
        import pyarrow.compute as pc

        pieces = (self._rows.piece(number)["Feature"] for number in range(len(self)))
        return pa.chunked_array([pc.unique(piece) for piece in pieces], pa.string())


def read_unlabelled(
    inputs: Mapping[str, str],
    transcript: str,
    features: FeatureSet,
    directory: Path,
    *,
    rows_of_piece: int = ROWS_OF_PIECE,
    most_bytes: int | None = None,
) -> UnlabelledRows:
    """Read and join inputs that need no labels.

    Args:
        inputs: Role (``vcf``, ``cadd_snv``, ``cadd_indel``, ``annotations.NAME``) to path.
        transcript: Value of the parameter: whether VEP's CANONICAL is needed.
        features: Features of the model.
        directory: Where rows are kept until their piece is asked for.
        rows_of_piece: Rows of the VCF in a piece, about; a record is in one piece.
        most_bytes: Memory that reading may take, None for any: how many processes read.

    Raises:
        InputError: With every fault of every file.
        UserError: There is no room for the rows.
    """
    with ExitStack() as stack:
        values = {"transcript": (transcript,)}
        opened = open_inputs(inputs, values, features, stack, labelled=False)
        pool = Pool(processes_for(most_bytes, BASE_BYTES))
        rows = UnlabelledRows(opened, directory, rows_of_piece, pool)
        rows.read()
    return rows


def _names(table: Any, columns: Sequence[str]) -> Coded:
    """Name of the variant of each row."""
    return Coded.of(pasted(table, columns).combine_chunks().dictionary_encode())


def _left_out_table(records: Sequence[LeftOut]) -> Any:
    import pyarrow as pa

    columns: dict[str, Any] = {"line": pa.array([each.line for each in records], pa.int64())}
    for at, name in enumerate(VARIANT_FIELDS):
        columns[name] = pa.array([each.variant[at] for each in records], pa.string())
    columns["reason"] = pa.array([each.reason for each in records], pa.string())
    return pa.table(columns)
