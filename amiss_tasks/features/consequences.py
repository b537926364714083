"""Consequences as VEP writes them: terms of the Sequence Ontology. Data, not code.

Source: Ensembl's page "Calculated variant consequences", release 113.
"""

from __future__ import annotations

CONSEQUENCES = (
    "transcript_ablation",
    "splice_acceptor_variant",
    "splice_donor_variant",
    "stop_gained",
    "frameshift_variant",
    "stop_lost",
    "start_lost",
    "transcript_amplification",
    "feature_elongation",
    "feature_truncation",
    "inframe_insertion",
    "inframe_deletion",
    "missense_variant",
    "protein_altering_variant",
    "splice_donor_5th_base_variant",
    "splice_region_variant",
    "splice_donor_region_variant",
    "splice_polypyrimidine_tract_variant",
    "incomplete_terminal_codon_variant",
    "start_retained_variant",
    "stop_retained_variant",
    "synonymous_variant",
    "coding_sequence_variant",
    "mature_miRNA_variant",
    "5_prime_UTR_variant",
    "3_prime_UTR_variant",
    "non_coding_transcript_exon_variant",
    "intron_variant",
    "NMD_transcript_variant",
    "non_coding_transcript_variant",
    "coding_transcript_variant",
    "upstream_gene_variant",
    "downstream_gene_variant",
    "TFBS_ablation",
    "TFBS_amplification",
    "TF_binding_site_variant",
    "regulatory_region_ablation",
    "regulatory_region_amplification",
    "regulatory_region_variant",
    "intergenic_variant",
    "sequence_variant",
)
"""From the gravest to the mildest, in VEP's order."""


def can_exist(applies_to: tuple[str, ...], consequence: str | None) -> bool:
    """Whether a feature can exist on a row.

    Args:
        applies_to: Consequences on which it can; empty: all.
        consequence: VEP's of the row, terms joined by ``&``; None is none of them.
    """
    return not applies_to or not set(applies_to).isdisjoint((consequence or "").split("&"))
