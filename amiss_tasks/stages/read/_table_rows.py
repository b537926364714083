"""Rows of a table whose variant is in the VCF, as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss_tasks.features.feature_set import CADD, CONSEQUENCE, VARIANT, Feature, FeatureSet
from amiss_tasks.features.sources import located
from amiss_tasks.stages.columns.coded import Cells, Coded
from amiss_tasks.stages.columns.variants import ABSENT, KEPT, Variants
from amiss_tasks.stages.read._column_lookup import not_a_value, number_advice
from amiss_tasks.stages.read._report import FileReport, shown
from amiss_tasks.stages.read._value_checks import ValueChecks
from amiss_tasks.stages.read.tables import TRANSCRIPT
from amiss_tasks.stages.read.tsv import CodedLot, Lot, TsvReader
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
        chromosomes: Names of chromosomes that are there.
    """

    table: Any
    rows: int
    matching: int
    found: bool
    example: tuple[str, ...]
    chromosomes: set[str]


def collect_rows(
    reader: TsvReader,
    variants: Variants,
    features: FeatureSet,
    file: str = CADD,
    each: Callable[[Any], None] | None = None,
) -> FoundRows:
    """Read a table.

    Args:
        reader: At its first row; every column that the features need is there.
        variants: As in :class:`VcfRows`.
        features: The study's features.
        file: Which features are read from it, see :class:`Feature`.
        each: Takes tables of rows in the order of the file; what is returned has none then.

    Returns:
        The rows of kept variants. Of CADD every row is checked, also those of other
        variants: amiss types a column by the whole table. Another table may name
        chromosomes with or without ``chr``, whatever the VCF does.
    """
    import pyarrow as pa

    is_cadd = file == CADD
    key_at = [reader.at[reader.keys[name]] for name in VARIANT]
    position, transcript = reader.keys[VARIANT[1]], reader.keys.get(TRANSCRIPT)
    transcript_at = None if transcript is None else reader.at[transcript]
    has_joined = False
    result = FoundRows(None, 0, 0, found=False, example=(), chromosomes=set())
    columns_of = _Columns(reader, features, file)
    chromosomes = None if is_cadd else _Chromosomes(variants, reader.report)
    lots = [columns_of.table(Lot([], [()] * len(reader.names)), np.zeros(0, np.bool_))]
    take = each or lots.append
    for lot in reader.lots():
        columns: dict[int, Cells] = (
            {**lot.columns} if isinstance(lot, CodedLot) else dict(enumerate(lot.columns))
        )
        result.rows += len(lot.lines)
        columns[key_at[1]] = _positions(columns[key_at[1]], lot.lines, reader.report, position)
        if chromosomes is not None:
            columns[key_at[0]] = chromosomes.renamed(columns[key_at[0]])
        keys = _pasted([columns[at] for at in key_at])
        named = Coded.of_cells(columns[transcript_at]) if transcript_at is not None else None
        if not result.example:
            result.example = tuple(keys.distinct[keys.codes[0]].split("\r"))
        result.chromosomes.update(Coded.of_cells(columns[key_at[0]]).distinct)
        states = variants.find(keys.distinct)[keys.codes]
        result.matching += int((states != ABSENT).sum())
        result.found = result.found or bool((states >= KEPT).any())
        kept = variants.wanted(keys, states, named)
        # of transcripts that are none of the VCF's one is shown
        if not (has_joined := has_joined or bool(kept.any())):
            kept[np.flatnonzero(states >= KEPT)[:1]] = True
        if is_cadd:
            take(columns_of.table(CodedLot(lot.lines, columns), kept))
        elif kept.any():
            at = np.flatnonzero(kept)
            lines = np.asarray(lot.lines)[at].tolist()
            rows = {number: Coded.of_cells(column).take(at) for number, column in columns.items()}
            take(columns_of.table(CodedLot(lines, rows), np.ones(len(at), np.bool_)))
    columns_of.checks.finish()
    result.table = pa.concat_tables(lots)
    return result


def _pasted(columns: Sequence[Cells]) -> Coded:
    """Columns pasted to one, with carriage returns between their cells."""
    coded = [Coded.of_cells(column) for column in columns]
    code = coded[0].codes
    for column in coded[1:]:
        code = code * len(column.distinct) + column.codes
    _, first, codes = np.unique(code, return_index=True, return_inverse=True)
    rows = zip(*(column.codes[first].tolist() for column in coded), strict=True)
    names = [
        "\r".join(column.distinct[at] for column, at in zip(coded, row, strict=True))
        for row in rows
    ]
    return Coded(names, codes.astype(np.intp))


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

    def renamed(self, cells: Cells) -> Coded:
        """Names of chromosomes as the VCF has them, where it has them."""
        coded = Coded.of_cells(cells)
        for name in sorted(set(coded.distinct) - self._names.keys()):
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
        return coded.map(self._names.__getitem__)


def _positions(cells: Cells, lines: Sequence[int], report: FileReport, name: str) -> Coded:
    """Positions without leading zeros; says which are no numbers."""
    coded = Coded.of_cells(cells)
    plain = [plain_position(cell) for cell in coded.distinct]
    if None in plain:
        for code, line in zip(coded.codes.tolist(), lines, strict=True):
            if plain[code] is None:
                report.fault(
                    f'column {name} is "{shown(coded.distinct[code])}", not a position',
                    key="Pos",
                    line=line,
                    noun="row",
                )
    return Coded([position or "" for position in plain], coded.codes)


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

    def table(self, lot: Lot | CodedLot, kept: npt.NDArray[np.bool_]) -> Any:
        """Columns of the kept rows of a lot; all rows are checked."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for name, source in self._text.items():
            cells = Coded.of_cells(lot.columns[self._at[source]])
            if self._is_cadd and source != "Pos" and "" in cells.distinct:
                _say_empty(source, cells.cells(), lot.lines, self._report)
            if name in self._lists:
                cells = Coded(one_value(self._lists[name], cells.distinct), cells.codes)
            text = text_array(cells.text, self._missing)
            columns[name] = text.take(pa.array(cells.codes[kept]))
            self.checks.text(source, cells, lot.lines, CADD if name == CONSEQUENCE else "")
        for feature, source in self._numbers:
            columns[feature.name] = pa.array(self._parsed(feature, source, lot)[kept])
        columns[self._line] = pa.array(np.asarray(lot.lines, np.int64)[kept])
        return pa.table(columns)

    def _parsed(
        self, feature: Feature, source: str, lot: Lot | CodedLot
    ) -> npt.NDArray[np.float64]:
        is_feature = feature not in self._features.beside
        cells = Coded.of_cells(lot.columns[self._at[source]])
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
