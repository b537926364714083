"""Rows of a CADD table whose variant is in the VCF, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Any

from amiss_tasks.features.feature_set import CADD, CONSEQUENCE, KEYS, Feature, FeatureSet
from amiss_tasks.stages.read._column_lookup import located, number_advice
from amiss_tasks.stages.read._column_positions import CADD_KEYS
from amiss_tasks.stages.read._numbers import (
    CADD_MISSING,
    not_a_number,
    parse_numbers,
    plain_position,
    text_array,
)
from amiss_tasks.stages.read._report import FileReport, shown
from amiss_tasks.stages.read._value_checks import ValueChecks
from amiss_tasks.stages.read.cadd import CaddReader, CaddRows

_FIXED = {**dict(zip(KEYS, CADD_KEYS, strict=True)), CONSEQUENCE: "Consequence"}
"""Column of the result to its column in the file, whatever the features are."""
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
class CaddTable:
    """What a CADD table has for the variants of a VCF.

    Args:
        table: Arrow table of the rows of kept variants: keys and text under
            amiss's names, numbers as float64, ``cadd_line``. None when the
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


def collect_cadd(
    reader: CaddReader, variants: Mapping[str, bool], features: FeatureSet
) -> CaddTable:
    """Read a CADD table.

    Args:
        reader: At its first row; every column that the features need is there.
        variants: As in :class:`VcfRows`.
        features: The study's features.

    Returns:
        The rows of kept variants. Every row is checked, also those of other
        variants: amiss types a column by the whole table.
    """
    import pyarrow as pa

    key_at = [reader.at[name] for name in CADD_KEYS[:-1]]
    result = CaddTable(None, 0, 0, set(), (), set())
    columns_of = _Columns(reader, features)
    lots = [columns_of.table(CaddRows([], [()] * len(reader.names)), [])]
    for lot in reader:
        columns = list(lot.columns)
        result.rows += len(lot.lines)
        positions = _positions(columns[reader.at["Pos"]], lot.lines, reader.report)
        columns[reader.at["Pos"]] = positions
        keys = list(map("\r".join, zip(*(columns[at] for at in key_at), strict=True)))
        if not result.example:
            result.example = tuple(keys[0].split("\r"))
        result.chromosomes.update(columns[key_at[0]])
        kept = [variants.get(key) for key in keys]
        result.matching += len(kept) - kept.count(None)
        result.found.update(compress(keys, kept))
        lots.append(columns_of.table(CaddRows(lot.lines, columns), kept))
    columns_of.checks.finish()
    result.table = pa.concat_tables(lots)
    return result


def _positions(cells: tuple[str, ...], lines: list[int], report: FileReport) -> tuple[str, ...]:
    """Positions without leading zeros; says which are no numbers."""
    plain = [plain_position(cell) for cell in cells]
    for cell, position, line in zip(cells, plain, lines, strict=True):
        if position is None:
            report.fault(
                f'column Pos is "{shown(cell)}", not a position', key="Pos", line=line, noun="row"
            )
    return tuple(position or "" for position in plain)


class _Columns:
    """Makes columns of lots of rows: keys, consequence and features.

    Args:
        reader: The table's reader; faults go to its report.
        features: The study's features.
    """

    def __init__(self, reader: CaddReader, features: FeatureSet) -> None:
        self._at = reader.at
        self.checks = ValueChecks(reader.report, "row", "column {}")
        self._report = reader.report
        self._features = features
        of_cadd = features.of(CADD)
        source = located((*of_cadd, *features.beside), reader.at)
        self._text = dict(_FIXED)
        self._text |= {f.name: source[f.name] for f in of_cadd if not f.is_numeric}
        numeric = (*(f for f in of_cadd if f.is_numeric), *features.beside)
        self._numbers = [(feature, source[feature.name]) for feature in numeric]

    def table(self, lot: CaddRows, kept: list[bool | None]) -> Any:
        """Columns of the kept rows of a lot; all rows are checked."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for name, source in self._text.items():
            cells = lot.columns[self._at[source]]
            if "" in cells and source != "Pos":
                _say_empty(source, cells, lot.lines, self._report)
            columns[name] = text_array(cells, CADD_MISSING)
            self.checks.text(source, cells, lot.lines, CADD if name == CONSEQUENCE else "")
        for feature, source in self._numbers:
            columns[feature.name] = self._parsed(feature, source, lot)
        columns["cadd_line"] = pa.array(lot.lines, pa.int64())
        return pa.table(columns).filter(pa.array([bool(keep) for keep in kept], pa.bool_()))

    def _parsed(self, feature: Feature, source: str, lot: CaddRows) -> Any:
        import pyarrow as pa

        is_feature = feature not in self._features.beside
        cells = lot.columns[self._at[source]]
        if not is_feature:
            cells = tuple(_TRUTH.get(cell, cell) for cell in cells)
        values, bad = parse_numbers(cells, CADD_MISSING)
        for index in bad:
            message = not_a_number(f"column {source}", cells[index])
            line = lot.lines[index]
            key = ("number", feature.name)
            if is_feature:
                todo = number_advice(feature, self._features, "NA")
                self._report.fault(message, key=key, line=line, noun="row", todo=todo)
            else:
                message = f"{message}; amiss makes no use of it"
                self._report.note(message, key=key, line=line, noun="row")
        if "" in cells:
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
