"""Text of a record that becomes columns, and what stands for NA."""

from __future__ import annotations

MISSING = ("", ".", "NA")
"""Text that stands for NA in a VCF: S01 step 6, and R's own NA."""

CADD_MISSING = ("", "NA")
"""Text that stands for NA in a CADD table; empty cells are noted."""

RECORD_TEXT = ("CHROM", "POS", "REF", "ALT", "CLNSIG", "CLNREVSTAT")
"""Text that all rows of a record share."""
