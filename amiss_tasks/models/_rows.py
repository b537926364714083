"""Which rows of a VCF a model predicts, and why it does not predict the others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from amiss_tasks.features.feature_set import KEYS
from amiss_tasks.r.arrays import IntArray
from amiss_tasks.stages.read import ReadResult, Unlabelled

_COLUMNS = ("vcf_line", "CHROM", "POS", "REF", "ALT", "Feature", "Consequence", "CANONICAL")
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
        transcript: The model's value: ``canonical`` takes rows whose CANONICAL is YES.
        restriction: The model's value: ``missense`` predicts nothing but missense variants.

    Returns:
        One row for each transcript that is to be predicted; where a variant has none, or a
        record gives no row at all, one row that says so.
    """
    joined = _joined_by_key(found.read)
    of_cadd = found.read.table["Consequence.x"].to_pylist()
    with_cadd = {key[:4] for key in joined}
    columns = [found.rows[name].to_pylist() for name in _COLUMNS]
    rows: list[Row] = []
    others: Counter[tuple[int, tuple[str, str, str, str]]] = Counter()
    answered = set()
    for line, *cells, feature, consequence, canonical in zip(*columns, strict=True):
        variant = (cells[0], cells[1], cells[2], cells[3])
        if transcript == "canonical" and canonical != "YES":
            others[line, variant] += 1
            continue
        answered.add((line, variant))
        row = Row(line, variant, feature or "", "", consequence or "")
        at = joined.get((*variant, feature or _NA), [])
        if restriction == "missense" and _MISSENSE not in row.vep_consequence:
            rows.append(replace(row, reason="not missense, as all that the model was trained on"))
        elif at:
            rows.extend(replace(row, consequence=of_cadd[one] or "", joined=one) for one in at)
        else:
            what = "transcript" if variant in with_cadd else "variant"
            reason = f"no CADD row for this {what}" if found.has_cadd else _NO_TRANSCRIPT
            rows.append(replace(row, reason=reason))
    for line, variant in others.keys() - answered:
        rows.append(Row(line, variant, reason="no transcript with CANONICAL=YES"))
    rows.extend(Row(one.line, one.variant, reason=one.reason) for one in found.left_out)
    # stable: the transcripts of a variant stay in the order of the VCF
    rows.sort(key=lambda row: row.line)
    return RowsToPredict(rows, sum(others.values()))


def positions_of(rows: Sequence[Row]) -> IntArray:
    """Positions in the joined table of the rows that have one."""
    return np.array([row.joined for row in rows if row.joined is not None], dtype=np.int64)


def _joined_by_key(read: ReadResult) -> dict[tuple[str, ...], list[int]]:
    """Key, as both sides are joined by, to positions in the joined table."""
    at: dict[tuple[str, ...], list[int]] = defaultdict(list)
    keys = zip(*(read.table[name].to_pylist() for name in KEYS), strict=True)
    for position, key in enumerate(keys):
        at[tuple(value or _NA for value in key)].append(position)
    return at
