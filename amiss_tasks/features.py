"""The features of amiss and where they come from. Data, not code.

Names are the columns as R's ``make.names`` leaves them (``GERP.._NR``), which
is how upstream's tables and results spell them. ``SOURCE`` maps them to the
spelling in the VEP and CADD files.
"""

from __future__ import annotations

VEP_NUMERIC = (
    "SIFT_score",
    "LRT_score",
    "LRT_Omega",
    "MutationTaster_score",
    "MutationAssessor_score",
    "FATHMM_score",
    "PROVEAN_score",
    "MutPred_score",
    "fathmm.MKL_coding_score",
    "GenoCanyon_score",
    "integrated_fitCons_score",
    "GERP.._NR",
    "GERP.._RS",
    "phyloP100way_vertebrate",
    "phyloP20way_mammalian",
    "phastCons100way_vertebrate",
    "phastCons20way_mammalian",
    "SiPhy_29way_logOdds",
    "gnomAD_exomes_AF",
    "gnomAD_genomes_AF",
)
"""Numeric features from the CSQ field (dbNSFP through VEP)."""

CADD_NUMERIC = (
    "Length",
    "GC",
    "CpG",
    "relcDNApos",
    "relCDSpos",
    "relProtPos",
    "Dst2Splice",
    "minDistTSS",
    "minDistTSE",
    "mirSVR.Score",
    "mirSVR.E",
    "mirSVR.Aln",
    "EncodeH3K4me1.sum",
    "EncodeH3K4me2.sum",
    "EncodeH3K4me3.sum",
    "EncodeH3K9ac.sum",
    "EncodeH3K9me3.sum",
    "EncodeH3K27ac.sum",
    "EncodeH3K27me3.sum",
    "EncodeH3K36me3.sum",
    "EncodeH3K79me2.sum",
    "EncodeH4K20me1.sum",
    "EncodeH2AFZ.sum",
    "EncodeDNase.sum",
    "EncodetotalRNA.sum",
    "RemapOverlapTF",
    "RemapOverlapCL",
)
"""Numeric features from the CADD tables."""

NUMERIC_FEATURES = VEP_NUMERIC + CADD_NUMERIC
"""The 47 numeric features, in upstream's order, which is the order of columns."""

CATEGORICAL_FEATURES = ("LRT_pred", "Dst2SplType", "Consequence.x")
"""The 3 categorical features, in upstream's order. ``Consequence.x`` is CADD's."""

A_PRIORI_ZERO = (
    "motifECount",
    "motifEScoreChng",
    "motifEHIPos",
    "tOverlapMotifs",
    "motifDist",
    "gnomAD_genomes_AF",
    "gnomAD_exomes_AF",
)
"""Columns whose missing values mean zero; all must exist, the two gnomAD ones are features."""

MOTIF_COLUMNS = ("motifECount", "motifEScoreChng", "motifDist", "motifEHIPos", "tOverlapMotifs")
"""Numeric CADD columns that are read though they are no features."""

KEYS = ("X.Chrom", "Pos", "Ref", "Alt", "FeatureID")
"""Key columns of the join, under CADD's names."""

TEXT_COLUMNS = (
    "Consequence.x",
    "Consequence.y",
    "Dst2SplType",
    "LRT_pred",
    "CLNSIG",
    "CLNREVSTAT",
    "CANONICAL",
    "Ensembl_transcriptid",
)
"""Text columns of the joined table beside the keys."""

NUMERIC_COLUMNS = NUMERIC_FEATURES + MOTIF_COLUMNS
"""The 52 numeric columns of the joined table."""

PER_TRANSCRIPT = (
    "Ensembl_transcriptid",
    "Ensembl_proteinid",
    "aapos",
    "SIFT_score",
    "SIFT_pred",
    "MutationTaster_score",
    "MutationTaster_pred",
    "FATHMM_score",
    "FATHMM_pred",
    "PROVEAN_score",
    "PROVEAN_pred",
)
"""CSQ fields that hold one value per transcript of ``Ensembl_transcriptid``, split at ``&``."""

CSQ_FIELDS = (
    "Consequence",
    "Feature",
    "CANONICAL",
    *PER_TRANSCRIPT,
    "LRT_pred",
    "LRT_score",
    "LRT_Omega",
    "MutationAssessor_score",
    "MutPred_score",
    "fathmm-MKL_coding_score",
    "GenoCanyon_score",
    "integrated_fitCons_score",
    "GERP++_NR",
    "GERP++_RS",
    "phyloP100way_vertebrate",
    "phyloP20way_mammalian",
    "phastCons100way_vertebrate",
    "phastCons20way_mammalian",
    "SiPhy_29way_logOdds",
    "gnomAD_exomes_AF",
    "gnomAD_genomes_AF",
)
"""CSQ fields that amiss reads, in the spelling of the VCF header."""

_SPELLING = {
    "fathmm.MKL_coding_score": "fathmm-MKL_coding_score",
    "GERP.._NR": "GERP++_NR",
    "GERP.._RS": "GERP++_RS",
}

SOURCE = {
    name: _SPELLING.get(
        name, name.replace(".", "-") if name in (*CADD_NUMERIC, *MOTIF_COLUMNS) else name
    )
    for name in NUMERIC_COLUMNS
}
"""Numeric column to its name in the VEP or CADD file."""
