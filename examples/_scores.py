"""The scores of made-up annotations, and the columns of the files. Data, not code.

A score is drawn from a latent number of the variant by a Gaussian copula: a
correlation with severity (or conservation, or the gene's activity) and a shape
that gives the score its usual range and direction. Ranges follow the tools'
descriptions; the distributions are only roughly theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

MISSING = ""


@dataclass(frozen=True)
class Score:
    """One annotation.

    Args:
        name: Column in the VEP or CADD file.
        follows: Latent number: ``severity``, ``conservation`` or ``activity``.
        correlation: Correlation with it, before the shape is applied.
        shape: From a rank in (0, 1), large meaning severe, to the value.
        missing: Share missing where the annotation applies at all.
        missing_benign: The same for benign variants; None: no difference.
    """

    name: str
    follows: str
    correlation: float
    shape: Callable[[float], float]
    missing: float = 0.0
    missing_benign: float | None = None


def _steep(u: float) -> float:
    return 1 / (1 + math.exp(-9 * (u - 0.45)))


PER_TRANSCRIPT = (
    Score("SIFT_score", "severity", 0.72, lambda u: (1 - u) ** 3, 0.05, 0.09),
    Score("MutationTaster_score", "severity", 0.50, lambda u: 0.4 + 0.6 * u**0.4, 0.02),
    Score("FATHMM_score", "severity", 0.55, lambda u: 6 - 12 * u, 0.10, 0.16),
    Score("PROVEAN_score", "severity", 0.74, lambda u: 3 - 11 * u**1.3, 0.06, 0.10),
)
"""dbNSFP scores with one value for each transcript."""

PER_VARIANT = (
    Score("LRT_score", "conservation", 0.70, lambda u: (1 - u) ** 4, 0.14, 0.24),
    Score("LRT_Omega", "conservation", 0.55, lambda u: 1.2 * (1 - u) ** 2, 0.14, 0.24),
    Score("MutationAssessor_score", "severity", 0.74, lambda u: 6 * u - 1.5, 0.10, 0.18),
    Score("MutPred_score", "severity", 0.80, lambda u: 0.05 + 0.9 * u, 0.25, 0.45),
    Score("fathmm-MKL_coding_score", "conservation", 0.75, lambda u: u**0.5),
    Score("GenoCanyon_score", "conservation", 0.35, lambda u: u**0.15),
    Score("integrated_fitCons_score", "activity", 0.50, lambda u: 0.45 + 0.35 * u, 0.01),
    Score("GERP++_NR", "conservation", 0.60, lambda u: 1 + 5.1 * u**0.5, 0.01),
    Score("GERP++_RS", "conservation", 0.78, lambda u: 12 * u**0.5 - 6, 0.01),
    Score("phyloP100way_vertebrate", "conservation", 0.80, lambda u: 11 * u**1.5 - 1.5),
    Score("phyloP20way_mammalian", "conservation", 0.55, lambda u: 2.1 * u - 1),
    Score("phastCons100way_vertebrate", "conservation", 0.65, _steep),
    Score("phastCons20way_mammalian", "conservation", 0.50, _steep),
    Score("SiPhy_29way_logOdds", "conservation", 0.68, lambda u: 19 * u, 0.02),
)
"""dbNSFP scores with one value for the variant."""


def _frequency(u: float) -> float:
    return 10 ** (-1.5 - 4.2 * u)


POPULATIONS = (
    Score("gnomAD_exomes_AF", "severity", 0.55, _frequency, 0.72, 0.18),
    Score("gnomAD_genomes_AF", "severity", 0.55, _frequency, 0.84, 0.30),
)
"""Frequencies: dbNSFP leaves them empty where nobody was seen with the variant."""

MARKS = tuple(
    Score(f"Encode{mark}-sum", "activity", correlation, shape, 0.03)
    for mark, correlation, shape in (
        ("H3K4me1", 0.60, lambda u: 2 + 90 * u**2),
        ("H3K4me2", 0.98, lambda u: 1 + 160 * u**3),
        ("H3K4me3", 0.98, lambda u: 1 + 210 * u**3),
        ("H3K9ac", 0.90, lambda u: 1 + 120 * u**3),
        ("H3K9me3", -0.30, lambda u: 2 + 40 * u**2),
        ("H3K27ac", 0.85, lambda u: 1 + 140 * u**3),
        ("H3K27me3", -0.40, lambda u: 2 + 50 * u**2),
        ("H3K36me3", 0.35, lambda u: 1 + 60 * u**2),
        ("H3K79me2", 0.55, lambda u: 1 + 70 * u**2),
        ("H4K20me1", 0.30, lambda u: 1 + 50 * u**2),
        ("H2AFZ", 0.70, lambda u: 1 + 60 * u**2),
        ("DNase", 0.65, lambda u: 5 * u**2),
        ("totalRNA", 0.50, lambda u: 300 * u**4),
    )
)
"""Histone marks and the like, summed over cell lines; active promoters share theirs."""

# One column a line would fill two screens.
# fmt: off
VEP_FIELDS = (
    "Allele", "Consequence", "IMPACT", "SYMBOL", "Gene", "Feature_type", "Feature", "BIOTYPE",
    "CANONICAL", "Ensembl_transcriptid", "Ensembl_proteinid", "aapos",
    "SIFT_pred", "MutationTaster_pred", "FATHMM_pred", "PROVEAN_pred", "LRT_pred",
    *(score.name for score in (*PER_TRANSCRIPT, *PER_VARIANT, *POPULATIONS)),
)
"""Fields of the CSQ entry, in order."""

CADD_COLUMNS = (
    "#Chrom", "Pos", "Ref", "Alt", "Type", "Length", "AnnoType", "Consequence", "GeneID",
    "FeatureID", "GeneName", "Dst2SplType", "GC", "CpG", "relcDNApos", "relCDSpos", "relProtPos",
    "Dst2Splice", "minDistTSS", "minDistTSE", "mirSVR-Score", "mirSVR-E", "mirSVR-Aln",
    *(mark.name for mark in MARKS),
    "RemapOverlapTF", "RemapOverlapCL", "motifECount", "motifEScoreChng", "motifDist",
    "motifEHIPos", "tOverlapMotifs", "RawScore", "PHRED",
)
"""Columns of the CADD tables, in order."""
# fmt: on
