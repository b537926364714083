"""The table of ClinVar's vocabulary: what its values count as, and the page that shows it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from amiss_tasks.clinvar import CLASSES, REVIEW_TIERS
from amiss_tasks.stages.clinvar_2026 import class_by_table, review_statuses, terms
from amiss_tasks.stages.significance import Significance, upstream_class

PAGE = Path(__file__).parents[2] / "docs" / "clinvar.md"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Conflicting_classifications_of_pathogenicity", "drop"),
        ("Conflicting_classifications_of_pathogenicity|other|risk_factor", "drop"),
        ("Pathogenic,_low_penetrance", "drop"),
        ("Pathogenic/Likely_pathogenic/Pathogenic,_low_penetrance", "drop"),
        ("Pathogenic/Likely_pathogenic/Pathogenic,_low_penetrance|other", "drop"),
        ("Pathogenic/Likely_pathogenic/Likely_risk_allele", "drop"),
        ("Uncertain_risk_allele", "uncertain"),
        ("Uncertain_significance/Uncertain_risk_allele", "uncertain"),
        ("Uncertain_significance/VUS-high", "uncertain"),
        ("Pathogenic|drug_response", "positive"),
        ("Pathogenic|_risk_factor", "positive"),
        ("Pathogenic,_association,_protective", "positive"),
        ("Pathogenic/Likely_pathogenic|risk_factor", "positive"),
        ("Benign|Affects|association|other", "negative"),
        ("Benign/Likely_benign|drug_response", "negative"),
        ("Affects|association", "drop"),
        ("other|risk_factor", "uncertain"),
        ("drug_response|confers_sensitivity", "drop"),
        ("not_provided", "drop"),
        ("no_classifications_from_unflagged_records", "drop"),
        ("_low_penetrance|risk_factor", "drop"),
        ("Pathogenic/Likely_pathogenic/Pathogenic", "drop"),
        ("Benign/Benign", None),
        ("Pathogenic|new_word", None),
        ("Pathogenic|drug_response|drug_response", None),
        ("Pathogenic/drug_response", None),
        ("Pathogenic&_low_penetrance", None),
        ("new_word", None),
        ("|", None),
        ("", None),
    ],
)
def test_class_by_table(value, expected):
    """The part about pathogenicity decides, no agreement is left out, the unknown has no class."""
    assert class_by_table(value, {}) == expected


def test_a_class_of_the_studys_counts_in_compounds_too():
    """What a study says of a part goes before the table, wherever the part stands."""
    mapped = {"Pathogenic,_low_penetrance": "positive", "new": "uncertain"}
    assert class_by_table("Pathogenic/Likely_pathogenic/Pathogenic,_low_penetrance", mapped) == (
        "positive"
    )
    assert class_by_table("Pathogenic,_low_penetrance|risk_factor", mapped) == "positive"
    assert class_by_table("Benign|new", mapped) == "drop"


def test_amiss_lists_stay_as_they_are():
    """A value that upstream knows has upstream's class in the table, and is not asked for there."""
    for term in terms():
        upstream = upstream_class(term.value) if term.field == "CLNSIG" else None
        assert upstream in (None, term.counts_as), term
    asked = ["Pathogenic", "Benign,_other", "Pathogenic|other", "unknown", None]
    assert Significance().of_values(asked) == Significance()
    found = Significance(table="clinvar2026").of_values(asked)
    assert found.by_table == {"Pathogenic|other": "positive"}
    assert found.positive == Significance().positive | {"Pathogenic|other"}


def test_tiers_are_those_of_quality():
    """A review status has the lowest tier that keeps it, and none where no tier does."""
    for term in terms():
        if term.field == "CLNREVSTAT":
            tier = next((name for name, kept in REVIEW_TIERS.items() if term.value in kept), "none")
            assert term.counts_as == tier, term
    assert set().union(*REVIEW_TIERS.values()) <= review_statuses()


def test_the_table_is_whole():
    """Every row is filled, once, and CLNSIG has classes that there are."""
    assert max(Counter((term.field, term.value) for term in terms()).values()) == 1
    for term in terms():
        assert all(vars(term).values()), term
        if term.field == "CLNSIG":
            assert term.part in {"pathogenicity", "beside", "alone", "rule"}
            assert term.counts_as in CLASSES or term.part == "rule"


def test_the_page_shows_the_table():
    """docs/clinvar.md has the rows of the table, in order, and explains each source."""
    text = PAGE.read_text(encoding="utf-8")
    lines = re.findall(r"^\| (.+) \|$", text, re.MULTILINE)
    cells = [[c.replace("\\|", "|") for c in re.split(r" (?<!\\)\| ", line)] for line in lines]
    shown = [row[1:] for row in cells if len(row) == 6 and row[1] not in {"since", "---"}]
    assert shown == [
        [term.since, term.what, term.counts_as, term.reason, term.source] for term in terms()
    ]
    names = [row[0] for row in cells if len(row) == 6 and row[1] not in {"since", "---"}]
    for name, term in zip(names, terms(), strict=True):
        assert f"`{term.value}`" in name or term.value in name
    keys = {key for row in cells if len(row) == 2 for key in row[0].split(", ")}
    assert {key for term in terms() for key in term.source.split()} <= keys
