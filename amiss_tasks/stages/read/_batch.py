"""From kept records to columns: one row per variant and transcript (S01 steps 3, 5 and 6)."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from amiss_tasks.features.feature import BY_TRANSCRIPT
from amiss_tasks.features.feature_set import (
    BASIC_FIELDS,
    CANONICAL,
    GENE,
    IS_MANE,
    MANE_FIELDS,
    TIME,
    TRANSCRIPTS,
    VEP,
    Feature,
    FeatureSet,
)
from amiss_tasks.features.sources import located
from amiss_tasks.stages.read._column_lookup import not_a_value, number_advice
from amiss_tasks.stages.read._report import FileReport, refuse_two_versions, shown
from amiss_tasks.stages.read._value_checks import ValueChecks
from amiss_tasks.stages.read.vcf import VcfRecord
from amiss_tasks.stages.transcripts import place_of, stem
from amiss_tasks.stages.values.beside import Beside
from amiss_tasks.stages.values.cells import lacks_length, one_value, parse
from amiss_tasks.stages.values.parsing import MISSING, text_array

_ROWS_AT_ONCE = 20_000
_RECORD_TEXT = ("CHROM", "POS", "REF", "ALT", "CLNSIG", "CLNREVSTAT")
"""Text that all rows of a record share."""
CONSEQUENCE_FIELD = BASIC_FIELDS[0]
_LISTED = f"{TRANSCRIPTS}, as listed"
"""Transcripts of dbNSFP's lists in a row, for features that look for theirs themselves."""

_NOT_SELECT = ("", ".", "-", "MANE_Plus_Clinical")
"""Parts of a MANE field that do not say MANE Select; others are its RefSeq identifier, or so named.

VEP writes into ``MANE`` the identifier up to 102, and in later releases the names of the sets.
"""


_VERSIONS = {
    (True, True): "has one version in Feature and another in {}",
    (True, False): "has a version in Feature and none in {}",
    (False, True): "has a version in {} and none in Feature",
}
"""Whether a transcript has a version in a row's Feature and in dbNSFP's list, in words."""


class Batch:
    """Gathers rows and turns them into Arrow columns, some thousands at a time.

    Args:
        report: Where text in a numeric field is noted.
        at: CSQ field to its position in a block; CANONICAL and the MANE fields may be absent.
        features: The study's features; each has a field that is there.
        beside: What is read beside them.
    """

    def __init__(
        self, report: FileReport, at: dict[str, int], features: FeatureSet, beside: Beside
    ) -> None:
        self._beside = beside
        self._report = report
        self._features = features
        self._cut = features.cut
        of_vep = features.of(VEP)
        self._source = located(of_vep, at)
        plain = [feature for feature in of_vep if not feature.per_transcript]
        matched = [feature for feature in of_vep if feature.per_transcript]
        mane = next((name for name in MANE_FIELDS if name in at), None)
        self._absent = {
            name
            for name, is_there in ((CANONICAL, CANONICAL in at), (IS_MANE, mane))
            if not is_there
        }
        """Columns whose field VEP did not write: they read as fields that are never YES."""
        basic = [at.get(name or "", at["Feature"]) for name in (*BASIC_FIELDS, mane)]
        genes = [at[name] for name in features.genes if name in at][:1]
        is_listed = TRANSCRIPTS in at and any(BY_TRANSCRIPT in f.lists for f in of_vep)
        listed = [at[TRANSCRIPTS]] if is_listed else []
        places = (*self._positions(plain, at), *beside.places)
        self._plain = itemgetter(*basic, *genes, *listed, *places)
        self._matched = (
            itemgetter(at[TRANSCRIPTS], *self._positions(matched, at)) if matched else None
        )
        self._matched_fields = (TRANSCRIPTS, *(self._source[f.name] for f in matched))
        self._numeric = {feature.name: feature for feature in of_vep if feature.is_numeric}
        self._names = (
            "vcf_line",
            *_RECORD_TEXT,
            *((TIME,) if features.cut else ()),
            *BASIC_FIELDS,
            IS_MANE,
            *((GENE,) if genes else ()),
            *([_LISTED] if is_listed else ()),
            *(feature.name for feature in plain),
            *beside.names,
            *((TRANSCRIPTS, *(feature.name for feature in matched)) if matched else ()),
        )
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
        self._feature = at["Feature"]
        self._rows: list[tuple[Any, ...]] = []
        self._done: list[Any] = []

    def add(self, record: VcfRecord) -> None:
        """Take in the rows of a kept record."""
        info = record.info
        shared = (
            record.line,
            record.chrom,
            record.pos,
            record.ref,
            record.alt,
            # variants that are to be predicted may have neither
            info.get("CLNSIG", ""),
            info.get("CLNREVSTAT", ""),
            *((info.get(self._cut.field, ""),) if self._cut else ()),
        )
        rows = self._rows
        if self._matched is None:
            rows.extend(shared + self._plain(cells) for cells in record.csq_blocks)
        else:
            for cells in record.csq_blocks:
                listed = self._matched(cells)
                own = match_transcript(cells[self._feature], listed)
                rows.append(shared + self._plain(cells) + own)
                if own[0] != cells[self._feature]:
                    self._say_versions(cells[self._feature], own[0], listed[0], record.line)
                self._check_lengths(listed, record.line)
        if len(rows) >= _ROWS_AT_ONCE:
            self._flush()

    def _say_versions(self, feature: str, found: str, listed: str, line: int) -> None:
        """Note a transcript that was found without its version; refuse one with two versions."""
        if found:
            has = (stem(feature) != feature, stem(found) != found)
            self._report.note(
                f"a transcript {_VERSIONS[has].format(TRANSCRIPTS)}: matched without its version",
                line=line,
                noun="row",
            )
        elif stem(feature) in listed:
            others = listed.split("&")
            places = place_of(feature, others)
            if len(places) > 1:
                names = (others[places[0]], others[places[1]])
                refuse_two_versions(names, (line, line), self._report)

    def _check_lengths(self, listed: tuple[str, ...], line: int) -> None:
        """Note a list that has not one value for each transcript."""
        transcripts = listed[0].count("&")
        for position, cell in enumerate(listed):
            if "&" in cell and cell.count("&") != transcripts:
                name = self._matched_fields[position]
                self._report.note(
                    f"CSQ field {name} lists another number of values than there are in "
                    f"{TRANSCRIPTS}; the i-th is taken for the i-th transcript, as amiss does",
                    line=line,
                    noun="row",
                    todo=f"if its values are not by transcript, use a features file without {name}",
                )

    def finish(self) -> Any:
        """Arrow table of all rows.

        Text columns: ``CHROM`` to ``CLNREVSTAT``, ``BASIC_FIELDS``, ``IS_MANE``, the
        categorical VEP features and, where some feature needs it, ``TRANSCRIPTS`` as matched.
        Numbers: the numeric VEP features as float64, NaN for NA. ``vcf_line``:
        line of the record.
        """
        import pyarrow as pa

        self._flush()
        self._checks.finish()
        return pa.concat_tables(self._done)

    def _flush(self) -> None:
        import pyarrow as pa

        names = self._names
        cells: list[Any] = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(names)
        lines = cells[0]
        columns: dict[str, Any] = {}
        by_name = dict(zip(names, cells, strict=True))
        listed = by_name.pop(_LISTED, None)
        beside = {name: by_name.pop(name) for name in self._beside.names}
        own = by_name["Feature"]
        transcripts = None if listed is None else list(zip(own, listed, strict=True))
        for name, raw in by_name.items():
            is_list = name in self._lists
            column = one_value(self._lists[name], raw, transcripts) if is_list else raw
            if name == "vcf_line":
                columns[name] = pa.array(column, pa.int64())
            elif name in self._absent:
                columns[name] = pa.nulls(len(lines), pa.string())
            elif name == IS_MANE:
                columns[name] = pa.array(map(_select, column), pa.string())
            elif name in self._numeric:
                columns[name] = self._numbers(self._numeric[name], column, lines)
            else:
                self._check_lists(name, column, lines)
                columns[name] = text_array(column, MISSING)
                self._checks.text(name, column, lines, VEP if name == CONSEQUENCE_FIELD else "")
        columns |= self._beside.columns(beside)
        self._done.append(pa.table(columns))
        self._rows = []

    def _check_lists(self, name: str, cells: tuple[str, ...], lines: tuple[int, ...]) -> None:
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

    def _positions(self, features: list[Feature], at: dict[str, int]) -> list[int]:
        return [at[self._source[feature.name]] for feature in features]

    def _numbers(self, feature: Feature, cells: tuple[str, ...], lines: tuple[int, ...]) -> Any:
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


def match_transcript(feature: str, cells: tuple[str, ...]) -> tuple[str, ...]:
    """The values of dbNSFP that belong to a row's transcript.

    Args:
        feature: The row's ``Feature``.
        cells: ``Ensembl_transcriptid``, then fields with one value for each of
            its transcripts, or one value for all; lists are split at ``&``.

    Returns:
        The transcript as it is listed, then its values; all empty when dbNSFP does not list
        the transcript, or lists two versions of it and not the row's own. Source: S01 step 5;
        upstream compares identifiers as they are, with their versions.
    """
    listed = cells[0].split("&")
    places = place_of(feature, listed) if stem(feature) in cells[0] else ()
    if len(places) != 1 or not feature:
        return ("",) * len(cells)
    index = places[0]
    values = [listed[index]]
    for cell in cells[1:]:
        if "&" in cell:
            parts = cell.split("&")
            values.append(parts[index] if index < len(parts) else "")
        else:
            values.append(cell)
    return tuple(values)
