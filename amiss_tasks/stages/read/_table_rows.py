"""Rows of a table whose variant is in the VCF, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Any

from amiss_tasks.features.feature_set import CADD, CONSEQUENCE, VARIANT, Feature, FeatureSet
from amiss_tasks.features.sources import located
from amiss_tasks.stages.read._column_lookup import not_a_value, number_advice
from amiss_tasks.stages.read._report import FileReport, shown
from amiss_tasks.stages.read._value_checks import ValueChecks
from amiss_tasks.stages.read.tsv import Lot, TsvReader
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
        found: Kept variants that were found.
        example: Chromosome, position, REF, ALT of the first row.
        chromosomes: Names of chromosomes that are there.
    """

    table: Any
    rows: int
    matching: int
    found: set[str]
    example: tuple[str, ...]
    chromosomes: set[str]


def collect_rows(
    reader: TsvReader, variants: Mapping[str, bool], features: FeatureSet, file: str = CADD
) -> FoundRows:
    """Read a table.

    Args:
        reader: At its first row; every column that the features need is there.
        variants: As in :class:`VcfRows`.
        features: The study's features.
        file: Which features are read from it, see :class:`Feature`.

    Returns:
        The rows of kept variants. Of CADD every row is checked, also those of other
        variants: amiss types a column by the whole table. Another table may name
        chromosomes with or without ``chr``, whatever the VCF does.
    """
    import pyarrow as pa

    is_cadd = file == CADD
    key_at = [reader.at[reader.keys[name]] for name in VARIANT]
    result = FoundRows(None, 0, 0, set(), (), set())
    columns_of = _Columns(reader, features, file)
    chromosomes = None if is_cadd else _Chromosomes(variants, reader.report)
    lots = [columns_of.table(Lot([], [()] * len(reader.names)), [])]
    for lot in reader:
        columns = list(lot.columns)
        result.rows += len(lot.lines)
        columns[key_at[1]] = _positions(
            columns[key_at[1]], lot.lines, reader.report, reader.keys[VARIANT[1]]
        )
        if chromosomes is not None:
            columns[key_at[0]] = chromosomes.renamed(columns[key_at[0]])
        keys = list(map("\r".join, zip(*(columns[at] for at in key_at), strict=True)))
        if not result.example:
            result.example = tuple(keys[0].split("\r"))
        result.chromosomes.update(columns[key_at[0]])
        kept = [variants.get(key) for key in keys]
        result.matching += len(kept) - kept.count(None)
        result.found.update(compress(keys, kept))
        if is_cadd:
            lots.append(columns_of.table(Lot(lot.lines, columns), kept))
        elif any(kept):
            lines = list(compress(lot.lines, kept))
            rows = Lot(lines, [tuple(compress(column, kept)) for column in columns])
            lots.append(columns_of.table(rows, [True] * len(lines)))
    columns_of.checks.finish()
    result.table = pa.concat_tables(lots)
    return result


class _Chromosomes:
    """Finds the name that a VCF has for a chromosome, with or without ``chr``.

    Args:
        variants: As in :class:`VcfRows`.
        report: Where a difference is noted.
    """

    def __init__(self, variants: Mapping[str, bool], report: FileReport) -> None:
        self._report = report
        self._of_vcf = {key.partition("\r")[0] for key in variants}
        self._names: dict[str, str] = {}

    def renamed(self, cells: tuple[str, ...]) -> tuple[str, ...]:
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
        return tuple(map(self._names.__getitem__, cells))


def _positions(
    cells: tuple[str, ...], lines: list[int], report: FileReport, name: str
) -> tuple[str, ...]:
    """Positions without leading zeros; says which are no numbers."""
    plain = [plain_position(cell) for cell in cells]
    for cell, position, line in zip(cells, plain, lines, strict=True):
        if position is None:
            report.fault(
                f'column {name} is "{shown(cell)}", not a position',
                key="Pos",
                line=line,
                noun="row",
            )
    return tuple(position or "" for position in plain)


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

    def table(self, lot: Lot, kept: list[bool | None]) -> Any:
        """Columns of the kept rows of a lot; all rows are checked."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for name, source in self._text.items():
            cells = lot.columns[self._at[source]]
            if "" in cells and self._is_cadd and source != "Pos":
                _say_empty(source, cells, lot.lines, self._report)
            if name in self._lists:
                cells = one_value(self._lists[name], cells)
            columns[name] = text_array(cells, self._missing)
            self.checks.text(source, cells, lot.lines, CADD if name == CONSEQUENCE else "")
        for feature, source in self._numbers:
            columns[feature.name] = self._parsed(feature, source, lot)
        columns[self._line] = pa.array(lot.lines, pa.int64())
        return pa.table(columns).filter(pa.array([bool(keep) for keep in kept], pa.bool_()))

    def _parsed(self, feature: Feature, source: str, lot: Lot) -> Any:
        import pyarrow as pa

        is_feature = feature not in self._features.beside
        cells = lot.columns[self._at[source]]
        if not is_feature:
            cells = tuple(_TRUTH.get(cell, cell) for cell in cells)
        values_of = one_value(feature, cells) if feature.lists else cells
        values, bad = parse(feature, values_of, self._missing)
        for index in bad:
            message = not_a_value(feature, f"column {source}", cells[index])
            line = lot.lines[index]
            key = ("number", feature.name)
            if is_feature:
                todo = number_advice(feature, self._features, "NA")
                self._report.fault(message, key=key, line=line, noun="row", todo=todo)
            else:
                message = f"{message}; amiss makes no use of it"
                self._report.note(message, key=key, line=line, noun="row")
        if "" in cells and self._is_cadd:
            _say_empty(source, cells, lot.lines, self._report)
        if is_feature:
            self.checks.numbers(source, values, lot.lines)
        return pa.array(values, pa.float64())


def _say_empty(name: str, cells: tuple[str, ...], lines: list[int], report: FileReport) -> None:
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
