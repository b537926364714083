"""From kept records to columns: one row per variant and transcript (S01 steps 3, 5 and 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

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
from amiss_tasks.stages.columns.by_transcript import matched_columns
from amiss_tasks.stages.columns.coded import Coded, Codes
from amiss_tasks.stages.files.report import FileReport, refuse_two_versions
from amiss_tasks.stages.read._row_columns import LISTED, RowColumns
from amiss_tasks.stages.read.vcf import VcfRecord
from amiss_tasks.stages.transcripts import place_of, stem
from amiss_tasks.stages.values.beside import Beside

_ROWS_AT_ONCE = 20_000
_RECORD_TEXT = ("CHROM", "POS", "REF", "ALT", "CLNSIG", "CLNREVSTAT")
"""Text that all rows of a record share."""
_VERSIONS = {
    (True, True): "has one version in Feature and another in {}",
    (True, False): "has a version in Feature and none in {}",
    (False, True): "has a version in {} and none in Feature",
}
"""Whether a transcript has a version in a row's Feature and in dbNSFP's list, in words."""


class CutBlocks(NamedTuple):
    """Blocks cut into columns.

    Args:
        columns: In the order of the names of :class:`Batch`, but for what records share.
        odd: Position of a block to its ``Feature`` and lists, where something is to be said of
            these.
    """

    columns: Sequence[Coded]
    odd: Mapping[int, tuple[str, tuple[str, ...]]]


class Batch:
    """Gathers rows and turns them into Arrow columns, some thousands at a time.

    Args:
        report: Where text in a numeric field is noted.
        at: CSQ field to its position in a block; CANONICAL and the MANE fields may be absent.
        features: The study's features; each has a field that is there.
        beside: What is read beside them.
    """

    def __init__(
        self,
        report: FileReport,
        at: dict[str, int],
        features: FeatureSet,
        beside: Beside,
    ) -> None:
        self._report = report
        self._cut = features.cut
        of_vep = features.of(VEP)
        self._source = located(of_vep, at)
        plain = [feature for feature in of_vep if not feature.per_transcript]
        matched = [feature for feature in of_vep if feature.per_transcript]
        mane = next((name for name in MANE_FIELDS if name in at), None)
        absent = {
            name for name, there in ((CANONICAL, CANONICAL in at), (IS_MANE, mane)) if not there
        }
        basic = [at.get(name or "", at["Feature"]) for name in (*BASIC_FIELDS, mane)]
        genes = [at[name] for name in features.genes if name in at][:1]
        is_listed = TRANSCRIPTS in at and any(BY_TRANSCRIPT in f.lists for f in of_vep)
        listed = [at[TRANSCRIPTS]] if is_listed else []
        places = (*self._positions(plain, at), *beside.places)
        self._plain_at = (*basic, *genes, *listed, *places)
        self._matched_at = (at[TRANSCRIPTS], *self._positions(matched, at)) if matched else ()
        self.used = frozenset({*self._plain_at, *self._matched_at, at["Feature"]})
        """Positions of the CSQ fields that are read."""
        self._plain = itemgetter(*self._plain_at)
        self._matched = itemgetter(*self._matched_at) if matched else None
        self._matched_fields = (TRANSCRIPTS, *(self._source[f.name] for f in matched))
        self._names = (
            "vcf_line",
            *_RECORD_TEXT,
            *((TIME,) if features.cut else ()),
            *BASIC_FIELDS,
            IS_MANE,
            *((GENE,) if genes else ()),
            *([LISTED] if is_listed else ()),
            *(feature.name for feature in plain),
            *beside.names,
            *((TRANSCRIPTS, *(feature.name for feature in matched)) if matched else ()),
        )
        self._columns = RowColumns(report, features, self._source, absent=absent, beside=beside)
        self._feature = at["Feature"]
        self._rows: list[tuple[Any, ...]] = []

    def add(self, record: VcfRecord) -> None:
        """Take in the rows of a kept record."""
        shared = self._shared(record)
        rows = self._rows
        if self._matched is None:
            rows.extend(shared + self._plain(cells) for cells in record.csq_blocks)
        else:
            for cells in record.csq_blocks:
                listed = self._matched(cells)
                own = match_transcript(cells[self._feature], listed)
                rows.append(shared + self._plain(cells) + own)
                self.say_of_lists(cells[self._feature], listed, record.line)
        if len(rows) >= _ROWS_AT_ONCE:
            self._flush()

    def _shared(self, record: VcfRecord) -> tuple[Any, ...]:
        """What all rows of a record have in common, in the order of the names."""
        info = record.info
        return (
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

    def cut(self, blocks: Mapping[int, Coded]) -> CutBlocks:
        """Columns of blocks that were cut by Arrow.

        Args:
            blocks: Position of a field to its cells; those of ``used`` are there.
        """
        plain = [blocks[position] for position in self._plain_at]
        if not self._matched_at:
            return CutBlocks(plain, {})
        own = blocks[self._feature]
        lists = [blocks[position] for position in self._matched_at]
        matched = matched_columns(own, lists[0], lists[1:])
        odd = {
            row: (own.cell(row), tuple(c.cell(row) for c in lists)) for row in matched.odd.tolist()
        }
        return CutBlocks([*plain, *matched.columns], odd)

    def add_cut(self, records: Sequence[VcfRecord], counts: Codes, cut: Sequence[Coded]) -> None:
        """Take in the rows of kept records whose blocks were cut by Arrow.

        Args:
            records: The records.
            counts: How many blocks each has.
            cut: Of ``cut``, the blocks of these records alone.
        """
        self._flush()
        lines, *texts = zip(*map(self._shared, records), strict=True)
        of_rows = np.repeat(np.array(lines), counts).tolist()
        shared = [Coded.repeated(cells, counts) for cells in texts]
        self._columns.add(dict(zip(self._names[1:], (*shared, *cut), strict=True)), of_rows)

    def say_of_lists(self, feature: str, listed: tuple[str, ...], line: int) -> None:
        """Say what is odd about the lists by transcript of a block.

        Args:
            feature: Its ``Feature``.
            listed: As ``match_transcript`` takes them.
            line: Line of the record.
        """
        found = match_transcript(feature, listed[:1])[0]
        if found != feature:
            self._say_versions(feature, found, listed[0], line)
        self._check_lengths(listed, line)

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

    def taken(self) -> Any | None:
        """Arrow table of the rows that are there, which are then forgotten; None for none."""
        return self.columns().taken()

    def columns(self) -> RowColumns:
        """The columns of all rows so far."""
        self._flush()
        return self._columns

    def finish(self) -> Any:
        """Arrow table of all rows.

        Text columns: ``CHROM`` to ``CLNREVSTAT``, ``BASIC_FIELDS``, ``IS_MANE``, the
        categorical VEP features and, where some feature needs it, ``TRANSCRIPTS`` as matched.
        Numbers: the numeric VEP features as float64, NaN for NA. ``vcf_line``:
        line of the record.
        """
        self._flush()
        if self._columns.is_empty:
            self._columns.add(dict.fromkeys(self._names[1:], ()), ())
        return self._columns.finish()

    def _flush(self) -> None:
        if self._rows:
            lines, *cells = zip(*self._rows, strict=True)
            self._columns.add(dict(zip(self._names[1:], cells, strict=True)), lines)
            self._rows = []

    def _positions(self, features: list[Feature], at: dict[str, int]) -> list[int]:
        return [at[self._source[feature.name]] for feature in features]


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
