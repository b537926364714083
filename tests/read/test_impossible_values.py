"""Values that a column cannot hold are refused with their lines, as if two cells were swapped."""

from __future__ import annotations

from pathlib import Path

import pytest
from inputs import edit_csq, lines_of, read, write_lines

from gridrun.errors import InputError

DATA = Path(__file__).parents[2] / "examples" / "quickstart" / "data"
INPUTS = {
    "vcf": str(DATA / "clinvar.vep.vcf.gz"),
    "cadd_snv": str(DATA / "cadd_snv.tsv.gz"),
    "cadd_indel": str(DATA / "cadd_indel.tsv.gz"),
}


def with_swapped_csq(tmp_path, one: str, other: str, *, record: int = 40):
    """The golden inputs, where one record with a star has two CSQ fields swapped in its blocks."""
    vcf = lines_of(INPUTS["vcf"])
    starred = [
        number
        for number, line in enumerate(vcf)
        if "CLNREVSTAT=criteria_provided" in line and "ENST" in line
    ]
    number = starred[record]
    head = [line for line in vcf if line.startswith("#")]

    def swap(cells):
        values = {one: ".42" if not cells[one] else cells[one], other: cells[other] or "-7.5"}
        return {**cells, one: values[other], other: values[one]}

    vcf[number] = edit_csq([*head, vcf[number]], swap)[-1]
    return {**INPUTS, "vcf": write_lines(tmp_path / "a.vcf", vcf)}, number + 1


def with_swapped_cadd(tmp_path, one: str, other: str, *, row: int = 500):
    lines = lines_of(INPUTS["cadd_snv"])
    names = lines[1].split("\t")
    cells = lines[row].split("\t")
    a, b = names.index(one), names.index(other)
    cells[a], cells[b] = cells[b], cells[a]
    lines[row] = "\t".join(cells)
    return {**INPUTS, "cadd_snv": write_lines(tmp_path / "a.tsv", lines)}, row + 1


def refused(inputs, tmp_path) -> str:
    with pytest.raises(InputError) as caught:
        read(inputs, tmp_path / "cache")
    return caught.value.text()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Consequence", "IMPACT"),
        ("Consequence", "BIOTYPE"),
        ("Feature", "Gene"),
        ("LRT_score", "PROVEAN_score"),
        ("phastCons100way_vertebrate", "phyloP100way_vertebrate"),
        ("gnomAD_exomes_AF", "PROVEAN_score"),
        ("GenoCanyon_score", "GERP++_RS"),
    ],
)
def test_swapped_fields_of_a_record_are_refused(tmp_path, one, other):
    """The field, its value and the line are named."""
    inputs, line = with_swapped_csq(tmp_path, one, other)
    text = refused(inputs, tmp_path)
    assert "which is not" in text
    assert f"line {line}" in text
    assert one in text or other in text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ref", "Type"),
        ("Alt", "Consequence"),
        ("FeatureID", "GeneID"),
        ("GC", "minDistTSS"),
        ("Consequence", "Type"),
        ("relcDNApos", "minDistTSE"),
    ],
)
def test_swapped_columns_of_a_cadd_row_are_refused(tmp_path, one, other):
    """The column, its value and the line are named, whether the row joins or not."""
    inputs, line = with_swapped_cadd(tmp_path, one, other)
    text = refused(inputs, tmp_path)
    assert f"line {line}" in text
    assert one in text or other in text


def test_another_scale_is_no_damage(tmp_path):
    """Where many values are outside, the column is another one, and nothing is refused."""
    lines = lines_of(INPUTS["cadd_snv"])
    at = lines[1].split("\t").index("GC")
    for number, line in enumerate(lines[2:], 2):
        cells = line.split("\t")
        if number % 2 and cells[at] != "NA":
            cells[at] = f"{float(cells[at]) * 100:g}"
        lines[number] = "\t".join(cells)
    inputs = {**INPUTS, "cadd_snv": write_lines(tmp_path / "a.tsv", lines)}
    read(inputs, tmp_path / "cache")
