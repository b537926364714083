"""Which rows of the joined table a transcript, quality and restriction keep (S01 steps 2, 4, 7)."""

from __future__ import annotations

from typing import Any

from amiss_tasks.clinvar import REVIEW_TIERS
from amiss_tasks.features.feature_set import CANONICAL, IS_MANE
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE, Significance

KEEP_ALL, MANE = "keep_all", "mane"

TRANSCRIPTS = ("canonical", KEEP_ALL)
"""Values of ``transcript`` that upstream has; each keeps what the one before keeps.

The rows of ``MANE`` are among those of ``KEEP_ALL``, and need not be canonical.
"""

_YES = {"canonical": CANONICAL, MANE: IS_MANE}
"""Value of ``transcript`` to the column that is YES in the rows that it keeps."""

QUALITIES = tuple(REVIEW_TIERS)
"""Values of ``quality``; each keeps what the one before keeps."""

RESTRICTIONS = ("missense", "all")
"""Values of ``restriction``; each keeps what the one before keeps."""


FILTERED = ("CLNREVSTAT", "CLNSIG", "Consequence.y", *_YES.values())
"""Columns of the joined table that a filter reads."""


def filter_mask(
    table: Any,
    transcript: str,
    quality: str,
    restriction: str,
    significance: Significance = UPSTREAM_SIGNIFICANCE,
) -> Any:
    """Which rows of the joined table a filter keeps.

    Args:
        table: Arrow table of ``ReadResult``.
        transcript: As in :func:`filter_table`.
        quality: As in :func:`filter_table`.
        restriction: As in :func:`filter_table`.
        significance: As in :func:`filter_table`.

    Returns:
        Arrow array of booleans, without nulls.

    Raises:
        ValueError: A value is not one of the parameter's.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    # a missing CLNSIG is dropped too
    dropped = pa.array([*sorted(significance.dropped), None], pa.string())
    asked = asked_mask(table, transcript, quality, restriction)
    return pc.and_(asked, pc.invert(pc.is_in(table["CLNSIG"], dropped)))


def asked_mask(
    table: Any,
    transcript: str,
    quality: str,
    restriction: str,
    consequence: str = "Consequence.y",
) -> Any:
    """The same whatever CLNSIG says.

    Args:
        table: Arrow table with the columns that a filter reads.
        transcript: As in :func:`filter_table`.
        quality: As in :func:`filter_table`.
        restriction: As in :func:`filter_table`.
        consequence: Name of the column with VEP's consequence.

    Raises:
        ValueError: A value is not one of the parameter's.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for value, known in (
        (transcript, (*TRANSCRIPTS, MANE)),
        (quality, QUALITIES),
        (restriction, RESTRICTIONS),
    ):
        if value not in known:
            raise ValueError(f"{value!r} is none of {', '.join(known)}")
    tier = pa.array(sorted(REVIEW_TIERS[quality]), pa.string())
    mask = pc.is_in(table["CLNREVSTAT"], tier)
    if transcript in _YES:
        is_yes = pc.equal(table[_YES[transcript]], "YES")
        mask = pc.and_(mask, pc.fill_null(is_yes, fill_value=False))
    if restriction == "missense":
        is_missense = pc.match_substring(table[consequence], "missense_variant")
        mask = pc.and_(mask, pc.fill_null(is_missense, fill_value=False))
    return mask
