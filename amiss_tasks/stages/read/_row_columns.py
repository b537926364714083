"""From the cells of rows to columns: numbers, text and lists, and what is wrong with some cell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from amiss_tasks.features.feature import BY_TRANSCRIPT
from amiss_tasks.features.feature_set import (
    BASIC_FIELDS,
    IS_MANE,
    TRANSCRIPTS,
    VEP,
    Feature,
    FeatureSet,
)
from amiss_tasks.stages.columns.coded import Cells, Coded, cells_of
from amiss_tasks.stages.files.report import FileReport, shown
from amiss_tasks.stages.read._column_lookup import not_a_value, number_advice
from amiss_tasks.stages.read._value_checks import ValueChecks
from amiss_tasks.stages.values.beside import Beside
from amiss_tasks.stages.values.cells import lacks_length, one_value, parse
from amiss_tasks.stages.values.parsing import MISSING, text_array

_MOST_JOINED = 200_000
"""Rows of a table that is not joined to smaller ones."""

CONSEQUENCE_FIELD = BASIC_FIELDS[0]
LISTED = f"{TRANSCRIPTS}, as listed"
"""Transcripts of dbNSFP's lists in a row, for features that look for theirs themselves."""

_NOT_SELECT = ("", ".", "-", "MANE_Plus_Clinical")
"""Parts of a MANE field that do not say MANE Select; others are its RefSeq identifier, or so named.

VEP writes into ``MANE`` the identifier up to 102, and in later releases the names of the sets.
"""


class RowColumns:
    """Makes Arrow columns of rows of a VCF, some thousands at a time.

    Args:
        report: Where faults and notes go.
        features: The study's features.
        source: Feature to its CSQ field, for those of the VCF.
        absent: Columns whose field VEP did not write: they read as fields that are never YES.
        beside: What is read beside the features.
    """

    def __init__(
        self,
        report: FileReport,
        features: FeatureSet,
        source: Mapping[str, str],
        *,
        absent: Collection[str],
        beside: Beside,
    ) -> None:
        self._report = report
        self._features = features
        self._source = source
        self._absent = absent
        self._beside = beside
        of_vep = features.of(VEP)
        plain = [feature for feature in of_vep if not feature.per_transcript]
        self._numeric = {feature.name: feature for feature in of_vep if feature.is_numeric}
        self._lists = {feature.name: feature for feature in plain if feature.lists}
        is_own = features.origin is not None
        self._unlisted = {
            f.name: f
            for f in plain
            if is_own and f.per_transcript is None and self._source[f.name] != CONSEQUENCE_FIELD
            if not f.lists
        }
        """Features of a features file that says nothing of lists; VEP joins consequences itself."""
        self._checks = ValueChecks(report, "row", "CSQ field {}")
        self._done: list[Any] = []

    @property
    def is_empty(self) -> bool:
        """Whether no rows were taken in, so that there is no table either."""
        return not self._done

    def taken(self) -> Any | None:
        """Arrow table of the rows that are there, which are then forgotten; None for none."""
        import pyarrow as pa

        done, self._done = self._done, []
        return pa.concat_tables(done) if done else None

    def narrow(self, kept_of: Callable[[Any], Any]) -> None:
        """Keep some of the rows that are there.

        Args:
            kept_of: Gives the rows of a table that are kept.
        """
        table = self.taken()
        if table is not None:
            self._done = [kept_of(table).combine_chunks()]

    @property
    def held(self) -> tuple[int, int]:
        """Rows that are kept, and their bytes."""
        return sum(map(len, self._done)), sum(table.nbytes for table in self._done)

    def part(self) -> tuple[list[Any], ValueChecks]:
        """Tables of the rows so far, and what their columns hold."""
        return self._done, self._checks

    def extend(self, tables: Sequence[Any], checks: ValueChecks) -> None:
        """Take in the ``part`` of later lines."""
        self._checks.extend(checks)
        for table in tables:
            self._keep(table)

    def finish(self) -> Any:
        """Arrow table of all rows that are kept, once all are there."""
        import pyarrow as pa

        self._checks.finish()
        return pa.concat_tables(self._done)

    def add(self, by_name: dict[str, Cells], lines: Sequence[int]) -> None:
        """Take in some rows.

        Args:
            by_name: Column to its cells.
            lines: Line of each row.
        """
        import pyarrow as pa

        columns: dict[str, Any] = {"vcf_line": pa.array(lines, pa.int64())}
        listed = by_name.pop(LISTED, None)
        beside = {name: by_name.pop(name) for name in self._beside.names}
        own = by_name["Feature"]
        transcripts: list[tuple[str, str]] | None = None
        if listed is not None and not isinstance(listed, Coded):
            transcripts = list(zip(cells_of(own), listed, strict=True))
        for name, raw in by_name.items():
            made = self._of_distinct(name, raw, lines) if isinstance(raw, Coded) else None
            if made is None:
                if listed is not None and transcripts is None and name in self._lists:
                    transcripts = list(zip(cells_of(own), cells_of(listed), strict=True))
                made = self._of_cells(name, cells_of(raw), lines, transcripts)
            columns[name] = made
        columns |= self._beside.columns({name: cells_of(raw) for name, raw in beside.items()})
        table = pa.table(columns)
        self._keep(table)

    def _keep(self, table: Any) -> None:
        """Make one of many small tables: each column of each costs memory of its own."""
        import pyarrow as pa

        if self._done and not len(table):
            return
        self._done.append(table)
        while len(self._done) > 1 and len(self._done[-2]) <= len(self._done[-1]) < _MOST_JOINED:
            *rest, one, other = self._done
            self._done = [*rest, pa.concat_tables([one, other]).combine_chunks()]

    def _of_cells(
        self,
        name: str,
        raw: tuple[str, ...],
        lines: Sequence[int],
        transcripts: Sequence[tuple[str, str]] | None,
    ) -> Any:
        """The column of these cells; says what is wrong with some of them."""
        import pyarrow as pa

        is_list = name in self._lists
        column = one_value(self._lists[name], raw, transcripts) if is_list else raw
        if name in self._absent:
            return pa.nulls(len(lines), pa.string())
        if name == IS_MANE:
            return pa.array(map(_select, column), pa.string())
        if name in self._numeric:
            return self._numbers(self._numeric[name], column, lines)
        self._check_lists(name, column, lines)
        self._checks.text(name, column, lines, VEP if name == CONSEQUENCE_FIELD else "")
        return text_array(column, MISSING)

    def _of_distinct(self, name: str, raw: Coded, lines: Sequence[int]) -> Any | None:
        """The column of these cells; None where one is by transcript, or has something wrong."""
        import pyarrow as pa

        feature = self._lists.get(name)
        is_refused = (feature is not None and BY_TRANSCRIPT in feature.lists) or (
            name in self._unlisted
        )
        if is_refused and raw.any(lambda cell: "&" in cell):
            return None
        if feature is not None:
            raw = Coded(one_value(feature, raw.distinct), raw.codes)
        if name in self._absent:
            return pa.nulls(len(lines), pa.string())
        if name in self._numeric:
            numbers, bad = parse(self._numeric[name], raw.text, MISSING)
            if bad:
                return None
            values = numbers[raw.codes]
            self._checks.numbers(self._source[name], values, lines)
            return pa.array(values, pa.float64())
        if name == IS_MANE:
            text = pa.array(map(_select, raw.distinct), pa.string())
        else:
            text = text_array(raw.text, MISSING)
            self._checks.text(name, raw, lines, VEP if name == CONSEQUENCE_FIELD else "")
        return text.take(pa.array(raw.codes))

    def _check_lists(self, name: str, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Refuse a list where a features file says nothing of lists: it would become a level."""
        feature = self._unlisted.get(name)
        if feature is None:
            return
        for cell, line in zip(cells, lines, strict=True):
            if "&" in cell and cell.strip(".&"):
                self._report.fault(
                    f'CSQ field {self._source[name]} is "{shown(cell)}", a list',
                    key=("list", name),
                    line=line,
                    noun="row",
                    todo=f"feature {name} ({self._features.origin}:{feature.line}) reads one value "
                    "there; add per_transcript: true if it lists a value for each transcript, or "
                    "per_transcript: false if such a text is one value",
                )

    def _numbers(self, feature: Feature, cells: Sequence[str], lines: Sequence[int]) -> Any:
        import pyarrow as pa

        field = self._source[feature.name]
        values, bad = parse(feature, cells, MISSING)
        for index in bad:
            if not cells[index].strip(".&"):
                continue  # a list of which nothing is known, which is as good as missing
            if lacks_length(feature, cells[index]):
                self._report.note(
                    f"CSQ field {field} gives no length: {feature.name} is missing there",
                    key=("length", feature.name),
                    line=lines[index],
                    noun="row",
                    todo="run vep --total_length",
                )
                continue
            self._report.fault(
                not_a_value(feature, f"CSQ field {field}", cells[index]),
                key=("number", feature.name),
                line=lines[index],
                noun="row",
                todo=number_advice(feature, self._features, "as nothing or as ."),
            )
        self._checks.numbers(field, values, lines)
        return pa.array(values, pa.float64())


def _select(cell: str) -> str | None:
    """YES where a MANE field says that the transcript is a MANE Select one."""
    return "YES" if any(part not in _NOT_SELECT for part in cell.split("&")) else None
