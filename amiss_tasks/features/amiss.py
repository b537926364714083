"""The features of amiss and where they come from. Data, not code.

Source: ``upstream-behaviour`` sections 2 and 3. The order is upstream's, which
is the order of columns and decides the draws of feature sampling.
"""

from __future__ import annotations

from dataclasses import replace

from amiss_tasks.features.feature_set import (
    CADD,
    CATEGORICAL,
    CONSEQUENCE,
    VEP,
    Feature,
    FeatureSet,
)

_VEP_NUMERIC = (
    Feature("SIFT_score", VEP, ("SIFT_score",), per_transcript=True),
    Feature("LRT_score", VEP, ("LRT_score",)),
    Feature("LRT_Omega", VEP, ("LRT_Omega",)),
    Feature("MutationTaster_score", VEP, ("MutationTaster_score",), per_transcript=True),
    Feature("MutationAssessor_score", VEP, ("MutationAssessor_score",)),
    Feature("FATHMM_score", VEP, ("FATHMM_score",), per_transcript=True),
    Feature("PROVEAN_score", VEP, ("PROVEAN_score",), per_transcript=True),
    Feature("MutPred_score", VEP, ("MutPred_score",)),
    Feature("fathmm.MKL_coding_score", VEP, ("fathmm-MKL_coding_score",)),
    Feature("GenoCanyon_score", VEP, ("GenoCanyon_score",)),
    Feature("integrated_fitCons_score", VEP, ("integrated_fitCons_score",)),
    Feature("GERP.._NR", VEP, ("GERP++_NR",)),
    Feature("GERP.._RS", VEP, ("GERP++_RS",)),
    Feature("phyloP100way_vertebrate", VEP, ("phyloP100way_vertebrate",)),
    Feature("phyloP20way_mammalian", VEP, ("phyloP20way_mammalian",)),
    Feature("phastCons100way_vertebrate", VEP, ("phastCons100way_vertebrate",)),
    Feature("phastCons20way_mammalian", VEP, ("phastCons20way_mammalian",)),
    Feature("SiPhy_29way_logOdds", VEP, ("SiPhy_29way_logOdds",)),
    Feature("gnomAD_exomes_AF", VEP, ("gnomAD_exomes_AF",), a_priori=0.0),
    Feature("gnomAD_genomes_AF", VEP, ("gnomAD_genomes_AF",), a_priori=0.0),
)
"""Numeric features from the CSQ field (dbNSFP through VEP)."""

_CADD_NUMERIC = (
    Feature("Length", CADD, ("Length",)),
    Feature("GC", CADD, ("GC",)),
    Feature("CpG", CADD, ("CpG",)),
    Feature("relcDNApos", CADD, ("relcDNApos",)),
    Feature("relCDSpos", CADD, ("relCDSpos",)),
    Feature("relProtPos", CADD, ("relProtPos",)),
    Feature("Dst2Splice", CADD, ("Dst2Splice",)),
    Feature("minDistTSS", CADD, ("minDistTSS",)),
    Feature("minDistTSE", CADD, ("minDistTSE",)),
    Feature("mirSVR.Score", CADD, ("mirSVR-Score",)),
    Feature("mirSVR.E", CADD, ("mirSVR-E",)),
    Feature("mirSVR.Aln", CADD, ("mirSVR-Aln",)),
    Feature("EncodeH3K4me1.sum", CADD, ("EncodeH3K4me1-sum",)),
    Feature("EncodeH3K4me2.sum", CADD, ("EncodeH3K4me2-sum",)),
    Feature("EncodeH3K4me3.sum", CADD, ("EncodeH3K4me3-sum",)),
    Feature("EncodeH3K9ac.sum", CADD, ("EncodeH3K9ac-sum",)),
    Feature("EncodeH3K9me3.sum", CADD, ("EncodeH3K9me3-sum",)),
    Feature("EncodeH3K27ac.sum", CADD, ("EncodeH3K27ac-sum",)),
    Feature("EncodeH3K27me3.sum", CADD, ("EncodeH3K27me3-sum",)),
    Feature("EncodeH3K36me3.sum", CADD, ("EncodeH3K36me3-sum",)),
    Feature("EncodeH3K79me2.sum", CADD, ("EncodeH3K79me2-sum",)),
    Feature("EncodeH4K20me1.sum", CADD, ("EncodeH4K20me1-sum",)),
    Feature("EncodeH2AFZ.sum", CADD, ("EncodeH2AFZ-sum",)),
    Feature("EncodeDNase.sum", CADD, ("EncodeDNase-sum",)),
    Feature("EncodetotalRNA.sum", CADD, ("EncodetotalRNA-sum",)),
    Feature("RemapOverlapTF", CADD, ("RemapOverlapTF",)),
    Feature("RemapOverlapCL", CADD, ("RemapOverlapCL",)),
)
"""Numeric features from the CADD tables."""

_CATEGORICAL = (
    Feature("LRT_pred", VEP, ("LRT_pred",), CATEGORICAL),
    Feature("Dst2SplType", CADD, ("Dst2SplType",), CATEGORICAL),
    Feature(CONSEQUENCE, CADD, ("Consequence",), CATEGORICAL),
)

_MOTIF = tuple(
    Feature(name, CADD, (name,))
    for name in ("motifECount", "motifEScoreChng", "motifDist", "motifEHIPos", "tOverlapMotifs")
)
"""Upstream fills these columns a priori and then makes no use of them."""

_DEMANDED = (
    "Ensembl_proteinid",
    "aapos",
    "SIFT_pred",
    "MutationTaster_pred",
    "FATHMM_pred",
    "PROVEAN_pred",
)
"""Fields that upstream matches to the row's transcript and then makes no use of."""

_GROUPS = {
    "conservation": (
        *("LRT_score", "LRT_Omega", "LRT_pred", "GERP.._NR", "GERP.._RS", "SiPhy_29way_logOdds"),
        *("phyloP100way_vertebrate", "phyloP20way_mammalian"),
        *("phastCons100way_vertebrate", "phastCons20way_mammalian"),
    ),
    "protein": (
        *("SIFT_score", "MutationAssessor_score", "FATHMM_score", "PROVEAN_score"),
        "MutPred_score",
    ),
    "meta": ("MutationTaster_score", "fathmm.MKL_coding_score"),
    "frequency": ("gnomAD_exomes_AF", "gnomAD_genomes_AF"),
    "regulation": (
        *("GenoCanyon_score", "integrated_fitCons_score"),
        *("mirSVR.Score", "mirSVR.E", "mirSVR.Aln", "RemapOverlapTF", "RemapOverlapCL"),
        *(feature.name for feature in _CADD_NUMERIC if feature.name.startswith("Encode")),
    ),
    "position": ("relcDNApos", "relCDSpos", "relProtPos", "minDistTSS", "minDistTSE"),
    "splicing": ("Dst2Splice", "Dst2SplType"),
    "sequence": ("Length", "GC", "CpG"),
    "consequence": (CONSEQUENCE,),
}
"""Group to its features, by what they measure; ``meta`` are scores that combine other ones.

Source: the descriptions of dbNSFP 3.5 and of CADD 1.4.
"""


def _tagged(features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    group = {name: tag for tag, names in _GROUPS.items() for name in names}
    return tuple(replace(feature, tags=(group[feature.name],)) for feature in features)


AMISS = FeatureSet(
    _tagged((*_VEP_NUMERIC, *_CADD_NUMERIC, *_CATEGORICAL)), beside=_MOTIF, demanded=_DEMANDED
)
"""Upstream's 47 numeric and 3 categorical features."""
