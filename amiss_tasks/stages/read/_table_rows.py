"""Rows of a table whose variant is in the VCF, as columns."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss_tasks.features.feature_set import CADD, CONSEQUENCE, VARIANT, Feature, FeatureSet
from amiss_tasks.features.sources import located
from amiss_tasks.stages.columns.coded import Coded, Codes
from amiss_tasks.stages.columns.variants import ABSENT, KEPT, Variants
from amiss_tasks.stages.files.in_step import alone
from amiss_tasks.stages.files.lines import Block, decoded
from amiss_tasks.stages.files.memory import Disk, Memory
from amiss_tasks.stages.files.pool import Pool
from amiss_tasks.stages.files.report import FileReport, shown
from amiss_tasks.stages.files.tsv import CodedLot, Rows, TsvReader
from amiss_tasks.stages.read._column_lookup import not_a_value, number_advice
from amiss_tasks.stages.read._value_checks import ValueChecks
from amiss_tasks.stages.read.tables import TRANSCRIPT
from amiss_tasks.stages.values.cells import one_value, parse
from amiss_tasks.stages.values.parsing import (
    CADD_MISSING,
    MISSING,
    plain_position,
    text_array,
)

LINE = {CADD: "cadd_line"}
"""File of a feature to the column with the line of a row; ``line`` for other files."""

_TRUTH = {
    word: number
    for words, number in (
        (("T", "TRUE", "True", "true"), "1"),
        (("F", "FALSE", "False", "false"), "0"),
    )
    for word in words
}
"""R's words for truth values: CADD writes them in motifEHIPos, which is no feature."""
_NEVER_EMPTY = ("#Chrom", "Ref", "Alt")
_KEYS = (*_NEVER_EMPTY, "Pos")
"""Columns that are checked in all rows; others are where a row is used."""


@dataclass
class FoundRows:
    """What a table has for the variants of a VCF.

    Args:
        table: Arrow table of the rows of kept variants: keys and text under
            amiss's names, numbers as float64, and the line of each. None when the
            table was not read.
        rows: Rows in the file.
        matching: Rows whose variant is in the VCF, kept or not.
        found: Whether some kept variant was found.
        example: Chromosome, position, REF, ALT of the first row.
        transcript: Transcript of the first row that has one, of rows of kept variants.
        chromosomes: Names of chromosomes that are there.
    """

    table: Any = None
    rows: int = 0
    matching: int = 0
    found: bool = False
    example: tuple[str, ...] = ()
    transcript: str = ""
    chromosomes: set[str] = field(default_factory=set)

    def extend(self, later: FoundRows) -> None:
        """Take in what later lines have, but for a table."""
        self.rows += later.rows
        self.matching += later.matching
        self.found |= later.found
        self.example = self.example or later.example
        self.chromosomes |= later.chromosomes


def collecting_rows(
    reader: TsvReader,
    variants: Variants,
    features: FeatureSet,
    file: str = CADD,
    *,
    memory: Memory | None = None,
    pool: Pool | None = None,
    each: Callable[[Any], None] | None = None,
    disk: Disk | None = None,
) -> Generator[None, None, FoundRows]:
    """Read a table; yields behind each of its blocks, for others that read it.

    Args:
        reader: At its first row; every column that the features need is there.
        variants: As in :class:`VcfRows`.
        features: The study's features.
        file: Which features are read from it, see :class:`Feature`.
        memory: Counts the rows that are kept; None for no limit.
        pool: Processes that may read; None for none.
        each: Takes tables of rows in the order of the file; what is returned has none then.
        disk: Where rows go once memory has no room for them; what is returned has none then.

    Returns:
        The rows that belong to rows of the VCF that are used. The width of every row is
        checked, and what names its variant; values are where they are used. A table that is not
        CADD's may name chromosomes with or without ``chr``, whatever the VCF does.
    """
    collector = _Collector(reader, variants, features, file, memory=memory, each=each, disk=disk)
    if pool is None or not (reader.has_lines and pool.is_worth(reader.report.file)):
        for rows in reader.rows():
            collector.take(rows)
            yield
        return collector.finish()
    for chunk in reader.take_rest():
        collector.take(reader.sound(chunk))
    work = _Reading(reader.without_file(), variants, features, file)
    with reader.source.said_last():
        for part in pool.results(work, reader.source.blocks()):
            collector.extend(part)
            yield
    for chunk in reader.source.last():
        collector.take(reader.sound(chunk))
    return collector.finish()


collect_rows = alone(collecting_rows)


@dataclass(frozen=True)
class _Part:
    """What a block of lines has; ``shown`` is of rows that are none of the VCF's."""

    found: FoundRows
    tables: Sequence[Any]
    shown: Sequence[Any]
    checks: ValueChecks
    report: FileReport


@dataclass(frozen=True)
class _Reading:
    """Reads blocks of a table, each as if it stood alone; for the processes of a pool."""

    reader: TsvReader
    variants: Variants
    features: FeatureSet
    file: str

    def read(self, block: Block) -> _Part:
        reader = self.reader.without_file()
        collector = _Collector(reader, self.variants, self.features, self.file)
        for chunk in decoded(block, reader.report):
            collector.take(reader.sound(chunk))
        return collector.part()


class _Collector:
    """Collects; the arguments are those of ``collect_rows``."""

    def __init__(
        self,
        reader: TsvReader,
        variants: Variants,
        features: FeatureSet,
        file: str,
        *,
        memory: Memory | None = None,
        each: Callable[[Any], None] | None = None,
        disk: Disk | None = None,
    ) -> None:
        self._reader, self._variants, self._memory = reader, variants, memory
        self._each, self._disk = each, disk
        self._key_at = [reader.at[reader.keys[name]] for name in VARIANT]
        transcript = reader.keys.get(TRANSCRIPT)
        self._transcript_at = None if transcript is None else reader.at[transcript]
        self._columns_of = _Columns(reader, features, file)
        self._names = _Names(reader, variants, self._columns_of.checks, is_cadd=file == CADD)
        self._used = set(reader.at.values())
        self._found = FoundRows()
        self._tables: list[Any] = []
        self._shown: list[Any] = []

    def take(self, rows: Rows) -> None:
        """Take in some rows."""
        if not rows.texts:
            return
        found, variants = self._found, self._variants
        found.rows += len(rows.lines)
        cells, codes = rows.named(self._key_at)
        columns = self._names.columns(cells, codes, rows.lines)
        keys = Coded(list(map("\r".join, zip(*columns, strict=True))), codes)
        if not found.example:
            found.example = tuple(keys.distinct[keys.codes[0]].split("\r"))
        found.chromosomes.update(columns[0])
        states = variants.find(keys.distinct)[codes]
        found.matching += int((states != ABSENT).sum())
        found.found = found.found or bool((states >= KEPT).any())
        at = np.flatnonzero(variants.wanted(keys, states, None))
        if self._transcript_at is not None and len(at):
            own = rows.column(self._transcript_at, at)
            at = at[variants.wanted(keys.with_codes(codes[at]), states[at], own)]
        # of transcripts that are none of the VCF's one is shown
        is_shown = not self._tables and not len(at)
        if is_shown:
            at = np.flatnonzero(states >= KEPT)[:1]
        if len(at):
            lot = rows.cut(at, len(self._reader.names), self._used)
            own_keys = {
                place: Coded(each, codes[at])
                for place, each in zip(self._key_at, columns, strict=True)
            }
            table = self._columns_of.table(lot._replace(columns={**lot.columns, **own_keys}))
            self._keep(self._shown if is_shown else self._tables, table)

    def part(self) -> _Part:
        """What was taken in."""
        checks, report = self._columns_of.checks, self._reader.report
        return _Part(self._found, self._tables, self._shown, checks, report)

    def extend(self, part: _Part) -> None:
        """Take in what later lines have."""
        for table in () if self._tables else part.shown:
            self._keep(self._shown, table)
        for table in part.tables:
            self._keep(self._tables, table)
        self._found.extend(part.found)
        self._columns_of.checks.extend(part.checks)
        self._reader.report.add(part.report)

    def finish(self) -> FoundRows:
        """What the table has, once all rows were taken in."""
        import pyarrow as pa

        none = self._columns_of.table(CodedLot([], dict.fromkeys(self._used, Coded.of_cells(()))))
        self._columns_of.checks.finish()
        self._found.table = pa.concat_tables([none, *self._shown, *self._tables])
        return self._found

    def _keep(self, tables: list[Any], table: Any) -> None:
        if self._transcript_at is not None and not self._found.transcript:
            named = table[TRANSCRIPT].drop_null()
            self._found.transcript = named[0].as_py() if len(named) else ""
        has_room = self._memory is None or self._memory.hold_more(table.nbytes)
        if self._disk is not None and not (has_room or self._disk.is_used):
            self._disk.begin()
        if self._disk is not None and self._disk.is_used and self._each is None:
            self._each = self._disk.take
            for earlier in (self._shown, self._tables):
                for one in earlier:
                    self._each(one)
                earlier[:] = [one.schema.empty_table() for one in earlier[:1]]
        if self._each is not None:
            self._each(table)
            table = table.schema.empty_table()
        if len(table) or not tables:
            tables.append(table)


class _Names:
    """What variants of a table are called in the VCF, and what is wrong with their names.

    Args:
        reader: The table's reader; faults go to its report.
        variants: As in :class:`VcfRows`.
        checks: Of the table's columns.
        is_cadd: Whether it is a CADD table, whose chromosomes are those of the VCF.
    """

    def __init__(
        self, reader: TsvReader, variants: Variants, checks: ValueChecks, *, is_cadd: bool
    ) -> None:
        self._report = reader.report
        self._checks = checks
        self._position = reader.keys[VARIANT[1]]
        self._chromosomes = None if is_cadd else _Chromosomes(variants, reader.report)

    def columns(
        self, cells: Sequence[tuple[str, ...]], codes: Codes, lines: Sequence[int]
    ) -> list[list[str]]:
        """Chromosomes, positions without leading zeros, and both alleles of some variants.

        Args:
            cells: Of each variant.
            codes: Variant of each row.
            lines: Line of each row.
        """
        chromosomes, written, *alleles = map(list, zip(*cells, strict=True))
        positions = list(map(plain_position, written))
        if None in positions:
            for code, line in zip(codes.tolist(), lines, strict=True):
                if positions[code] is None:
                    self._report.fault(
                        f'column {self._position} is "{shown(written[code])}", not a position',
                        key="Pos",
                        line=line,
                        noun="row",
                    )
        if self._chromosomes is not None:
            chromosomes = self._chromosomes.renamed(chromosomes)
        else:
            for name, column in zip(_NEVER_EMPTY, (chromosomes, *alleles), strict=True):
                of_rows = Coded(column, codes)
                if "" in column:
                    _say_empty(name, of_rows.cells(), lines, self._report)
                self._checks.text(name, of_rows, lines)
        return [chromosomes, [position or "" for position in positions], *alleles]


class _Chromosomes:
    """Finds the name that a VCF has for a chromosome, with or without ``chr``.

    Args:
        variants: As in :class:`VcfRows`.
        report: Where a difference is noted.
    """

    def __init__(self, variants: Variants, report: FileReport) -> None:
        self._report = report
        self._of_vcf = variants.chromosomes
        self._names: dict[str, str] = {}

    def renamed(self, cells: Sequence[str]) -> list[str]:
        """Names of chromosomes as the VCF has them, where it has them."""
        for name in sorted(set(cells) - self._names.keys()):
            bare = name.removeprefix("chr")
            other = {"M": "MT", "MT": "M"}.get(bare, bare)
            alike = (name, bare, f"chr{bare}", other, f"chr{other}")
            found = next((each for each in alike if each in self._of_vcf), name)
            self._names[name] = found
            if found != name:
                self._report.note(
                    f"chromosomes have other names than in the VCF ({name} is {found} there); "
                    "taken for the same, with or without chr",
                    key="chromosomes",
                )
        return [self._names[name] for name in cells]


class _Columns:
    """Makes columns of lots of rows: keys, consequence and features.

    Args:
        reader: The table's reader; faults go to its report.
        features: The study's features.
        file: Which of them are read from it.
    """

    def __init__(self, reader: TsvReader, features: FeatureSet, file: str) -> None:
        self._at = reader.at
        self._is_cadd = file == CADD
        self._line = LINE.get(file, "line")
        self._missing = CADD_MISSING if self._is_cadd else MISSING
        self.checks = ValueChecks(reader.report, "row", "column {}")
        self._report = reader.report
        self._features = features
        own = features.of(file)
        beside = features.beside if self._is_cadd else ()
        source = located((*own, *beside), reader.at)
        self._text = dict(reader.keys)
        if self._is_cadd:
            self._text[CONSEQUENCE] = "Consequence"
        self._text |= {f.name: source[f.name] for f in own if not f.is_numeric}
        self._lists = {f.name: f for f in own if f.lists}
        numeric = (*(f for f in own if f.is_numeric), *beside)
        self._numbers = [(feature, source[feature.name]) for feature in numeric]

    def table(self, lot: CodedLot) -> Any:
        """Columns of the rows of a lot, checked."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for name, source in self._text.items():
            cells = lot.columns[self._at[source]]
            if self._is_cadd and source not in _KEYS and "" in cells.distinct:
                _say_empty(source, cells.cells(), lot.lines, self._report)
            if name in self._lists:
                cells = Coded(one_value(self._lists[name], cells.distinct), cells.codes)
            text = text_array(cells.text, self._missing)
            columns[name] = text.take(pa.array(cells.codes))
            if not (self._is_cadd and source in _KEYS):
                self.checks.text(source, cells, lot.lines, CADD if name == CONSEQUENCE else "")
        for feature, source in self._numbers:
            columns[feature.name] = pa.array(self._parsed(feature, source, lot))
        columns[self._line] = pa.array(lot.lines, pa.int64())
        return pa.table(columns)

    def _parsed(self, feature: Feature, source: str, lot: CodedLot) -> npt.NDArray[np.float64]:
        is_feature = feature not in self._features.beside
        cells = lot.columns[self._at[source]]
        if not is_feature and not _TRUTH.keys().isdisjoint(cells.distinct):
            cells = cells.map(lambda cell: _TRUTH.get(cell, cell))
        values_of = one_value(feature, cells.distinct) if feature.lists else cells.text
        values, bad = parse(feature, values_of, self._missing)
        for row in np.flatnonzero(np.isin(cells.codes, bad)).tolist() if bad else ():
            message = not_a_value(feature, f"column {source}", cells.distinct[cells.codes[row]])
            line = lot.lines[row]
            key = ("number", feature.name)
            if is_feature:
                todo = number_advice(feature, self._features, "NA")
                self._report.fault(message, key=key, line=line, noun="row", todo=todo)
            else:
                message = f"{message}; amiss makes no use of it"
                self._report.note(message, key=key, line=line, noun="row")
        if self._is_cadd and "" in cells.distinct:
            _say_empty(source, cells.cells(), lot.lines, self._report)
        of_rows = values[cells.codes]
        if is_feature:
            self.checks.numbers(source, of_rows, lot.lines)
        return of_rows


def _say_empty(name: str, cells: Sequence[str], lines: Sequence[int], report: FileReport) -> None:
    for cell, line in zip(cells, lines, strict=True):
        if not cell and name in _NEVER_EMPTY:
            report.fault(
                f"column {name} is empty",
                line=line,
                noun="row",
                todo="the row names no variant; extract it again",
            )
        elif not cell:
            report.note(
                f"column {name} is empty, read as missing",
                line=line,
                noun="row",
                todo="CADD writes NA",
            )
