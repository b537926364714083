"""Which rows of a VCF a model predicts, and why it does not predict the others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from amiss_tasks.features.feature_set import CANONICAL, IS_MANE, KEYS
from amiss_tasks.r.arrays import IntArray
from amiss_tasks.stages.read import ReadResult, Unlabelled
from amiss_tasks.stages.transcripts import stem

_COLUMNS = ("vcf_line", "CHROM", "POS", "REF", "ALT", "Feature", "Consequence")
_COVERED = {
    "canonical": (CANONICAL, "no transcript with CANONICAL=YES"),
    "mane": (IS_MANE, "no MANE Select transcript"),
}
"""Value of ``transcript`` to the column that is YES where it covers a row, and what a variant lacks
that it covers no row of."""

_MISSENSE = "missense_variant"
_NA = "NA"
_NO_TRANSCRIPT = "a regulatory feature or motif, not a transcript"


@dataclass(frozen=True)
class Row:
    """One row of the table of predictions.

    Args:
        line: Line of the VCF, counted from 1.
        variant: Chromosome, position, REF and ALT as the VCF has them.
        transcript: The transcript, or empty.
        consequence: CADD's, or VEP's where there are no CADD tables, or empty.
        vep_consequence: VEP's, or empty.
        joined: Position in the joined table, or None.
        reason: Why it cannot be predicted, or empty.
    """

    line: int
    variant: tuple[str, str, str, str]
    transcript: str = ""
    consequence: str = ""
    vep_consequence: str = ""
    joined: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class RowsToPredict:
    """The rows of a table of predictions, in the order of the VCF.

    Args:
        rows: Of every variant at least one.
        other_transcripts: Number of rows left out, of transcripts that the model does not cover.
    """

    rows: Sequence[Row]
    other_transcripts: int


def rows_to_predict(found: Unlabelled, transcript: str, restriction: str) -> RowsToPredict:
    """Choose the rows that a model is to predict.

    Args:
        found: What was read.
        transcript: The model's value: ``canonical`` takes rows whose CANONICAL is YES, ``mane``
            those of MANE Select transcripts.
        restriction: The model's value: ``missense`` predicts nothing but missense variants.

    Returns:
        One row for each transcript that is to be predicted; where a variant has none, or a
        record gives no row at all, one row that says so.
    """
    joined = _Joined(found.read)
    covered, lacking = _COVERED.get(transcript, ("", ""))
    is_covered = found.rows[covered].to_pylist() if covered else ["YES"] * len(found.rows)
    of_cadd = found.read.table["Consequence.x"].to_pylist()
    with_cadd = joined.variants
    columns = [found.rows[name].to_pylist() for name in _COLUMNS]
    rows: list[Row] = []
    others: Counter[tuple[int, tuple[str, str, str, str]]] = Counter()
    answered = set()
    for line, *cells, feature, consequence, covers in zip(*columns, is_covered, strict=True):
        variant = (cells[0], cells[1], cells[2], cells[3])
        if covers != "YES":
            others[line, variant] += 1
            continue
        answered.add((line, variant))
        row = Row(line, variant, feature or "", "", consequence or "")
        at = joined.of(variant, feature or _NA)
        if restriction == "missense" and _MISSENSE not in row.vep_consequence:
            rows.append(replace(row, reason="not missense, as all that the model was trained on"))
        elif at:
            rows.extend(replace(row, consequence=of_cadd[one] or "", joined=one) for one in at)
        else:
            what = "transcript" if variant in with_cadd else "variant"
            reason = f"no CADD row for this {what}" if found.has_cadd else _NO_TRANSCRIPT
            rows.append(replace(row, reason=reason))
    for line, variant in others.keys() - answered:
        rows.append(Row(line, variant, reason=lacking))
    rows.extend(Row(one.line, one.variant, reason=one.reason) for one in found.left_out)
    # stable: the transcripts of a variant stay in the order of the VCF
    rows.sort(key=lambda row: row.line)
    return RowsToPredict(rows, sum(others.values()))


def positions_of(rows: Sequence[Row]) -> IntArray:
    """Positions in the joined table of the rows that have one."""
    return np.array([row.joined for row in rows if row.joined is not None], dtype=np.int64)


class _Joined:
    """Positions in the joined table by the key that both sides are joined by.

    Args:
        read: The joined table; its transcripts are spelt as CADD has them, where it has them.
    """

    def __init__(self, read: ReadResult) -> None:
        self._at: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._without_version: dict[tuple[str, ...], list[int]] = defaultdict(list)
        keys = zip(*(read.table[name].to_pylist() for name in KEYS), strict=True)
        for position, cells in enumerate(keys):
            *variant, transcript = (value or _NA for value in cells)
            self._at[*variant, transcript].append(position)
            self._without_version[*variant, stem(transcript)].append(position)
        self.variants = {key[:4] for key in self._at}
        """Those that some row of the joined table is of."""

    def of(self, variant: tuple[str, str, str, str], transcript: str) -> Sequence[int]:
        """Positions of a row of the VCF, by its transcript as it is or else without its version."""
        without_version = self._without_version.get((*variant, stem(transcript)), [])
        return self._at.get((*variant, transcript), without_version)
