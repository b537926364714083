"""Stage filter: the rows of one transcript, quality and restriction (S01 steps 2, 4 and 7)."""

from __future__ import annotations

from amiss_tasks.stages.filter_mask import FILTERED, filter_mask
from amiss_tasks.stages.read import ReadResult
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE, Significance
from amiss_tasks.stages.table import VariantTable


def filter_table(
    read: ReadResult,
    transcript: str,
    quality: str,
    restriction: str,
    significance: Significance = UPSTREAM_SIGNIFICANCE,
) -> VariantTable:
    """Cut the rows of one filter out of the joined table.

    Args:
        read: What ``read_inputs`` gave.
        transcript: ``canonical`` keeps rows whose CANONICAL is YES, ``mane`` those of MANE
            Select transcripts.
        quality: Review tier, see ``clinvar.REVIEW_TIERS``.
        restriction: ``missense`` keeps rows whose VEP consequence contains
            ``missense_variant``.
        significance: What values of CLNSIG count as.

    Returns:
        The rows that are left, in the order they had; maybe none. Numbers have
        15 significant digits at most, as after upstream's CSV file.

    Raises:
        ValueError: A value is not one of the parameter's.
    """
    import pyarrow as pa

    asked = (transcript, quality, restriction, significance)
    masks = [filter_mask(piece, *asked) for piece in read.pieces(*FILTERED)]
    chunks = [chunk for mask in masks for chunk in mask.chunks]
    return read.only(pa.chunked_array(chunks, pa.bool_()))
