"""The key ``clnsig``: what values of CLNSIG count as that amiss does not know."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from amissstudies import amiss_values
from key_texts import assert_refused, read_key

from amiss_tasks.clinvar import NEGATIVE, POSITIVE, UNCERTAIN
from amiss_tasks.stages import clinvar_2026
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE, Significance
from amiss_tasks.study.keys import STUDY_KEYS
from amiss_tasks.study.options import significance_of
from amiss_tasks.tasks.source import AmissSource
from gridrun.pipeline import Settings

MALFORMED = Path(__file__).parents[1] / "malformed" / "base"

KEY = STUDY_KEYS["clnsig"]


def test_values_are_added_to_the_lists(tmp_path):
    """Each class has upstream's values and the mapped ones, and no list lost a value."""
    found = read_key(
        tmp_path,
        "clnsig:\n"
        "  Pathogenic|risk_factor: positive\n"
        '  "Benign|other": negative\n'
        "  Pathogenic,_low_penetrance: uncertain\n"
        "  not_provided: drop\n",
    )
    assert found.notes == ()
    significance = significance_of({"clnsig": found.data})
    assert significance.positive == POSITIVE | {"Pathogenic|risk_factor"}
    assert significance.negative == NEGATIVE | {"Benign|other"}
    assert significance.uncertain == UNCERTAIN | {"Pathogenic,_low_penetrance"}
    assert significance.dropped == {"drug_response", "not_provided"}
    assert significance_of({}) is UPSTREAM_SIGNIFICANCE


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("clnsig: [a]\n", 1, ("a list", "positive, negative, uncertain, drop")),
        ("clnsig:\n", 1, ("null",)),
        ("clnsig: clinvar2025\n", 1, ('unknown value "clinvar2025"', 'did you mean "clinvar2026"')),
        ("clnsig: {use: drop}\n", 1, ('key "use" below clnsig has unknown', "clinvar2026")),
        ("clnsig: {use: clinvar2026, Benign: drop}\n", 1, ("is negative in amiss",)),
        ("clnsig: {}\n", 1, ("a mapping, expected values of CLNSIG",)),
        ("clnsig:\n  5: positive\n", 2, ("5 is not a value of CLNSIG", "in quotes")),
        ("clnsig:\n  '.': drop\n", 2, ('"." is not a value of CLNSIG',)),
        ("clnsig:\n  a:  # 3 variants\n", 2, ('"a" is mapped to null', "positive, negative")),
        ("clnsig:\n  a: Positive\n", 2, ('did you mean "positive"?',)),
        ("clnsig:\n  a: [drop]\n", 2, ('mapped to ["drop"]',)),
        ("clnsig:\n  a: drop\n  a: drop\n", 3, ("mapped twice: lines 2 and 3",)),
        ("clnsig:\n  Pathogenic: negative\n", 2, ("is positive in amiss", "does not change")),
        ("clnsig:\n  association: drop\n", 2, ("is positive in amiss",)),
        ("clnsig:\n  drug_response: uncertain\n", 2, ("is drop in amiss",)),
    ],
)
def test_refusals(tmp_path, text, line, parts):
    """What is wrong is said at its line, with the words that may stand there."""
    assert_refused(tmp_path, text, line, parts)


def test_what_amiss_has_anyway_is_noted(tmp_path):
    """A value mapped to what amiss makes of it is accepted, with a note, and changes nothing."""
    found = read_key(tmp_path, "clnsig:\n  Benign: negative\n  x: drop\n")
    assert found.data == {"x": "drop"}
    assert [note.line for note in found.notes] == [2]
    assert '"Benign" counts as negative without being mapped' in found.notes[0].message


def test_fingerprint_is_of_the_mapping():
    """Order does not count, values and classes do; no key at all is like an empty mapping."""
    texts = [
        KEY.fingerprint(data)
        for data in (
            {"a": "drop", "b": "positive"},
            {"b": "positive", "a": "drop"},
            {"a": "positive", "b": "drop"},
            {"a": "drop"},
            None,
        )
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 4
    assert KEY.fingerprint({}) == texts[-1]


def test_a_table_is_named_alone_or_among_values(tmp_path):
    """Both forms take the table; only the second one adds to it, and the key is another one."""
    alone = read_key(tmp_path, "clnsig: clinvar2026\n").data
    among = read_key(tmp_path, "clnsig:\n  use: clinvar2026\n  x: drop\n").data
    assert significance_of({"clnsig": alone}) == Significance({}, "clinvar2026")
    assert significance_of({"clnsig": among}) == Significance({"x": "drop"}, "clinvar2026")
    prints = [KEY.fingerprint(data) for data in (None, {"x": "drop"}, alone, among)]
    assert len(set(prints)) == 4


def test_a_class_of_the_table_is_part_of_the_key(monkeypatch):
    """Another class in the table makes another fingerprint, another reason does not."""
    before = KEY.fingerprint({"use": "clinvar2026"})
    rows = clinvar_2026.terms()
    for change, is_same in (({"reason": "x"}, True), ({"counts_as": "uncertain"}, False)):
        changed = tuple(
            replace(t, **change) if t.value == "Likely_risk_allele" else t for t in rows
        )
        monkeypatch.setattr(clinvar_2026, "terms", lambda changed=changed: changed)
        assert (KEY.fingerprint({"use": "clinvar2026"}) == before) is is_same


def test_the_table_labels_the_rows_of_a_study(tmp_path):
    """A block has the labels of the old spelling, and a key of its own with the classes met."""
    inputs = {"vcf": "clinvar.vep.vcf", "cadd_snv": "CADD_clingen.tsv"}
    inputs |= {"cadd_indel": "CADD_clingen_indel.tsv"}
    plain = {role: str(MALFORMED / name) for role, name in inputs.items()}
    newer = tmp_path / "newer.vcf"
    newer.write_text(
        re.sub(r"CLNSIG=(Benign|Pathogenic)(?=[;\t])", r"\g<0>|association", _text(plain["vcf"]))
    )
    values = amiss_values(quality="onestar", transcript="keep_all", vus_inclusion="exclude")
    found = []
    for number, vcf in enumerate((plain["vcf"], str(newer))):
        options = {"clnsig": {"use": "clinvar2026"}}
        settings = Settings({**plain, "vcf": vcf}, "amiss", 1, None, options)
        grid = {name: (value,) for name, value in values.items()}
        source = AmissSource(settings, grid, tmp_path / str(number))
        rows = source.labelled(values)
        found.append((rows.row_ids, rows.positive.tolist(), source._block_key(values)["clnsig"]))
    assert found[0][:2] == found[1][:2]
    assert len(found[0][0]) > 5
    assert found[0][2] == {}
    assert found[1][2] == {"Benign|association": "negative", "Pathogenic|association": "positive"}


def _text(path: str) -> str:
    return Path(path).read_text()
