"""ClinVar's vocabulary as amiss reads it. Data, not code.

Source: upstream's label lists (``upstream-behaviour`` section 3 step 3) and its
review filter (section 2 step 2). Spelling is that of ClinVar VCF files of 2017
to 2021: ``,_`` between the parts of a compound significance.
"""

from __future__ import annotations

POSITIVE_CLASS, NEGATIVE_CLASS, UNCERTAIN_CLASS, DROP = "positive", "negative", "uncertain", "drop"

CLASSES = (POSITIVE_CLASS, NEGATIVE_CLASS, UNCERTAIN_CLASS, DROP)
"""What a value may count as; rows of ``drop`` are left out as those of ``drug_response`` are."""


def _compound(base: str, *suffixes: str) -> frozenset[str]:
    """A significance by itself and with each of its suffixes."""
    return frozenset({base, *(f"{base},_{suffix}" for suffix in suffixes)})


POSITIVE = (
    _compound("Pathogenic", "drug_response", "other", "other,_risk_factor")
    | _compound("Pathogenic/Likely_pathogenic", "drug_response", "risk_factor", "other")
    | {"Likely_pathogenic", "association"}
)
"""Values of CLNSIG that label a variant positive."""

NEGATIVE = (
    _compound("Benign", "risk_factor", "other", "drug_response")
    | _compound(
        "Likely_benign",
        "other",
        "drug_response,_other",
        "risk_factor",
        "other,_risk_factor",
    )
    | _compound(
        "Benign/Likely_benign",
        "other",
        "risk_factor",
        "drug_response",
        "protective",
        "drug_response,_risk_factor",
        "Affects",
        "protective,_risk_factor",
        "association",
    )
    | {"protective"}
)
"""Values of CLNSIG that label a variant negative."""

UNCERTAIN = _compound("Uncertain_significance", "other", "association") | {
    "other",
    "risk_factor",
    "association_not_found",
    "Affects",
}
"""Values of CLNSIG that ``vus_inclusion`` decides about."""

DROPPED = "drug_response"
"""Rows with exactly this CLNSIG are dropped before anything is labelled."""

_EXPERT = frozenset({"reviewed_by_expert_panel", "practice_guideline"})
_TWO_STAR = _EXPERT | {"criteria_provided,_multiple_submitters,_no_conflicts"}
_ONE_STAR = _TWO_STAR | {"criteria_provided,_single_submitter"}

REVIEW_TIERS = {"clingen": _EXPERT, "twostar": _TWO_STAR, "onestar": _ONE_STAR}
"""Value of ``quality`` to the values of CLNREVSTAT that it keeps; each contains the one before."""
