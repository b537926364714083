"""ClinVar's values of 2023 to 2026 in a VCF: by the table that the study names, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from inputs import BASE_INPUT, lines_of, write_lines

from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.read import ReadResult, read_inputs
from amiss_tasks.stages.significance import Significance
from gridrun.errors import InputError

TABLE = Significance(table="clinvar2026")
NEW = (
    "Pathogenic|drug_response",
    "Pathogenic,_low_penetrance",
    "Uncertain_significance/Uncertain_risk_allele",
    "Benign|other",
)
SOMATIC = "SCI=Tier_I_-_Strong;SCIREVSTAT=criteria_provided,_multiple_submitters"
HAPLOTYPE = "CLNSIGINCL=431013:Pathogenic"

STARRED = re.compile(r"CLNREVSTAT=(reviewed|practice|criteria_provided,_[ms])")

Change = Callable[[int, str], str]
"""A record with a star, counted from 0, and its line to another line."""


@pytest.fixture
def vcf(tmp_path: Path) -> Callable[[Change], dict[str, str]]:
    """The sound inputs with a change to every record that has a star."""

    def make(change: Change) -> dict[str, str]:
        lines = lines_of(BASE_INPUT["vcf"])
        first = next(at for at, line in enumerate(lines) if not line.startswith("#"))
        starred = [at for at in range(first, len(lines)) if STARRED.search(lines[at])]
        for number, at in enumerate(starred):
            lines[at] = change(number, lines[at])
        path = write_lines(tmp_path / "newer.vcf", lines)
        return {**BASE_INPUT, "vcf": path}

    return make


def classed(at: int, line: str) -> str:
    """Records one by one with a new value, the others as they are."""
    return re.sub("(?<=;CLNSIG=)[^;]*", lambda _: NEW[at], line) if at < len(NEW) else line


def read(inputs: Mapping[str, str], cache: Path, significance: Significance) -> ReadResult:
    return read_inputs(inputs, {}, cache, "test", significance=significance)


def test_without_the_table_the_message_names_it(vcf, tmp_path):
    """The lines to add come first, then the table with how many of the values it has."""
    inputs = vcf(classed)
    with pytest.raises(InputError) as caught:
        read(inputs, tmp_path, Significance())
    text = caught.value.text()
    assert text.count("is in none of amiss's classes") == len(NEW)
    assert "has for all of these values: clnsig: clinvar2026" in text
    with pytest.raises(InputError) as caught:
        read(
            vcf(lambda at, line: classed(at, line).replace("n|o", "n|un")), tmp_path, Significance()
        )
    assert "for 3 of 4 values: use: clinvar2026, as first line" in caught.value.text()


def test_with_the_table_every_value_is_counted(vcf, tmp_path):
    """Rows of a value get its class; notes say which, by whom, and how many."""
    result = read(vcf(classed), tmp_path, TABLE)
    values = result.table["CLNSIG"].to_pylist()
    found = {value: values.count(value) for value in NEW}
    assert min(found.values()) > 0
    notes = "\n".join(note.message for note in result.notes)
    does = ("counted as positive", "left out", "counted as uncertain", "counted as negative")
    for (value, count), done in zip(found.items(), does, strict=True):
        assert f'{done} by clinvar2026, because of their CLNSIG: "{value}" {count}' in notes
    old = sum(value not in NEW for value in values)
    by_amiss = re.findall(r"(\d+) rows? .* by amiss's own lists, .*", notes)
    assert 0 < sum(map(int, by_amiss)) <= old
    significance = TABLE.of_values(result.clnsig)
    table = filter_table(result, "keep_all", "onestar", "all", significance)
    plain = filter_table(result, "keep_all", "onestar", "all")
    assert plain.rows - table.rows == found["Pathogenic,_low_penetrance"]


def test_what_the_table_lacks_is_refused_with_it(vcf, tmp_path):
    """A value with an unknown part is refused; the lines to add keep the table."""
    inputs = vcf(lambda at, line: classed(at, line).replace("Benign|other", "Benign|unheard"))
    with pytest.raises(InputError) as caught:
        read(inputs, tmp_path, TABLE)
    (fault,) = (each for each in caught.value.faults if not each.message.startswith("note: "))
    assert '"Benign|unheard" is in none' in fault.message
    assert 'clnsig:\n    use: clinvar2026\n    "Benign|unheard":  # ' in fault.todo
    mapped = Significance({"unheard": "drop"}, "clinvar2026")
    assert "left out by clinvar2026" in "\n".join(
        note.message for note in read(inputs, tmp_path, mapped).notes
    )


def test_records_without_a_germline_class_are_counted(vcf, tmp_path):
    """Records that have a somatic class, or that of a haplotype, are left out by these words."""

    def change(at: int, line: str) -> str:
        other = {0: SOMATIC, 1: HAPLOTYPE}.get(at)
        bare = re.sub(";(CLNSIG|CLNREVSTAT)=[^;]*", "", line)
        return line if other is None else f"{bare};{other}"

    result = read(vcf(change), tmp_path, Significance())
    notes = "\n".join(note.message for note in result.notes)
    for reason in (
        "no CLNSIG, but a somatic classification (ONC or SCI)",
        "no CLNSIG, but a class as part of a haplotype or genotype (CLNSIGINCL)",
    ):
        assert result.counts.records_dropped[reason] == 1
        assert f"{reason}; left out (1 record" in notes


@pytest.mark.parametrize(
    ("status", "is_known"),
    [
        ("criteria_provided,_conflicting_classifications", True),
        ("no_classifications_from_unflagged_records", True),
        ("reviewed_by_everybody", False),
    ],
)
def test_an_unknown_review_status_is_named(vcf, tmp_path, status, is_known):
    """No value of quality keeps these; only of the unknown one a note says so."""
    inputs = vcf(lambda at, line: line if at else re.sub("(?<=CLNREVSTAT=)[^;]*", status, line))
    result = read(inputs, tmp_path, Significance())
    assert result.counts.records_dropped["no star in CLNREVSTAT"] >= 1
    notes = "\n".join(note.message for note in result.notes)
    assert (f'CLNREVSTAT "{status}" is no review status' not in notes) is is_known
