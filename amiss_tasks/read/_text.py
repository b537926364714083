"""Which fields of a VCF become which columns, and what stands for NA."""

from __future__ import annotations

from amiss_tasks.features import PER_TRANSCRIPT, SOURCE, VEP_NUMERIC

MISSING = ("", ".", "NA")
"""Text that stands for NA in a VCF: S01 step 6, and R's own NA."""

CADD_MISSING = ("", "NA")
"""Text that stands for NA in a CADD table; empty cells are noted."""

MATCHED_NUMBERS = tuple(name for name in VEP_NUMERIC if name in PER_TRANSCRIPT)
"""Numeric features with one value per transcript of ``Ensembl_transcriptid``."""

PLAIN_NUMBERS = tuple(name for name in VEP_NUMERIC if name not in PER_TRANSCRIPT)
"""Numeric features that are taken as they stand."""

PLAIN_TEXT = ("Feature", "Consequence", "CANONICAL", "LRT_pred")
"""Text fields of a CSQ block that are taken as they stand."""

RECORD_TEXT = ("CHROM", "POS", "REF", "ALT", "CLNSIG", "CLNREVSTAT")
"""Text that all rows of a record share."""

PLAIN_FIELDS = (*PLAIN_TEXT, *(SOURCE[name] for name in PLAIN_NUMBERS))
MATCHED_FIELDS = ("Ensembl_transcriptid", *(SOURCE[name] for name in MATCHED_NUMBERS))
VCF_FIELDS = (*PLAIN_FIELDS, *MATCHED_FIELDS)
"""CSQ fields whose values are kept, under the names of the VCF header."""
